"""ninjs 3.0.  We found no package that carries IPTC's JSON schema, so this holds an excerpt of our
own: every property that a sidecar uses, closed to all others, as ninjs closes its objects.  It was
compared entry by entry with specification/ninjs-schema_3.0.json (3.0.1) of iptc/newsinjson."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from jsonschema import Draft202012Validator, FormatChecker

from quotewire.lines import quote_text
from quotewire.render.formats import writer
from quotewire.types import Article, Extraction
from tests.render.make import ARTICLE, EXTRACTION, STATEMENTS, TEXT, answers

STRING = {"type": "string"}


def closed(*required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


def array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


URI = {"type": "string", "format": "uri"}
NAMED = closed(name=STRING, rel=STRING, uri=URI, literal=STRING)
PER_CENT = {"type": "integer", "minimum": 0, "maximum": 100}
ITEM = {
    "uri": URI,
    "type": {
        "enum": [
            "text",
            "audio",
            "video",
            "picture",
            "graphic",
            "composite",
            "component",
            "event",
            "planning",
        ]
    },
    "representationType": {"enum": ["full", "partial"]},
    "profile": STRING,
    "language": STRING,
    "standard": closed(name=STRING, version=STRING, schema=URI),
    "headlines": array(closed("value", role=STRING, contentType=STRING, value=STRING)),
    "descriptions": array(closed("value", role=STRING, contentType=STRING, value=STRING)),
    "bodies": array(
        closed(
            "value",
            role=STRING,
            contentType=STRING,
            charCount={"type": "integer"},
            wordCount={"type": "integer"},
            value=STRING,
        )
    ),
    "people": array(NAMED),
    "organisations": array(NAMED),
    "objects": array(NAMED),
    "subjects": array(
        closed(
            name=STRING,
            rel=STRING,
            uri=URI,
            literal=STRING,
            creator=STRING,
            relevance=PER_CENT,
            confidence=PER_CENT,
        )
    ),
    "infoSources": array(closed(name=STRING, role=STRING, uri=URI, literal=STRING)),
    "altIds": array(closed(role=STRING, value=STRING)),
}
ASSOCIATION = closed("name", "uri", name=STRING, **ITEM)
SIDECAR = closed("uri", associations=array(ASSOCIATION), **ITEM)
VALIDATOR = Draft202012Validator(SIDECAR, format_checker=FormatChecker())
Draft202012Validator.check_schema(SIDECAR)


def sidecar(answer: tuple[Article, Extraction]) -> dict[str, Any]:
    (line,) = b"".join(writer("ninjs")([answer])).decode("utf-8").split("\n")[:-1]
    value: dict[str, Any] = json.loads(line)
    return value


def test_a_statement_is_an_associated_component() -> None:
    value = sidecar((ARTICLE, EXTRACTION))
    VALIDATOR.validate(value)
    assert value["uri"] == "urn:x-quotewire:article:a%201"
    assert value["headlines"] == [{"value": "Harbour shut"}]
    first, _, third, fourth, fifth = value["associations"]
    assert first["people"] == [{"name": "Ada Brandt", "rel": "speaker"}]
    assert first["infoSources"] == [{"name": "Reuters", "role": "intermediary-outlet"}]
    assert first["bodies"][0]["value"] == "The harbour stays shut until May"
    assert first["subjects"][0]["confidence"] == 94
    assert third["organisations"][0]["name"] == "The Courier"
    assert {"role": "reported-in", "value": "s3"} in fourth["altIds"]
    assert {"role": "addressee", "value": "the council"} in fourth["descriptions"]
    assert fifth["profile"] == "quotewire-attitude"


def test_the_schema_is_closed() -> None:
    value = sidecar((ARTICLE, EXTRACTION))
    assert not VALIDATOR.is_valid(value | {"statements": []})
    assert not VALIDATOR.is_valid({k: v for k, v in value.items() if k != "uri"})


@settings(max_examples=30, deadline=None)
@given(answers(surrogates=False))
def test_any_answer_is_valid_and_its_spans_give_back_the_quotes(
    answer: tuple[Article, Extraction],
) -> None:
    article, extraction = answer
    value = sidecar(answer)
    VALIDATOR.validate(value)
    for found, statement in zip(value["associations"], extraction.statements, strict=True):
        (spans,) = [i["value"] for i in found["altIds"] if i["role"] == "quote-spans"]
        pairs = [piece.split("-") for piece in spans.split()]
        pieces = [article.text[int(start) : int(end)] for start, end in pairs]
        body = found["bodies"][0]
        assert " … ".join(pieces) == body["value"]
        assert body["value"] == quote_text(article.text, statement.quote.spans)
        assert body["charCount"] == len(body["value"])


def test_ids_that_are_addresses_stay_as_they_are() -> None:
    for id_, uri in (
        ("https://example.org/a?b=1", "https://example.org/a?b=1"),
        ("urn:newsml:example.org:1", "urn:newsml:example.org:1"),
        ("javascript:alert(1)", "urn:x-quotewire:article:javascript%3Aalert%281%29"),
        ("../x", "urn:x-quotewire:article:..%2Fx"),
    ):
        article = Article(id_, TEXT)
        assert sidecar((article, Extraction(id_, "m@1", STATEMENTS)))["uri"] == uri
