"""The JSON line: what ``quotewire score`` reads and writes, one article a line.

The field names are a contract (other people's scripts read them); docs/json-lines.md describes
them.  Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from quotewire.errors import InputError
from quotewire.types import (
    Act,
    Article,
    Extraction,
    Intermediary,
    IntermediaryKind,
    Quote,
    QuoteKind,
    Span,
    Speaker,
    SpeakerType,
    Statement,
)

Kind = TypeVar("Kind", bound=StrEnum)

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


def extraction_from_line(line: Mapping[str, Any]) -> Extraction:
    """What an output line without an ``error`` says; the words in it are passed over, as they
    follow from the spans and the article's text.

    Raises InputError naming the field that is missing or wrong.
    """
    statements = _get(line, "statements", list)
    return Extraction(
        article_id=_get(line, "id", str),
        model=_get(line, "model", str),
        statements=tuple(
            _statement(_as(s, dict, f"statements[{n}]"), f"statements[{n}]")
            for n, s in enumerate(statements)
        ),
        language=_get(line, "language", str, optional=True),
        warnings=tuple(_get(line, "warnings", list, optional=True) or ()),
    )


def _statement(line: Mapping[str, Any], at: str) -> Statement:
    quote = _get(line, "quote", dict, at=at)
    speaker = _get(line, "speaker", dict, at=at, optional=True)
    through = _get(line, "intermediaries", list, at=at)
    addressee = _get(line, "addressee", dict, at=at, optional=True)
    confidence = _get(line, "confidence", (int, float), at=at)
    if not 0 <= confidence <= 1:
        raise InputError(field=f"{at}.confidence", value=f"{confidence}", allowed="0 to 1")
    spans = _spans(quote, "spans", at=f"{at}.quote")
    if not spans:
        raise InputError(field=f"{at}.quote.spans", value="[]", allowed="one span or more")
    return Statement(
        id=_get(line, "id", str, at=at),
        act=_kind(line, "act", Act, at=at),
        confidence=float(confidence),
        quote=Quote(
            spans,
            _kind(quote, "kind", QuoteKind, at=f"{at}.quote"),
            _spans(quote, "verbatim", at=f"{at}.quote"),
        ),
        cue=_span(_get(line, "cue", dict, at=at), f"{at}.cue"),
        speaker=None if speaker is None else _speaker(speaker, f"{at}.speaker"),
        intermediaries=tuple(
            _intermediary(_as(i, dict, f"{at}.intermediaries[{n}]"), f"{at}.intermediaries[{n}]")
            for n, i in enumerate(through)
        ),
        addressee=None if addressee is None else _span(addressee, f"{at}.addressee"),
        reported_in=_get(line, "reported_in", str, at=at, optional=True),
    )


def _speaker(line: Mapping[str, Any], at: str) -> Speaker:
    mention = _get(line, "mention", dict, at=at, optional=True)
    return Speaker(
        mention=None if mention is None else _span(mention, f"{at}.mention"),
        name=_get(line, "name", str, at=at, optional=True),
        type=_kind(line, "type", SpeakerType, at=at) if line.get("type") is not None else None,
    )


def _intermediary(line: Mapping[str, Any], at: str) -> Intermediary:
    return Intermediary(
        mention=_span(_get(line, "mention", dict, at=at), f"{at}.mention"),
        name=_get(line, "name", str, at=at, optional=True),
        kind=_kind(line, "kind", IntermediaryKind, at=at),
    )


def _spans(line: Mapping[str, Any], key: str, *, at: str) -> tuple[Span, ...]:
    return tuple(
        _span(_as(span, dict, f"{at}.{key}[{n}]"), f"{at}.{key}[{n}]")
        for n, span in enumerate(_get(line, key, list, at=at))
    )


def _span(line: Mapping[str, Any], at: str) -> Span:
    return Span(_get(line, "start", int, at=at), _get(line, "end", int, at=at))


def _kind(line: Mapping[str, Any], key: str, kinds: type[Kind], *, at: str) -> Kind:
    value = _get(line, key, str, at=at)
    try:
        return kinds(value)
    except ValueError:
        allowed = ", ".join(kinds)
        raise InputError(field=f"{at}.{key}", value=repr(value[:40]), allowed=allowed) from None


def _get(
    line: Mapping[str, Any], key: str, type_: Any, *, at: str = "", optional: bool = False
) -> Any:
    value = line.get(key)
    return None if optional and value is None else _as(value, type_, f"{at}.{key}".lstrip("."))


def _as(value: Any, type_: Any, at: str) -> Any:
    """``value``, if it is of that type (a bool is no number); InputError if not."""
    if not isinstance(value, type_) or isinstance(value, bool):
        names = {str: "a string", list: "a list", dict: "an object", int: "a whole number"}
        shown = "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
        raise InputError(field=at, value=shown, allowed=names.get(type_, "a number"))
    return value
