"""IPTC ninjs 3.0: a sidecar for one article, one JSON object a line.

ninjs closes its objects to unknown properties and has no word for quotations, so each statement is
an associated object of the type ``component``: what was said is its body, who said it a person,
organisation or object, through whom an information source; spans are alternative ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from quotewire.lines import quote_text
from quotewire.render.formats import Answer
from quotewire.render.formats.common import (
    article_iri,
    json_bytes,
    name_of_speaker,
    spans_text,
    statement_iri,
)
from quotewire.render.spans import check_spans
from quotewire.types import Article, Extraction, SpeakerType, Statement

STANDARD = {
    "name": "ninjs",
    "version": "3.0",
    "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.0.json",
}
_PLACES = {
    SpeakerType.PERSON: "people",
    SpeakerType.ORGANIZATION: "organisations",
    SpeakerType.GROUP: "organisations",
    SpeakerType.DOCUMENT: "objects",
    None: "people",
}


def write(answers: Iterable[Answer]) -> Iterator[bytes]:
    for article, extraction in answers:
        check_spans(article, extraction)
        yield json_bytes(sidecar(article, extraction)) + b"\n"


def sidecar(article: Article, extraction: Extraction) -> dict[str, Any]:
    return {
        "uri": article_iri(article),
        "standard": STANDARD,
        "type": "text",
        "representationType": "partial",
        "profile": "quotewire-statements",
        **({"language": extraction.language} if extraction.language else {}),
        **({"headlines": [{"value": article.title}]} if article.title else {}),
        "associations": [
            _component(article, extraction, statement, name=f"statement {number}")
            for number, statement in enumerate(extraction.statements, start=1)
        ],
    }


def _component(
    article: Article, extraction: Extraction, statement: Statement, *, name: str
) -> dict[str, Any]:
    text, speaker = article.text, statement.speaker
    quote = quote_text(text, statement.quote.spans)
    ids = [
        ("statement", statement.id),
        ("quote-spans", spans_text(statement.quote.spans)),
        ("cue-span", spans_text((statement.cue,))),
    ]
    if speaker and speaker.mention:
        ids.append(("speaker-span", spans_text((speaker.mention,))))
    if statement.reported_in:
        ids.append(("reported-in", statement.reported_in))
    found: dict[str, Any] = {
        "name": name,
        "uri": statement_iri(article, statement),
        "type": "component",
        "profile": f"quotewire-{statement.act.value}",
        "bodies": [
            {
                "role": f"quote-{statement.quote.kind.value}",
                "contentType": "text/plain",
                "charCount": len(quote),
                "value": quote,
            }
        ],
        "descriptions": [{"role": "cue", "value": statement.cue.slice(text)}],
        "subjects": [
            {
                "name": statement.act.value,
                "rel": "attribution",
                "creator": extraction.model,
                "confidence": round(100 * statement.confidence),
            }
        ],
        "altIds": [{"role": role, "value": value} for role, value in ids],
    }
    who = name_of_speaker(text, statement)
    if who and speaker:
        found[_PLACES[speaker.type]] = [{"name": who, "rel": "speaker"}]
    if statement.addressee:
        found["descriptions"].append(
            {"role": "addressee", "value": statement.addressee.slice(text)}
        )
    if statement.intermediaries:
        found["infoSources"] = [
            {"name": i.name or i.mention.slice(text), "role": f"intermediary-{i.kind.value}"}
            for i in statement.intermediaries
        ]
    return found
