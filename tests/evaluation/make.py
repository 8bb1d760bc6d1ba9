"""Small articles and rows for the tests of the evaluation, written by their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quotewire.evaluation.report import Report
from quotewire.evaluation.rows import LAYERS, GoldArticle, Row, Via
from quotewire.evaluation.score import score_rows
from quotewire.types import IntermediaryKind, Span

TEXT = (
    "Ann Lee said the old bridge is perfectly safe.\n\n"
    "“We checked,” Bob Ray told Harbour Radio, “every single bolt.”\n\n"
    "The council reported that Cy Dunn had denied any delay.\n\n"
    "It was alleged that the money is gone. Voters want a new bridge soon."
)


def at(words: str, *, text: str = TEXT) -> Span:
    """Where ``words`` first stand."""
    start = text.index(words)
    return Span(start, start + len(words))


def row(
    cue: str,
    *,
    source: str | None = None,
    content: str | Sequence[str] = (),
    via: Sequence[tuple[str, IntermediaryKind | None]] = (),
    addressee: str | None = None,
    text: str = TEXT,
    **fields: Any,
) -> Row:
    pieces = [content] if isinstance(content, str) else content
    return Row(
        cue=at(cue, text=text),
        sources=() if source is None else (at(source, text=text),),
        content=tuple(sorted(at(piece, text=text) for piece in pieces)),
        via=tuple(Via(at(words, text=text), kind) for words, kind in via),
        addressee=None if addressee is None else at(addressee, text=text),
        **fields,
    )


def article(
    rows: Sequence[Row],
    *,
    id: str = "a",
    text: str = TEXT,
    publisher: str | None = None,
    labelled: frozenset[str] = LAYERS,
) -> GoldArticle:
    return GoldArticle(id=id, text=text, rows=tuple(rows), publisher=publisher, labelled=labelled)


def report(gold: Sequence[Row], predicted: Sequence[Row], **fields: Any) -> Report:
    """The report on one article."""
    return score_rows([article(gold, **fields)], [predicted], model="test@1.0.0")


def prf(scores: Report, measure: str) -> tuple[float | None, float | None, float | None]:
    return (
        scores.value(f"{measure}_precision"),
        scores.value(f"{measure}_recall"),
        scores.value(f"{measure}_f1"),
    )
