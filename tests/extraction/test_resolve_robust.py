"""The resolver on any text, and how its work grows with an article."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quotewire.extraction import resolve
from quotewire.extraction.resolve import Attribution, Resolver
from quotewire.extraction.resolve_context import Answer, Query
from quotewire.extraction.resolve_reading import read
from quotewire.extraction.resolve_search import Candidate
from quotewire.types import Article, IntermediaryKind, Span, SpeakerType
from tests.extraction.marking import marked


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    return Resolver.load()


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r", | and ", name) if part]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_text_is_answered_with_its_own_words(resolver: Resolver, data: st.DataObject) -> None:
    pieces = st.sampled_from(
        ["Martha Ellison", "he", "She", "said", "the report", " and ", "“", "”", '"', "’s",
         ", who ",
         ".", "\n\n", "Mr. ", "Sen. ", "Hale", "(", ")", "@x", "\ud800", "\u202e", "🙂", "İ", "ß",
         "Ивана", "橋", " ", "The Times", "of ", "U.S.", "-", "A", "Q", "\x00", "e\u0301", "ﬁ"]
    )  # fmt: skip
    text = "".join(data.draw(st.lists(st.one_of(pieces, st.text(max_size=6)), max_size=60)))
    spot = st.integers(0, len(text))

    def span() -> Span:
        a, b = sorted((data.draw(spot), data.draw(spot)))
        return Span(a, b)

    attributions = [
        Attribution(
            source=span() if data.draw(st.booleans()) else None,
            cue=span(),
            content=tuple(span() for _ in range(data.draw(st.integers(0, 2)))),
            speaker_type=data.draw(st.sampled_from([None, *SpeakerType])),
            intermediary=span() if data.draw(st.booleans()) else None,
            intermediary_kind=data.draw(st.sampled_from([None, *IntermediaryKind])),
        )
        for _ in range(data.draw(st.integers(0, 5)))
    ]
    title = data.draw(st.one_of(st.none(), st.text(max_size=20)))
    named = resolver.resolve(Article(id="a", text=text, title=title), attributions)
    assert len(named) == len(attributions)
    known = text + "\n" + (title or "")
    for names in named:
        for name in (names.speaker, names.intermediary):
            if name is not None:
                assert name in known or all(part in known for part in _parts(name))


def _work(text: str) -> tuple[int, int]:
    """How many candidates are weighed for an article's statements, and how many statements."""
    plain, attributions = marked(text)
    weighed = 0

    def count(query: Query, found: list[Candidate]) -> Answer:
        nonlocal weighed
        weighed += len(found)
        best = found[-1]
        return Answer(query, best.text, best.key, best.entity)

    resolve.resolve_all(read(Article(id="a", text=plain)), attributions, count)
    return weighed, len(attributions)


def test_work_grows_with_the_article_and_no_faster() -> None:
    def article(paragraphs: int) -> str:
        return "\n\n".join(
            f"|[[Anna Bell{n}son, a lawyer,]] <<said>> {{{{the report was late}}}}.| "
            f"|[[She]] <<said>> {{{{Tom Hill{n}ard knew}}}}.| "
            "|[[The company]] <<denied>> {{it}}.|"
            for n in range(paragraphs)
        )

    small, few = _work(article(20))
    large, many = _work(article(400))
    assert few == 60 and many == 1200
    assert large / many < 1.3 * small / few
