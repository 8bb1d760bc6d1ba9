"""schema.org JSON-LD: every word is one of schema.org's, as rdflib lists them, or our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from pyld import jsonld
from rdflib import SDO

from quotewire.lines import quote_text
from quotewire.render.formats import writer
from quotewire.render.formats.common import NAMESPACE
from quotewire.types import (
    Act,
    Article,
    Extraction,
    Quote,
    QuoteKind,
    Span,
    Speaker,
    SpeakerType,
    Statement,
)
from tests.render.make import ARTICLE, EXTRACTION, STATEMENTS, answers, span

# Of schema.org's own context (https://schema.org/docs/jsonldcontext.json), what expansion needs.
CONTEXT = {"@vocab": "https://schema.org/", "qw": NAMESPACE}


def article_of(answer: tuple[Article, Extraction]) -> dict[str, Any]:
    (line,) = b"".join(writer("jsonld")([answer])).split(b"\n")[:-1]
    value: dict[str, Any] = json.loads(line)
    return value


def words(value: Any) -> Iterator[str]:
    """All properties and classes of expanded JSON-LD."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from inner if key == "@type" else [key] if key[0] != "@" else []
            yield from words(inner) if key != "@type" else ()
    elif isinstance(value, list):
        for inner in value:
            yield from words(inner)


def test_a_statement_is_a_quotation() -> None:
    value = article_of((ARTICLE, EXTRACTION))
    first, _, third, fourth, last = value["hasPart"]
    assert first["spokenByCharacter"] == {"@type": "Person", "name": "Ada Brandt"}
    assert first["qw:intermediary"] == [
        {"@type": "NewsMediaOrganization", "name": "Reuters", "qw:intermediaryKind": "outlet"}
    ]
    assert first["isPartOf"] == {"@id": value["@id"]}
    assert fourth["isPartOf"] == {"@id": third["@id"]}
    assert (last["qw:act"], last["qw:speakerType"]) == ("attitude", "group")
    assert value["publisher"]["name"] == "The Bay" and value["headline"] == "Harbour shut"


def test_a_document_does_not_speak() -> None:
    report = Speaker(span("The Courier"), "a report", SpeakerType.DOCUMENT)
    statement = Statement(
        "d", STATEMENTS[0].act, 1.0, STATEMENTS[0].quote, STATEMENTS[0].cue, report
    )
    (found,) = article_of((ARTICLE, Extraction("a 1", "m@1", (statement,))))["hasPart"]
    assert found["isBasedOn"] == {"@type": "CreativeWork", "name": "a report"}
    assert "spokenByCharacter" not in found


def test_every_word_is_known() -> None:
    value = article_of((ARTICLE, EXTRACTION))
    assert value["@context"] == ["https://schema.org", {"qw": NAMESPACE}]
    used = set(words(jsonld.expand(value | {"@context": CONTEXT})))
    ours = {word for word in used if word.startswith(NAMESPACE)}
    assert {word.removeprefix(NAMESPACE) for word in ours} == {
        *("model", "act", "kind", "confidence", "cue", "addressee", "speakerType"),
        *("intermediary", "intermediaryKind", "quoteSpan", "cueSpan", "start", "end"),
    }
    theirs = {word.removeprefix("https://schema.org/") for word in used - ours}
    assert {word for word in theirs if word not in SDO} == set()
    assert "saidThrough" not in SDO  # the list is closed


def test_a_page_can_carry_it() -> None:
    article = Article("a", "</script><script>alert(1)</script>", title="<!--")
    quote = Quote((Span(0, len(article.text)),), QuoteKind.DIRECT)
    statement = Statement("s", Act.STATEMENT, 1.0, quote, Span(0, 1))
    data = b"".join(writer("jsonld")([(article, Extraction("a", "m@1", (statement,)))]))
    assert b"<" not in data
    assert json.loads(data)["headline"] == "<!--"


@settings(max_examples=30, deadline=None)
@given(answers(surrogates=False))
def test_spans_give_back_the_quotes(answer: tuple[Article, Extraction]) -> None:
    article, extraction = answer
    value = article_of(answer)
    for found, statement in zip(value["hasPart"], extraction.statements, strict=True):
        pieces = [article.text[s["qw:start"] : s["qw:end"]] for s in found["qw:quoteSpan"]]
        assert (
            " … ".join(pieces) == found["text"] == quote_text(article.text, statement.quote.spans)
        )
