"""Gold articles and predicted lines in, a report out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from quotewire.errors import InputError
from quotewire.evaluation.counts import count_article
from quotewire.evaluation.jsonl import Located, list_of, read_json_lines, string_of
from quotewire.evaluation.report import Report
from quotewire.evaluation.rows import GoldArticle, Row, rows_from_line
from quotewire.evaluation.signature import signature_of


def read_predictions(path: Path) -> Iterator[Located]:
    """The lines of a file that ``quotewire score`` wrote, with where they stand."""
    return read_json_lines(path)


def score_lines(
    gold: Sequence[GoldArticle],
    lines: Iterable[Mapping[str, Any]],
    *,
    allow_missing: bool = False,
    model: str | None = None,
) -> Report:
    """Scores predicted JSON lines (dicts as in :mod:`quotewire.lines`) on gold articles.

    ``model`` overrides the tag that the lines carry.  A gold article without a prediction, or with
    an ``error`` line, is refused; with ``allow_missing`` it counts as empty and stands in
    ``report.missing``.  Raises InputError naming the line and field.
    """
    located = ((f"line {n}", line) for n, line in enumerate(lines, 1))
    return score_located(gold, located, allow_missing=allow_missing, model=model)


def score_located(
    gold: Sequence[GoldArticle],
    lines: Iterable[Located],
    *,
    allow_missing: bool = False,
    model: str | None = None,
) -> Report:
    """As :func:`score_lines`, over (where, line): ``where`` stands in every message."""
    if not gold:
        raise InputError(field="gold", value="no articles", allowed="at least one article")
    by_id = {article.id: article for article in gold}
    predicted: dict[str, tuple[Row, ...]] = {}
    failed: dict[str, str] = {}
    tags: set[str] = set()
    for where, line in lines:
        name = string_of(line, "id", where=where)
        if name not in by_id:
            raise InputError(
                field=f"{where}: id", value=repr(name), allowed="the id of a gold article"
            )
        if name in predicted or name in failed:
            raise InputError(
                field=f"{where}: id", value=repr(name), allowed="one line for each article"
            )
        tags.add(str(line.get("model") or "unknown"))
        if line.get("error") is not None:
            failed[name] = f"{where} has the error {str(line['error'])[:120]!r}"
            continue
        list_of(line, "statements", where=where)
        predicted[name] = rows_from_line(line, text=by_id[name].text, where=where)
    missing = tuple(article.id for article in gold if article.id not in predicted)
    if missing and not allow_missing:
        raise InputError(
            field="predictions",
            value=f"{len(missing)} of {len(gold)} gold articles without one, first {missing[0]!r}"
            + (f" ({failed[missing[0]]})" if missing[0] in failed else ""),
            allowed="a prediction for every gold article, or allow_missing (counts them as empty)",
        )
    return score_rows(
        gold,
        [predicted.get(article.id, ()) for article in gold],
        model=model or "+".join(sorted(tags)) or "unknown",
        missing=missing,
    )


def score_rows(
    gold: Sequence[GoldArticle],
    predicted: Sequence[Sequence[Row]],
    *,
    model: str,
    missing: tuple[str, ...] = (),
) -> Report:
    """Scores rows that are already in the evaluation's own form, one sequence per gold article."""
    tables = [count_article(a, rows) for a, rows in zip(gold, predicted, strict=True)]
    return Report(
        signature=signature_of(gold, model=model),
        ids=tuple(article.id for article in gold),
        publishers=tuple(article.publisher for article in gold),
        counts=np.stack(tables),
        missing=missing,
    )
