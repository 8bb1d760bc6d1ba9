"""Web Annotations: as JSON-LD by PyLD, selectors by anchorpoint (another's reader of them)."""

from __future__ import annotations

import json
from typing import Any

from anchorpoint.textselectors import TextPositionSelector, TextQuoteSelector
from hypothesis import given, settings
from pyld import jsonld

from quotewire.lines import extraction_from_line, statement_to_json
from quotewire.render.formats import writer
from quotewire.types import Article, Extraction
from tests.render.make import ARTICLE, EXTRACTION, STATEMENTS, TEXT, answers

OA = "http://www.w3.org/ns/oa#"
# The terms used here and what the Recommendation's context (http://www.w3.org/ns/anno.jsonld) maps
# them to, compared with jsonld/anno.jsonld of w3c/web-annotation: tests fetch nothing, and we found
# no package that carries the context.
REFERENCE = {"@type": "@id"}
COUNT = {"@type": "http://www.w3.org/2001/XMLSchema#nonNegativeInteger"}
CONTEXT = {
    "id": "@id",
    "type": "@type",
    "Annotation": f"{OA}Annotation",
    "AnnotationPage": "http://www.w3.org/ns/activitystreams#OrderedCollectionPage",
    "SpecificResource": f"{OA}SpecificResource",
    "TextualBody": f"{OA}TextualBody",
    "TextQuoteSelector": f"{OA}TextQuoteSelector",
    "TextPositionSelector": f"{OA}TextPositionSelector",
    "Software": "http://www.w3.org/ns/activitystreams#Application",
    "describing": f"{OA}describing",
    "items": {"@id": "http://www.w3.org/ns/activitystreams#items", "@container": "@list"}
    | REFERENCE,
    "body": {"@id": f"{OA}hasBody"} | REFERENCE,
    "target": {"@id": f"{OA}hasTarget"} | REFERENCE,
    "source": {"@id": f"{OA}hasSource"} | REFERENCE,
    "selector": {"@id": f"{OA}hasSelector"} | REFERENCE,
    "generator": {"@id": "http://www.w3.org/ns/activitystreams#generator"} | REFERENCE,
    "motivation": {"@id": f"{OA}motivatedBy", "@type": "@vocab"},
    "purpose": {"@id": f"{OA}hasPurpose", "@type": "@vocab"},
    "format": "http://purl.org/dc/elements/1.1/format",
    "value": "http://www.w3.org/1999/02/22-rdf-syntax-ns#value",
    "name": "http://xmlns.com/foaf/0.1/name",
    "exact": f"{OA}exact",
    "prefix": f"{OA}prefix",
    "suffix": f"{OA}suffix",
    "start": {"@id": f"{OA}start"} | COUNT,
    "end": {"@id": f"{OA}end"} | COUNT,
}


def page_of(answer: tuple[Article, Extraction]) -> dict[str, Any]:
    (line,) = b"".join(writer("webannotation")([answer])).split(b"\n")[:-1]
    page: dict[str, Any] = json.loads(line)
    return page


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(keys(inner) for inner in value.values()))
    return set().union(*(keys(inner) for inner in value)) if isinstance(value, list) else set()


def test_a_statement_is_an_annotation_of_its_quote() -> None:
    page = page_of((ARTICLE, EXTRACTION))
    first, second, *_ = page["items"]
    assert page["@context"] == "http://www.w3.org/ns/anno.jsonld"
    assert first["body"][0]["value"] == (
        "Ada Brandt, via Reuters: The harbour stays shut until May"
    )
    assert json.loads(first["body"][1]["value"]) == statement_to_json(TEXT, STATEMENTS[0])
    assert len(second["target"]) == 2


def test_what_the_recommendation_demands() -> None:
    """Web Annotation Data Model, sections 3.1, 3.2.4, 4.2.4 and 4.2.5: the sentences with MUST."""
    page = page_of((ARTICLE, EXTRACTION))
    for annotation in page["items"]:
        assert annotation["type"] == "Annotation"
        assert isinstance(annotation["id"], str) and annotation["target"]
        for body in annotation["body"]:
            assert body["type"] == "TextualBody" and isinstance(body["value"], str)
        for target in annotation["target"]:
            assert isinstance(target["source"], str)
            for selector in target["selector"]:
                if selector["type"] == "TextQuoteSelector":
                    assert selector["exact"]
                else:
                    assert selector["type"] == "TextPositionSelector"
                    assert 0 <= selector["start"] < selector["end"]
    ids = [annotation["id"] for annotation in page["items"]]
    assert len(set(ids)) == len(ids)


def test_as_linked_data_it_says_the_same() -> None:
    page = page_of((ARTICLE, EXTRACTION)) | {"@context": CONTEXT}
    assert keys({k: v for k, v in page.items() if k != "@context"}) <= CONTEXT.keys()
    (expanded,) = jsonld.expand(page)
    items = expanded["http://www.w3.org/ns/activitystreams#items"][0]["@list"]
    assert len(items) == len(STATEMENTS)
    assert items[0]["@type"] == [f"{OA}Annotation"]
    assert items[0][f"{OA}motivatedBy"] == [{"@id": f"{OA}describing"}]
    (target,) = items[0][f"{OA}hasTarget"]
    assert target[f"{OA}hasSource"] == [{"@id": "urn:x-quotewire:article:a%201"}]
    kinds = [s["@type"][0] for s in target[f"{OA}hasSelector"]]
    assert kinds == [f"{OA}TextQuoteSelector", f"{OA}TextPositionSelector"]
    quads = jsonld.to_rdf(page)["@default"]
    assert all(quad["object"]["value"] is not None for quad in quads)


@settings(max_examples=30, deadline=None)
@given(answers(surrogates=False))
def test_selectors_select_the_quote(answer: tuple[Article, Extraction]) -> None:
    article, extraction = answer
    page = page_of(answer)
    for annotation, statement in zip(page["items"], extraction.statements, strict=True):
        for target, span in zip(annotation["target"], statement.quote.spans, strict=True):
            quote, position = target["selector"]
            words = span.slice(article.text)
            assert article.text[position["start"] : position["end"]] == quote["exact"] == words
            around = quote["prefix"] + quote["exact"] + quote["suffix"]
            begin = position["start"] - len(quote["prefix"])
            assert article.text.startswith(around, begin)
        line = {
            "id": article.id,
            "model": extraction.model,
            "statements": [json.loads(annotation["body"][1]["value"])],
        }
        (read,) = extraction_from_line(line).statements
        assert read.quote == statement.quote and read.speaker == statement.speaker


def test_another_s_reader_finds_the_words() -> None:
    for annotation, statement in zip(
        page_of((ARTICLE, EXTRACTION))["items"], STATEMENTS, strict=True
    ):
        for target, span in zip(annotation["target"], statement.quote.spans, strict=True):
            quote, position = (
                {k: v for k, v in s.items() if k != "type"} for s in target["selector"]
            )
            found = TextQuoteSelector(**quote).as_position(TEXT)
            assert (found.start, found.end) == (span.start, span.end)
            read = TextPositionSelector(**position)
            assert TEXT[read.start : read.end] == span.slice(TEXT)
