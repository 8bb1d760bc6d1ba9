"""Gold from the corpora: a file of annotated articles, and a layer over it.

A corpus line is an article with ``annotations``, one set of attributions (source, cue and content
spans) for each annotator.  A layer line adds act, speaker name and type, intermediary and addressee
to the first annotator's attributions, and nested statements after them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from quotewire.errors import InputError
from quotewire.evaluation.jsonl import Located, by_id, list_of, object_of, string_of
from quotewire.evaluation.rows import (
    LAYERS,
    GoldArticle,
    Row,
    Via,
    distinct,
    member_of,
    name_of,
    span_at,
)
from quotewire.types import Act, IntermediaryKind, Span, SpeakerType


def corpus_articles(
    lines: Iterable[Located], *, layer: Iterable[Located] | None
) -> list[GoldArticle]:
    """The articles of a corpus file with the first annotator's rows; with ``layer``, the articles
    that it covers with the layer's rows.

    Raises InputError where the layer is not that of these attributions.
    """
    found = by_id(lines)
    if layer is None:
        return [
            _gold(line, rows=annotator_rows(line, where=where)[0], labelled=frozenset())
            for where, line in found.values()
        ]
    layers = by_id(layer)
    for name, (where, _) in layers.items():
        if name not in found:
            raise InputError(
                field=f"{where}: id", value=repr(name), allowed="the id of an article of the corpus"
            )
    articles = []
    for name, (where, line) in found.items():
        if name in layers:
            at, extra = layers[name]
            rows = _layer_rows(extra, text=string_of(line, "text", where=where), where=at)
            outer = [_spans(row) for row in rows if not row.nested]
            if outer != [_spans(row) for row in annotator_rows(line, where=where)[0]]:
                raise InputError(
                    field=f"{at}: statements",
                    value=f"article {name!r}",
                    allowed="the attributions of the corpus's first annotator, in their order",
                )
            articles.append(_gold(line, rows=rows, labelled=LAYERS))
    return articles


def annotator_rows(line: Mapping[str, Any], *, where: str) -> list[tuple[Row, ...]]:
    """The rows of every annotator of a corpus line, in the line's order."""
    text = string_of(line, "text", where=where)
    annotations = list_of(line, "annotations", where=where)
    if not annotations:
        raise InputError(field=f"{where}: annotations", value="[]", allowed="one annotator or more")
    sets = [
        list_of(object_of(a, where=f"{where}: annotations"), "attributions", where=where)
        for a in annotations
    ]
    return [
        tuple(
            _attribution(value, text=text, where=f"{where}: attributions[{n}]")
            for n, value in enumerate(values)
        )
        for values in sets
    ]


def _gold(
    line: Mapping[str, Any], *, rows: tuple[Row, ...], labelled: frozenset[str]
) -> GoldArticle:
    return GoldArticle(
        id=line["id"],
        text=line["text"],
        rows=rows,
        title=line.get("title"),
        publisher=line.get("publisher"),
        labelled=labelled,
    )


def _spans(row: Row) -> tuple[Span, tuple[Span, ...], tuple[Span, ...]]:
    return row.cue, row.sources, row.content


def _attribution(value: Any, *, text: str, where: str) -> Row:
    attribution = object_of(value, where=where)

    def spans(role: str) -> tuple[Span, ...]:
        marked = list_of(attribution, role, where=where)
        return distinct([span_at(span, text=text, where=f"{where}.{role}") for span in marked])

    cues = spans("cue")
    if not cues:
        raise InputError(field=f"{where}.cue", value="no span", allowed="one span or more")
    # One annotator of the whole corpus, never the first, once marked a cue in two pieces: the
    # first piece stands for it.
    return Row(cue=cues[0], sources=spans("source"), content=spans("content"))


def _layer_rows(line: Mapping[str, Any], *, text: str, where: str) -> tuple[Row, ...]:
    values = list_of(line, "statements", where=where)
    places = [f"{where}: statements[{n}]" for n in range(len(values))]
    bare = [
        _attribution(value, text=text, where=at) for value, at in zip(values, places, strict=True)
    ]
    return tuple(
        _layer_row(value, row, rows=bare, text=text, where=at)
        for value, row, at in zip(values, bare, places, strict=True)
    )


def _layer_row(
    value: Mapping[str, Any], row: Row, *, rows: Sequence[Row], text: str, where: str
) -> Row:
    for key in ("act", "speaker", "speaker_type", "intermediary", "intermediary_kind", "addressee"):
        if key not in value:
            raise InputError(field=f"{where}.{key}", value="nothing", allowed="a value or null")
    if not isinstance(value.get("nested"), bool):
        raise InputError(
            field=f"{where}.nested", value=repr(value.get("nested")), allowed="true or false"
        )

    def span(key: str) -> Span | None:
        at = value[key]
        return None if at is None else span_at(at, text=text, where=f"{where}.{key}")

    via = span("intermediary")
    kind = member_of(
        IntermediaryKind, value["intermediary_kind"], where=f"{where}.intermediary_kind"
    )
    return Row(
        cue=row.cue,
        sources=row.sources,
        content=row.content,
        act=member_of(Act, value["act"], where=f"{where}.act"),
        speaker=name_of(value["speaker"], where=f"{where}.speaker"),
        speaker_type=member_of(SpeakerType, value["speaker_type"], where=f"{where}.speaker_type"),
        via=() if via is None else (Via(via, kind),),
        addressee=span("addressee"),
        nested=value["nested"],
        reported_in=_enclosing(row, rows) if value["nested"] else None,
    )


def _enclosing(row: Row, rows: Sequence[Row]) -> int | None:
    """The row whose piece of content is the smallest to hold the cue of ``row``."""
    holding = [
        (len(piece), n)
        for n, other in enumerate(rows)
        if other is not row
        for piece in other.content
        if piece.contains(row.cue)
    ]
    return min(holding)[1] if holding else None
