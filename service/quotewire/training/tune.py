"""Choosing on the development set what gradients do not learn: thresholds, biases, calibration.

Coordinate search over a few numbers, each on the figure that it moves; then a logistic regression
from a statement's features to the probability that it is right.  The windows are scored once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from quotewire.evaluation import GoldArticle, Report, Row, read_gold, score_lines
from quotewire.evaluation.matching import Pairs, match
from quotewire.evaluation.rows import rows_from_line
from quotewire.extraction.decode import Candidate, decode_windows
from quotewire.extraction.extractor import (
    TOKENS_PER_BATCH,
    Extractor,
    Prepared,
    batches_by_length,
)
from quotewire.extraction.model_folder import (
    Decoding,
    LoadedModel,
    load_model,
    read_description,
    write_description,
)
from quotewire.extraction.resolve import Attribution, Names, Resolver
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.transformer import TransformerModel
from quotewire.lines import extraction_to_line
from quotewire.training.calibration import FOLDS, Array, cross_validated_error, fit_logistic
from quotewire.types import Article, ExtractOptions

TOKENS_TOGETHER = 20_000  # padded pieces decoded at a time: only memory bounds it
SPANS = ("source_f1", "cue_f1", "content_f1", "exact_f1", "soft_f1")


class NoNames(Resolver):
    """Leaves names alone: nothing that is tuned here looks at them."""

    def __init__(self) -> None:
        pass

    def resolve(self, article: Article, attributions: Sequence[Attribution]) -> list[Names]:
        return [Names(None, a.speaker_type, None) for a in attributions]


@dataclass(slots=True)
class DevSet:
    """The development articles, read by the model once."""

    extractor: Extractor
    gold: list[GoldArticle]
    prepared: list[Prepared] = field(init=False)
    scores: list[list[WindowScores]] = field(init=False)

    def __post_init__(self) -> None:
        self.prepared = [
            self.extractor.prepare(Article(id=g.id, text=g.text, title=g.title)) for g in self.gold
        ]
        windows = [window for prepared in self.prepared for window in prepared.windows]
        answers: dict[int, WindowScores] = {}
        for batch in batches_by_length(windows, tokens_per_batch=TOKENS_PER_BATCH):
            scored = self.extractor.model.score([windows[n] for n in batch])
            answers.update(zip(batch, scored, strict=True))
        ordered = iter([answers[n] for n in range(len(windows))])
        self.scores = [[next(ordered) for _ in prepared.windows] for prepared in self.prepared]

    def decoded(self, decoding: Decoding) -> list[list[tuple[Candidate, ...]]]:
        """What is found in each window of each article under ``decoding``."""
        windows = [window for prepared in self.prepared for window in prepared.windows]
        scores = [score for scores in self.scores for score in scores]
        found: dict[int, tuple[Candidate, ...]] = {}
        for batch in batches_by_length(windows, tokens_per_batch=TOKENS_TOGETHER):
            results = decode_windows(
                [windows[n] for n in batch], [scores[n] for n in batch], decoding
            )
            found.update(zip(batch, results, strict=True))
        ordered = iter([found[n] for n in range(len(windows))])
        return [[next(ordered) for _ in prepared.windows] for prepared in self.prepared]

    def lines(self, decoded: Sequence[Sequence[tuple[Candidate, ...]]]) -> list[dict[str, Any]]:
        """JSON lines of all articles, both acts, nothing held back."""
        options = ExtractOptions(all_acts=True)
        return [
            extraction_to_line(p.article, self.extractor.finish(p, windows, options=options))
            for p, windows in zip(self.prepared, decoded, strict=True)
        ]

    def report(self, decoding: Decoding) -> Report:
        return score_lines(self.gold, self.lines(self.decoded(decoding)))


def without_names(loaded: LoadedModel) -> Extractor:
    """A model's extractor that leaves names alone."""
    return Extractor(
        TransformerModel(
            loaded.network,
            proposal_bias=loaded.decoding.proposal_bias,
            ranges=loaded.ranges,
        ),
        tokenizer=loaded.tokenizer,
        info=loaded.info,
        decoding=loaded.decoding,
        resolver=NoNames(),
    )


def read_dev(loaded: LoadedModel, gold: list[GoldArticle], decoding: Decoding) -> DevSet:
    """The development articles as a model reads them with the proposals of ``decoding``."""
    return DevSet(without_names(replace(loaded, decoding=decoding)), gold)


def mean_of(report: Report, metrics: Sequence[str]) -> float:
    return float(np.mean([report.value(metric) or 0.0 for metric in metrics]))


@dataclass(frozen=True, slots=True)
class Knob:
    """One number to choose: how to set it, what to try, and the figures whose mean decides."""

    name: str
    values: tuple[float, ...]
    metrics: tuple[str, ...]
    change: Callable[[Decoding, float], Decoding]


def _set(name: str, place: int) -> Callable[[Decoding, float], Decoding]:
    def change(decoding: Decoding, value: float) -> Decoding:
        values = list(getattr(decoding, name))
        values[place] = value
        changed: dict[str, Any] = {name: tuple(values)}
        return replace(decoding, **changed)

    return change


_BIASES = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0)
_SHARES = (0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
KNOBS = (
    Knob("cue threshold", _SHARES, SPANS, _set("valid_threshold", 0)),
    Knob("content bias", (-3.0, -2.0, *_BIASES), SPANS, _set("role_bias", 1)),
    Knob("source bias", _BIASES, SPANS, _set("role_bias", 0)),
    Knob("intermediary bias", (*_BIASES, 2.0), ("intermediary_f1",), _set("role_bias", 2)),
    Knob("addressee bias", (*_BIASES, 2.0), ("addressee_f1",), _set("role_bias", 3)),
    Knob("nested threshold", (0.1, *_SHARES), ("nested_f1", "soft_f1"), _set("valid_threshold", 1)),
)
# Which cues are proposed at all is chosen first, since the model has to look again for each value.
NESTED_PROPOSALS = Knob(
    "nested proposals",
    (0.0, 0.5, 1.0, 1.5),
    ("nested_f1", "soft_f1"),
    _set("proposal_bias", 1),
)


def choose_proposals(
    loaded: LoadedModel, gold: list[GoldArticle], start: Decoding
) -> tuple[float, Decoding, DevSet]:
    """How generously nested cues are proposed, each value with the nested threshold that suits it:
    the best figure, its decoding, and the development articles as read with it."""
    (threshold,) = (knob for knob in KNOBS if knob.name == "nested threshold")
    best: tuple[float, Decoding, DevSet] | None = None
    for value in NESTED_PROPOSALS.values:
        dev = read_dev(loaded, gold, NESTED_PROPOSALS.change(start, value))
        for share in threshold.values:
            decoding = threshold.change(NESTED_PROPOSALS.change(start, value), share)
            figure = mean_of(dev.report(decoding), NESTED_PROPOSALS.metrics)
            if best is None or figure > best[0]:
                best = figure, decoding, dev
    assert best is not None
    return best


def search(dev: DevSet, start: Decoding) -> Iterator[tuple[str, float, float, Decoding]]:
    """Turns one knob after the other; yields (knob, value chosen, its figure, decoding so far)."""
    best = start
    for knob in KNOBS:
        tried = [
            (mean_of(dev.report(knob.change(best, value)), knob.metrics), -abs(value), value)
            for value in knob.values
        ]
        figure, _, value = max(tried)  # of equals, the smallest number
        best = knob.change(best, value)
        yield knob.name, value, figure, best


def right_or_wrong(dev: DevSet, decoding: Decoding) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """Features [statements, features], whether each is right (soft relation match), its article."""
    features, right, article = [], [], []
    decoded = dev.decoded(decoding)
    for number, (gold, windows, line) in enumerate(
        zip(dev.gold, decoded, dev.lines(decoded), strict=True)
    ):
        found = sorted((c for window in windows for c in window), key=lambda c: c.cue)
        rows: Sequence[Row] = rows_from_line(line, text=gold.text, where=gold.id)
        matched = match(Pairs.of(gold.rows, rows, text=gold.text).soft, rows)
        for n, candidate in enumerate(found):
            features.append(candidate.features)
            right.append(float(n in matched))
            article.append(number)
    return np.array(features), np.array(right), np.array(article)


def tune(folder: Path, *, gold: Path, layer: Path | None) -> Iterator[tuple[float | None, str]]:
    """Chooses decoding numbers and calibration for ``folder`` and writes them to its
    ``config.json``; yields lines of news, each with the cross-validated calibration error, which
    is known with the last one (None before, and where no
    statement is found at all)."""
    description = read_description(folder)
    start = replace(description.decoding, calibration=())
    figure, best, dev = choose_proposals(
        load_model(str(folder)), read_gold(gold, layer=layer), start
    )
    yield None, f"{NESTED_PROPOSALS.name} {best.proposal_bias[1]:+.2f}: {100 * figure:.2f}"
    for knob, value, figure, chosen in search(dev, best):
        best = chosen
        yield None, f"{knob} {value:+.2f}: {100 * figure:.2f}"
    features, right, article = right_or_wrong(dev, best)
    if not len(right):
        write_description(folder, replace(description, decoding=best))
        yield None, "no statement found: nothing to calibrate confidence on"
        return
    weights = fit_logistic(features, right)
    best = replace(best, calibration=tuple(round(float(w), 4) for w in weights))
    write_description(folder, replace(description, decoding=best))
    error = cross_validated_error(features, right, article)
    yield error, f"calibration error by {FOLDS}-fold cross-validation over articles: {error:.4f}"
