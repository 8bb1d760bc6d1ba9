"""schema.org as JSON-LD: a NewsArticle with its Quotations, one a line.

schema.org has no word for through whom a quotation reached the article, for the confidence in it
or for spans: these stand under the prefix ``qw`` (docs/formats.md), which readers of plain
schema.org pass over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from quotewire.lines import quote_text
from quotewire.render.formats import Answer
from quotewire.render.formats.common import (
    NAMESPACE,
    article_iri,
    json_bytes,
    name_of_speaker,
    statement_iri,
)
from quotewire.render.spans import check_spans
from quotewire.types import (
    Article,
    Extraction,
    Intermediary,
    IntermediaryKind,
    Span,
    SpeakerType,
    Statement,
)

_SPEAKER_CLASSES = {
    SpeakerType.PERSON: "Person",
    SpeakerType.ORGANIZATION: "Organization",
    SpeakerType.GROUP: "Organization",
    None: "Person",
}
_INTERMEDIARY_CLASSES = {
    IntermediaryKind.OUTLET: "NewsMediaOrganization",
    IntermediaryKind.PLATFORM: "Organization",
    IntermediaryKind.PERSON: "Person",
    IntermediaryKind.PRESS: "Organization",
    IntermediaryKind.DOCUMENT: "CreativeWork",
}


def write(answers: Iterable[Answer]) -> Iterator[bytes]:
    for article, extraction in answers:
        check_spans(article, extraction)
        # Pages carry JSON-LD in a <script> element, which a "</script>" in a quote would end.
        yield json_bytes(news_article(article, extraction)).replace(b"<", b"\\u003c") + b"\n"


def news_article(article: Article, extraction: Extraction) -> dict[str, Any]:
    known = {s.id: statement_iri(article, s) for s in extraction.statements}
    return {
        "@context": ["https://schema.org", {"qw": NAMESPACE}],
        "@type": "NewsArticle",
        "@id": article_iri(article),
        "identifier": article.id,
        **({"headline": article.title} if article.title else {}),
        **({"inLanguage": extraction.language} if extraction.language else {}),
        **(
            {"publisher": {"@type": "Organization", "name": article.publisher}}
            if article.publisher
            else {}
        ),
        "hasPart": [_quotation(article, s, known=known) for s in extraction.statements],
        "qw:model": extraction.model,
    }


def _quotation(article: Article, statement: Statement, *, known: dict[str, str]) -> dict[str, Any]:
    text = article.text
    outer = known.get(statement.reported_in or "")
    found: dict[str, Any] = {
        "@type": "Quotation",
        "@id": known[statement.id],
        "text": quote_text(text, statement.quote.spans),
        "isPartOf": {"@id": outer or article_iri(article)},
    }
    name = name_of_speaker(text, statement)
    if name and statement.speaker:
        type_ = statement.speaker.type
        if type_ is SpeakerType.DOCUMENT:  # a work cannot speak: the words are taken from it
            found["isBasedOn"] = {"@type": "CreativeWork", "name": name}
        else:
            found["spokenByCharacter"] = {"@type": _SPEAKER_CLASSES[type_], "name": name}
        if type_:
            found["qw:speakerType"] = type_.value
    if statement.intermediaries:
        found["qw:intermediary"] = [_intermediary(text, i) for i in statement.intermediaries]
    if statement.addressee:
        found["qw:addressee"] = statement.addressee.slice(text)
    return found | {
        "qw:act": statement.act.value,
        "qw:kind": statement.quote.kind.value,
        "qw:confidence": round(statement.confidence, 4),
        "qw:cue": statement.cue.slice(text),
        "qw:quoteSpan": [_span(span) for span in statement.quote.spans],
        "qw:cueSpan": _span(statement.cue),
    }


def _intermediary(text: str, intermediary: Intermediary) -> dict[str, Any]:
    return {
        "@type": _INTERMEDIARY_CLASSES[intermediary.kind],
        "name": intermediary.name or intermediary.mention.slice(text),
        "qw:intermediaryKind": intermediary.kind.value,
    }


def _span(span: Span) -> dict[str, int]:
    return {"qw:start": span.start, "qw:end": span.end}
