"""Readers of gold articles: the corpora with their layers, and plain JSON lines."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from quotewire.errors import InputError
from quotewire.evaluation.rows import (
    LAYERS,
    GoldArticle,
    Row,
    Via,
    distinct,
    rows_from_line,
    span_at,
)
from quotewire.types import Act, IntermediaryKind, Span, SpeakerType

# The key of a statement whose presence says that a layer was annotated.
_KEY_OF_LAYER = {
    "act": "act",
    "speaker": "speaker",
    "intermediary": "intermediaries",
    "addressee": "addressee",
    "nested": "reported_in",
}


def read_json_lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(``file:line``, object) of a .jsonl or .jsonl.gz file; blank lines are passed over.

    Raises InputError for a file that cannot be read and for a line that is no JSON object, naming
    the line.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                where = f"{path.name}:{number}"
                try:
                    value = json.loads(line)
                except json.JSONDecodeError as error:
                    raise InputError(
                        field=where,
                        value=f"{line.strip()[:40]!r} ({error.msg} at column {error.colno})",
                        allowed="one JSON object a line",
                    ) from None
                if not isinstance(value, Mapping):
                    raise InputError(
                        field=where, value=type(value).__name__, allowed="one JSON object a line"
                    )
                yield where, value
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise InputError(
            field=str(path), value=str(error)[:120], allowed="a readable .jsonl or .jsonl.gz file"
        ) from error


def string_of(line: Mapping[str, Any], key: str, *, where: str) -> str:
    value = line.get(key)
    if not isinstance(value, str) or not value:
        raise InputError(
            field=f"{where}: {key}",
            value="nothing" if value is None else repr(value)[:60],
            allowed="a non-empty string",
        )
    return value


def read_gold(
    path: Path, *, layer: Path | None = None, texts: Path | None = None
) -> list[GoldArticle]:
    """The gold articles of a file, in its order.

    Two formats are told apart by their lines: a corpus file (``annotations``, the first annotator
    is gold; ``layer`` adds act, names, intermediaries, addressees and nested statements and keeps
    only the articles it covers) and JSON lines as ``quotewire score`` writes them (``statements``)
    with the article's ``text``, or with the texts in a file of their own, ``texts``.

    Raises InputError for anything broken, naming file and line.
    """
    lines = list(read_json_lines(path))
    if not lines:
        raise InputError(field=str(path), value="no lines", allowed="at least one gold article")
    if "annotations" in lines[0][1]:
        if texts is not None:
            raise InputError(
                field="texts", value=str(texts), allowed="JSON line gold only, not a corpus file"
            )
        articles = _corpus(lines, None if layer is None else list(read_json_lines(layer)))
    else:
        if layer is not None:
            raise InputError(
                field="layer",
                value=str(layer),
                allowed=f"a corpus file beside it; {path.name} has JSON lines",
            )
        articles = _json_gold(lines, texts)
    _refuse_duplicates([article.id for article in articles], where=path.name)
    return articles


def _refuse_duplicates(ids: Sequence[str], *, where: str) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise InputError(field=f"{where}: id", value=repr(name), allowed="each id once")
        seen.add(name)


def _json_gold(
    lines: Sequence[tuple[str, Mapping[str, Any]]], texts: Path | None
) -> list[GoldArticle]:
    sources = (
        {}
        if texts is None
        else {string_of(line, "id", where=where): line for where, line in read_json_lines(texts)}
    )
    articles = []
    for where, line in lines:
        name = string_of(line, "id", where=where)
        if "statements" not in line:
            raise InputError(field=f"{where}: statements", value="nothing", allowed="a JSON list")
        meta = {**sources.get(name, {}), **line}
        if not isinstance(meta.get("text"), str):
            raise InputError(
                field=f"{where}: text",
                value="nothing",
                allowed="the article's text, in this line or under its id in the file of texts",
            )
        articles.append(
            GoldArticle(
                id=name,
                text=meta["text"],
                rows=rows_from_line(line, text=meta["text"], where=where),
                title=meta.get("title"),
                publisher=meta.get("publisher"),
                labelled=_labelled(line, where=where),
            )
        )
    return articles


def _labelled(line: Mapping[str, Any], *, where: str) -> frozenset[str]:
    """The line's own ``labelled``, else every layer whose key all its statements have."""
    named = line.get("labelled")
    if named is None:
        statements = line["statements"] or []
        return frozenset(
            layer for layer, key in _KEY_OF_LAYER.items() if all(key in s for s in statements)
        )
    if not isinstance(named, list) or not LAYERS.issuperset(named):
        raise InputError(
            field=f"{where}: labelled",
            value=repr(named)[:80],
            allowed=f"a list of {', '.join(sorted(LAYERS))}",
        )
    return frozenset(named)


def _corpus(
    lines: Sequence[tuple[str, Mapping[str, Any]]],
    layer: Sequence[tuple[str, Mapping[str, Any]]] | None,
) -> list[GoldArticle]:
    layered = (
        None
        if layer is None
        else {string_of(line, "id", where=where): (where, line) for where, line in layer}
    )
    articles, known = [], set()
    for where, line in lines:
        name = string_of(line, "id", where=where)
        known.add(name)
        if layered is not None and name not in layered:
            continue
        text = string_of(line, "text", where=where)
        marked = line["annotations"][0]["attributions"]
        rows = [_attribution(a, text=text, where=f"{where}: {n}") for n, a in enumerate(marked)]
        if layered is not None:
            where, extra = layered[name]
            outer = rows
            rows = _layer_rows(extra["statements"], text=text, where=where)
            if [_spans(row) for row in rows if not row.nested] != [_spans(row) for row in outer]:
                raise InputError(
                    field=f"{where}: statements",
                    value=f"article {name!r}",
                    allowed="the attributions of the corpus's first annotator, in their order",
                )
        articles.append(
            GoldArticle(
                id=name,
                text=text,
                rows=tuple(rows),
                title=line.get("title"),
                publisher=line.get("publisher"),
                labelled=LAYERS if layered is not None else frozenset(),
            )
        )
    unknown = set(layered or ()) - known
    if unknown:
        raise InputError(
            field="layer", value=f"article {min(unknown)!r}", allowed="articles of the corpus file"
        )
    return articles


def annotator_rows(line: Mapping[str, Any], *, where: str) -> dict[str, tuple[Row, ...]]:
    """The rows of every annotator of a corpus line, by the annotator's name, first one first."""
    text = string_of(line, "text", where=where)
    return {
        annotation["annotator"]: tuple(
            _attribution(a, text=text, where=f"{where}: {n}")
            for n, a in enumerate(annotation["attributions"])
        )
        for annotation in line["annotations"]
    }


def _spans(row: Row) -> tuple[Span, tuple[Span, ...], tuple[Span, ...]]:
    return row.cue, row.sources, row.content


def _attribution(value: Mapping[str, Any], *, text: str, where: str) -> Row:
    def spans(role: str) -> tuple[Span, ...]:
        return distinct(
            [span_at(span, text=text, where=f"{where}.{role}") for span in value.get(role) or []]
        )

    cues = spans("cue")
    if len(cues) != 1:
        raise InputError(field=f"{where}.cue", value=f"{len(cues)} spans", allowed="one span")
    return Row(cue=cues[0], sources=spans("source"), content=spans("content"))


def _layer_rows(values: Sequence[Mapping[str, Any]], *, text: str, where: str) -> list[Row]:
    bare = [
        _attribution(value, text=text, where=f"{where}: statements[{n}]")
        for n, value in enumerate(values)
    ]
    return [
        _layer_row(value, row, bare=bare, text=text, where=f"{where}: statements[{n}]")
        for n, (value, row) in enumerate(zip(values, bare, strict=True))
    ]


def _layer_row(
    value: Mapping[str, Any], row: Row, *, bare: Sequence[Row], text: str, where: str
) -> Row:
    def span(key: str) -> Span | None:
        at = value[key]
        return None if at is None else span_at(at, text=text, where=f"{where}.{key}")

    via, kind, speaker_type = (
        span("intermediary"),
        value["intermediary_kind"],
        value["speaker_type"],
    )
    nested = bool(value["nested"])
    return Row(
        cue=row.cue,
        sources=row.sources,
        content=row.content,
        act=Act(value["act"]),
        speaker=value["speaker"],
        speaker_type=None if speaker_type is None else SpeakerType(speaker_type),
        via=() if via is None else (Via(via, None if kind is None else IntermediaryKind(kind)),),
        addressee=span("addressee"),
        nested=nested,
        reported_in=_enclosing(row, bare) if nested else None,
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
