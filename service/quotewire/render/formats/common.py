"""What the formats share."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from quotewire.types import Article, Extraction, Span, Statement

# Where an identifier must be an IRI.  The namespace is not registered with IANA: it names things
# of one newsroom, as their own ids do.
_URN = "urn:x-quotewire:"
NAMESPACE = f"{_URN}ns:"
_ABSOLUTE = re.compile(r"(?:https?://[A-Za-z0-9]|urn:[a-z0-9])[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]*")


def article_iri(article: Article) -> str:
    """The article's id where that is a web address or URN, else a URN made of it."""
    if _ABSOLUTE.fullmatch(article.id):
        return article.id
    return f"{_URN}article:{_quoted(article.id)}"


def statement_iri(article: Article, statement: Statement) -> str:
    return f"{_URN}statement:{_quoted(article.id)}:{_quoted(statement.id)}"


def model_iri(extraction: Extraction) -> str:
    return f"{_URN}model:{_quoted(extraction.model)}"


def _quoted(text: str) -> str:
    return quote(text, safe="@", errors="replace")


def encoded(text: str) -> bytes:
    """UTF-8.  A lone surrogate, which UTF-8 cannot hold, becomes a question mark, so that the code
    points that follow keep their places."""
    return text.encode("utf-8", errors="replace")


def json_bytes(value: Any) -> bytes:
    """``value`` as JSON on one line, without a line end."""
    return encoded(json.dumps(value, ensure_ascii=False, allow_nan=False))


def name_of_speaker(text: str, statement: Statement) -> str | None:
    """The resolved name, else the words of the mention, else None."""
    speaker = statement.speaker
    if speaker is None:
        return None
    return speaker.name or (speaker.mention.slice(text) if speaker.mention else None)


def spans_text(spans: tuple[Span, ...]) -> str:
    """``10-20 25-30``: half-open, in code points."""
    return " ".join(f"{span.start}-{span.end}" for span in spans)
