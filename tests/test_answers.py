"""Python use without a server, as programs and notebooks do it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import quotewire
from quotewire.answers import Answer, Extractor
from quotewire.lines import extraction_from_line
from quotewire.types import Article, Extraction
from tests.fakes import FakeModel, fake_extractor, fake_tokenizer
from tests.render.make import EXTRACTION, TEXT
from tests.render.test_drawing import Page

NEWS = "Ann Lee told Reuters the road is shut."


def extractor() -> Extractor:
    """The public one around the fake model."""
    return Extractor(FakeModel(), tokenizer=fake_tokenizer(), info=fake_extractor().info)


def test_an_answer_knows_its_words() -> None:
    answer = extractor().extract(NEWS)
    (statement,) = answer.statements
    assert answer.text_of(statement) == "the road is shut"
    assert answer.text_of(statement.cue) == "told"
    assert answer.to_dict()["statements"][0]["cue"]["text"] == "told"
    assert extraction_from_line(answer.to_dict()).statements[0].quote == statement.quote


def test_it_is_the_plain_extractor_s_answer() -> None:
    articles = [Article(f"a{n}", f"{NEWS} {n}") for n in range(3)]
    answers = list(extractor().extract_many(articles))
    for answer, plain in zip(answers, fake_extractor().extract_many(articles), strict=True):
        values = {f.name: getattr(answer, f.name) for f in fields(Extraction)}
        assert Extraction(**values) == plain
    assert [answer.article for answer in answers] == articles


def test_it_prints_itself_readably() -> None:
    answer = extractor().extract(NEWS)
    assert repr(answer).splitlines() == [
        "<fake@1.0.0 on 'article': 1 statement>",
        f"  Ann Lee via Reuters: 'the road is shut' ({answer.statements[0].confidence:.2f})",
    ]
    values = {f.name: getattr(EXTRACTION, f.name) for f in fields(Extraction)}
    answer = Answer(**values, article=Article("a 1", TEXT))
    assert "Voters: 'it open' (0.55)" in repr(answer)


def test_a_notebook_shows_it() -> None:
    """What a notebook does with the last value of a cell: IPython calls ``_repr_html_``."""
    answer = extractor().extract("Bo said <script>alert(1)</script> it rains.")
    shown = answer._repr_html_()
    page = Page(shown)
    assert page.text == answer.article.text
    assert "script" not in {tag for tag, _ in page.elements}
    assert [row["data-speaker"] for row in page.of_class("qw-row")] == ["Bo"]


def test_importing_the_package_alone_loads_nothing_heavy() -> None:
    code = "import quotewire, sys; print({'torch', 'spacy', 'jinja2', 'grpc'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert quotewire.Extractor is Extractor
