from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from quotewire.extraction.tokens import QUOTE_STATES, SHAPES
from quotewire.types import Span
from tests.fakes import fake_tokenizer

TOKENIZE = fake_tokenizer()


def words(text: str) -> list[str]:
    tokens = TOKENIZE(text)
    return [text[a:b] for a, b in zip(tokens.start, tokens.end, strict=True)]


def test_words_punctuation_and_breaks() -> None:
    assert words("It’s late.\n\nGo!") == ["It", "’", "s", "late", ".", "\n\n", "Go", "!"]


def test_ideographs_are_words_of_their_own_and_no_word_is_endless() -> None:
    assert words("他说好 ok") == ["他", "说", "好", "ok"]
    assert [len(w) for w in words("a" * 100)] == [40, 40, 20]
    assert (np.diff(TOKENIZE("é" * 100).first_piece)[:2] == 1).all()


def test_shapes_see_the_case_that_an_uncased_encoder_loses() -> None:
    tokens = TOKENIZE("the Times CNN iPhone 2016 “ A\n\nb 好")
    assert [SHAPES[s] for s in tokens.shape] == [
        "lower", "title", "upper", "mixed", "digit", "mark", "title", "special", "lower", "lower",
    ]  # fmt: skip


def test_quote_states() -> None:
    tokens = TOKENIZE("He said “no way” twice")
    assert [QUOTE_STATES[s] for s in tokens.quote_state] == [
        "outside", "outside", "opening", "inside", "inside", "closing", "outside",
    ]  # fmt: skip


def test_words_of_a_span_round_to_whole_words_and_skip_breaks() -> None:
    tokens = TOKENIZE("ab cd\n\nef")
    assert tokens.words_of(Span(0, 2)) == (0, 0)
    assert tokens.words_of(Span(1, 4)) == (0, 1)
    assert tokens.words_of(Span(3, 7)) == (1, 1)
    assert tokens.words_of(Span(5, 7)) is None
    assert tokens.words_of(Span(2, 3)) is None


@given(st.text(st.characters(codec=None), max_size=200))
def test_any_text_gives_ascending_words_inside_it(text: str) -> None:
    tokens = TOKENIZE(text)
    assert (tokens.start < tokens.end).all()
    assert (tokens.end[:-1] <= tokens.start[1:]).all()
    assert not len(tokens) or (tokens.start[0] >= 0 and tokens.end[-1] <= len(text))
    assert len(tokens.first_piece) == len(tokens) + 1
    assert (np.diff(tokens.first_piece) >= 1).all()
    covered = sum(int(b - a) for a, b in zip(tokens.start, tokens.end, strict=True))
    assert covered >= sum(c.isalnum() for c in text)
