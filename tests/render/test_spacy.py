"""spaCy reads back what was written, and runs the component."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from spacy.tokens import Doc, DocBin
from spacy.util import registry

from quotewire.extraction.extractor import Extractor
from quotewire.render.formats import writer
from quotewire.render.formats.common import encoded
from quotewire.render.spacy_doc import annotate, extraction_of
from quotewire.types import Act, Article, Extraction
from tests.fakes import FakeModel, fake_extractor
from tests.render.make import ARTICLE, EXTRACTION, STATEMENTS, TEXT, answers

NEWS = "Ann Lee told Reuters the road is shut.\n\nLee wants it open."


@registry.misc("quotewire.tests.fake_extractor")
def _fake() -> Extractor:
    return fake_extractor()


VOCAB = spacy.blank("en").vocab
FAKE = {"model": {"@misc": "quotewire.tests.fake_extractor"}}


def read(*answers: tuple[Article, Extraction]) -> list[Doc]:
    data = b"".join(writer("spacy")(answers))
    return list(DocBin().from_bytes(data).get_docs(VOCAB))


def test_a_doc_bin_read_by_spacy_has_the_statements() -> None:
    (doc,) = read((ARTICLE, EXTRACTION))
    assert doc.text == TEXT
    first, second, _, fourth, last = doc._.statements
    assert (first.speaker, first.speaker_mention.text) == ("Ada Brandt", "Mayor Ada Brandt")
    assert [span.text for span in first.via] == ["Reuters"]
    assert [span.text for span in second.quote] == [
        "“We asked eleven firms,”",
        "“Three answered 🚢.”",
    ]
    assert fourth.addressee.text == "the council" and fourth.statement.reported_in == "s3"
    assert last.statement.act is Act.ATTITUDE and last.speaker == "Voters"
    assert repr(first).startswith("<Ada Brandt, via Reuters: 'The harbour stays shut")
    spans = {(s.label_, s.id_, s.text) for s in doc.spans["quotewire"]}
    assert ("INTERMEDIARY", "s1", "Reuters") in spans and ("CUE", "s4", "warned") in spans
    assert extraction_of(doc) == EXTRACTION


@settings(max_examples=30, deadline=None)
@given(answers())
def test_every_span_is_exact(answer: tuple[Article, Extraction]) -> None:
    article, extraction = answer
    (doc,) = read(answer)
    text = encoded(article.text).decode("utf-8")
    assert doc.text == text
    for view, statement in zip(doc._.statements, extraction.statements, strict=True):
        found = [(s.start_char, s.end_char, s.text) for s in view.quote]
        assert found == [(s.start, s.end, s.slice(text)) for s in statement.quote.spans]
        assert (view.cue.start_char, view.cue.end_char) == (statement.cue.start, statement.cue.end)


def test_the_component_is_found_by_its_name() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("quotewire", config=FAKE)
    doc = nlp(NEWS)
    (statement,) = doc._.statements
    assert statement.cue.text == "told" and statement.quote[0].text == "the road is shut"
    assert [span.text for span in statement.via] == ["Reuters"]
    assert {span.label_ for span in doc.spans["quotewire"]} == {
        "QUOTE",
        "CUE",
        "SPEAKER",
        "INTERMEDIARY",
    }
    assert nlp("")._.statements == ()


def test_its_settings_are_the_extractor_s() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("quotewire", config=FAKE | {"all_acts": True, "spans_key": "sc"})
    assert [s.statement.act for s in nlp(NEWS)._.statements] == [Act.STATEMENT, Act.ATTITUDE]
    assert len(nlp(NEWS).spans["sc"]) > 0
    nlp = spacy.blank("en")
    nlp.add_pipe("quotewire", config=FAKE | {"min_confidence": 1.0})
    assert nlp(NEWS)._.statements == ()


def test_many_docs_share_batches() -> None:
    model = FakeModel()
    nlp = spacy.blank("en")
    nlp.add_pipe("quotewire", config=FAKE)
    nlp.get_pipe("quotewire").extractor = fake_extractor(model=model)
    texts = [f"Ann {n} said the road is shut {n}." for n in range(30)]
    docs = list(nlp.pipe(texts))
    assert [doc.text for doc in docs] == texts
    assert [doc._.statements[0].quote[0].text for doc in docs] == [
        f"the road is shut {n}" for n in range(30)
    ]
    assert len(model.batches) < len(texts)


def test_a_saved_pipeline_and_a_saved_doc_come_back(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("quotewire", config=FAKE)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    doc = again(NEWS)
    copy = Doc(again.vocab).from_bytes(doc.to_bytes())
    assert [s.statement for s in copy._.statements] == [s.statement for s in nlp(NEWS)._.statements]


def test_an_unknown_model_is_told_when_the_pipe_is_added() -> None:
    with pytest.raises(Exception, match="nonesuch"):
        spacy.blank("en").add_pipe("quotewire", config={"model": "nonesuch"})


def test_a_doc_of_another_text_is_refused() -> None:
    with pytest.raises(ValueError, match="5 characters; article: "):
        annotate(spacy.blank("en").make_doc("short"), ARTICLE, EXTRACTION)
    assert spacy.blank("en").make_doc("short")._.statements == ()
    assert len(STATEMENTS) == 5
