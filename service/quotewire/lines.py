"""The JSON line: what ``quotewire score`` reads and writes, one article a line.

The field names are a contract (other people's scripts read them); docs/json-lines.md describes
them.  Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quotewire.errors import InputError
from quotewire.types import Article, Extraction, Span, Statement

ARTICLE_FIELDS = ("id", "text", "title", "publisher", "published", "language")

# Stands between the pieces of an interrupted quote in its ``text``.
PIECE_SEPARATOR = " … "


def article_from_line(line: Mapping[str, Any]) -> Article:
    """The article of one input line; unknown keys go to ``meta``.

    Raises InputError naming the field that is missing or of the wrong type.
    """
    if not isinstance(line, Mapping):
        raise InputError(
            field="line", value=type(line).__name__, allowed="a JSON object with id and text"
        )
    for key in ("id", "text"):
        if key not in line:
            raise InputError(field=key, value="nothing", allowed="a string (required)")
    for key in ARTICLE_FIELDS:
        value = line.get(key)
        optional = key not in ("id", "text")
        if not isinstance(value, str) and not (optional and value is None):
            raise InputError(
                field=key,
                value=f"{type(value).__name__} {str(value)[:40]!r}",
                allowed="a string" + (" or null" if optional else ""),
            )
    if not line["id"]:
        raise InputError(field="id", value="''", allowed="a non-empty string")
    known: dict[str, Any] = {key: line.get(key) for key in ARTICLE_FIELDS}
    meta = {key: value for key, value in line.items() if key not in ARTICLE_FIELDS}
    return Article(**known, meta=meta)


def span_text(text: str, span: Span) -> dict[str, Any]:
    return {"start": span.start, "end": span.end, "text": span.slice(text)}


def quote_text(text: str, spans: tuple[Span, ...]) -> str:
    """The pieces of a quote in reading order, joined by an ellipsis."""
    return PIECE_SEPARATOR.join(span.slice(text) for span in spans)


def statement_to_json(text: str, statement: Statement) -> dict[str, Any]:
    quote, speaker = statement.quote, statement.speaker
    return {
        "id": statement.id,
        "act": statement.act.value,
        "confidence": round(statement.confidence, 4),
        "reported_in": statement.reported_in,
        "quote": {
            "text": quote_text(text, quote.spans),
            "kind": quote.kind.value,
            "spans": [{"start": s.start, "end": s.end} for s in quote.spans],
            "verbatim": [{"start": s.start, "end": s.end} for s in quote.verbatim],
        },
        "speaker": None
        if speaker is None
        else {
            "name": speaker.name,
            "type": speaker.type.value if speaker.type else None,
            "mention": span_text(text, speaker.mention) if speaker.mention else None,
        },
        "cue": span_text(text, statement.cue),
        "intermediaries": [
            {"name": i.name, "kind": i.kind.value, "mention": span_text(text, i.mention)}
            for i in statement.intermediaries
        ],
        "addressee": span_text(text, statement.addressee) if statement.addressee else None,
    }


def extraction_to_line(article: Article, extraction: Extraction) -> dict[str, Any]:
    """The output line for an article that was answered."""
    line: dict[str, Any] = {
        "id": article.id,
        "model": extraction.model,
        "language": extraction.language,
        "warnings": list(extraction.warnings),
        "statements": [statement_to_json(article.text, s) for s in extraction.statements],
        "error": None,
    }
    if article.meta:
        line["meta"] = dict(article.meta)
    return line


def error_to_line(article_id: str | None, *, model: str, message: str) -> dict[str, Any]:
    """The output line for an article that could not be answered."""
    return {"id": article_id, "model": model, "statements": [], "error": message}
