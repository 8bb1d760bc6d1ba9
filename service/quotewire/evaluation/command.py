"""What ``quotewire evaluate`` calls: files in, a report out."""

from __future__ import annotations

from pathlib import Path

from quotewire.evaluation.gold import read_gold
from quotewire.evaluation.jsonl import read_json_lines
from quotewire.evaluation.report import RESAMPLES, SEED, Difference, Report, compare
from quotewire.evaluation.score import score_located


def evaluate_files(
    gold: Path,
    predictions: Path,
    *,
    layer: Path | None = None,
    texts: Path | None = None,
    allow_missing: bool = False,
    model: str | None = None,
) -> Report:
    """Scores a file of predicted JSON lines on a gold file; see :func:`gold.read_gold` and
    :func:`score.score_lines` for formats and refusals (InputError)."""
    return score_located(
        read_gold(gold, layer=layer, texts=texts),
        read_json_lines(predictions),
        allow_missing=allow_missing,
        model=model,
    )


def compare_files(
    gold: Path,
    a: Path,
    b: Path,
    *,
    layer: Path | None = None,
    texts: Path | None = None,
    allow_missing: bool = False,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[Report, Report, list[Difference]]:
    """Scores two files on the same gold; the reports of both and ``b`` minus ``a`` by every
    metric."""
    articles = read_gold(gold, layer=layer, texts=texts)
    reports = [
        score_located(articles, read_json_lines(path), allow_missing=allow_missing)
        for path in (a, b)
    ]
    differences = compare(reports[0], reports[1], resamples=resamples, seed=seed)
    return reports[0], reports[1], differences
