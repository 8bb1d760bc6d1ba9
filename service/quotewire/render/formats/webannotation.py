"""W3C Web Annotation Data Model (Recommendation of 23 February 2017): one AnnotationPage a line.

A statement is an annotation; each piece of its quote is a target with a TextQuoteSelector and a
TextPositionSelector that select the same.  Positions count Unicode code points, as section 4.2.5
of the Recommendation says ("not in terms of code units"), so the spans stand as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from quotewire.lines import quote_text, statement_to_json
from quotewire.render.formats import Answer
from quotewire.render.formats.common import (
    article_iri,
    json_bytes,
    model_iri,
    name_of_speaker,
    statement_iri,
)
from quotewire.render.spans import check_spans
from quotewire.types import Article, Extraction, Span, Statement

CONTEXT = "http://www.w3.org/ns/anno.jsonld"
_AROUND = 32  # code points of prefix and suffix, by which a reader finds the words again


def write(answers: Iterable[Answer]) -> Iterator[bytes]:
    for article, extraction in answers:
        check_spans(article, extraction)
        yield json_bytes(page(article, extraction)) + b"\n"


def page(article: Article, extraction: Extraction) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "id": f"{article_iri(article)}#quotewire",
        "type": "AnnotationPage",
        "items": [_annotation(article, extraction, s) for s in extraction.statements],
    }


def _annotation(article: Article, extraction: Extraction, statement: Statement) -> dict[str, Any]:
    return {
        "id": statement_iri(article, statement),
        "type": "Annotation",
        "motivation": "describing",
        "generator": {
            "id": model_iri(extraction),
            "type": "Software",
            "name": extraction.model,
        },
        "body": [
            _body("text/plain", _words(article.text, statement)),
            # Everything, for those who know the JSON line (docs/json-lines.md).
            _body(
                "application/json",
                json.dumps(statement_to_json(article.text, statement), ensure_ascii=False),
            ),
        ],
        "target": [_target(article, span) for span in statement.quote.spans],
    }


def _body(media_type: str, value: str) -> dict[str, str]:
    return {
        "type": "TextualBody",
        "purpose": "describing",
        "format": media_type,
        "value": value,
    }


def _words(text: str, statement: Statement) -> str:
    who = name_of_speaker(text, statement) or "unknown speaker"
    via = "".join(f", via {i.name or i.mention.slice(text)}" for i in statement.intermediaries)
    return f"{who}{via}: {quote_text(text, statement.quote.spans)}"


def _target(article: Article, span: Span) -> dict[str, Any]:
    text = article.text
    return {
        "type": "SpecificResource",
        "source": article_iri(article),
        "selector": [
            {
                "type": "TextQuoteSelector",
                "exact": span.slice(text),
                "prefix": text[max(0, span.start - _AROUND) : span.start],
                "suffix": text[span.end : span.end + _AROUND],
            },
            {"type": "TextPositionSelector", "start": span.start, "end": span.end},
        ],
    }
