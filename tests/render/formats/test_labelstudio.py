"""Label Studio: predictions by its own SDK's validation, against the interface that we document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from quotewire.render.formats import writer
from quotewire.render.formats.labelstudio import INTERFACE
from quotewire.types import Article, Extraction
from tests.conftest import ROOT
from tests.render.formats.readers import run_reader
from tests.render.make import ARTICLE, EXTRACTION, answers


def tasks(*answers: tuple[Article, Extraction]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(b"".join(writer("labelstudio")(answers)))
    return found


def results(task: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    (prediction,) = task["predictions"]
    return [result for result in prediction["result"] if result["type"] == kind]


def test_parts_are_regions_and_belong_together_by_relations() -> None:
    (task,) = tasks((ARTICLE, EXTRACTION))
    regions = {r["id"]: (r["value"]["labels"], r["value"]["text"]) for r in results(task, "labels")}
    assert regions["1-speaker"] == (["speaker"], "Mayor Ada Brandt")
    assert regions["2-quote-2"] == (["quote"], "“Three answered 🚢.”")
    relations = {(r["from_id"], *r["labels"], r["to_id"]) for r in results(task, "relation")}
    assert ("1-quote-1", "intermediary", "1-intermediary-1") in relations
    assert ("2-quote-1", "continued by", "2-quote-2") in relations
    assert ("4-quote-1", "reported in", "3-quote-1") in relations
    names = {r["id"]: r["value"]["text"] for r in results(task, "textarea")}
    assert names["2-speaker"] == ["Ada Brandt"]
    assert task["predictions"][0]["score"] == 0.55  # that of its most doubtful statement


def test_no_articles_are_an_empty_array() -> None:
    assert tasks() == []


def test_label_studio_s_own_validation_takes_them(tmp_path: Path) -> None:
    (tmp_path / "interface.xml").write_text(INTERFACE, encoding="utf-8")
    empty = Extraction("a 1", "m@1", ())
    (tmp_path / "tasks.json").write_bytes(
        b"".join(writer("labelstudio")([(ARTICLE, EXTRACTION), (ARTICLE, empty)]))
    )
    found = run_reader("check_labelstudio.py", tmp_path / "interface.xml", tmp_path / "tasks.json")
    assert found == {"tasks": 2, "errors": [[], []], "rejects_an_unknown_label": True}


def test_the_interface_is_documented() -> None:
    assert INTERFACE in (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")


@settings(max_examples=30, deadline=None)
@given(answers(surrogates=False))
def test_offsets_give_back_the_words(answer: tuple[Article, Extraction]) -> None:
    article, extraction = answer
    (task,) = tasks(answer)
    assert task["data"]["text"] == article.text
    known = set()
    for result in results(task, "labels"):
        value = result["value"]
        assert article.text[value["start"] : value["end"]] == value["text"]
        assert result["id"] not in known
        known.add(result["id"])
    for relation in results(task, "relation"):
        assert {relation["from_id"], relation["to_id"]} <= known
    quotes = [r for r in results(task, "labels") if r["value"]["labels"] == ["quote"]]
    assert [(r["value"]["start"], r["value"]["end"]) for r in quotes] == [
        (s.start, s.end) for statement in extraction.statements for s in statement.quote.spans
    ]
