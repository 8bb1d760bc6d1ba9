from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from quotewire.extraction.windows import cut_windows, largest_core
from tests.fakes import fake_tokenizer

TOKENIZE = fake_tokenizer()


@given(
    st.lists(st.integers(0, 300), max_size=12),
    st.integers(60, 200),
)
def test_cores_tile_the_article_and_windows_fit(paragraph_words: list[int], core: int) -> None:
    text = "\n\n".join("w " * count for count in paragraph_words)
    tokens = TOKENIZE(text)
    limit = largest_core(core) + 2
    windows = cut_windows(tokens, max_pieces=limit, core_pieces=core)
    edge = 0
    for window in windows:
        assert window.core_lo == edge
        assert window.lo <= window.core_lo < window.core_hi <= window.hi
        assert window.pieces <= limit
        edge = window.core_hi
    assert edge == len(tokens)


def test_one_window_for_a_short_article() -> None:
    tokens = TOKENIZE("a b c")
    (window,) = cut_windows(tokens)
    assert (window.lo, window.hi, window.core_lo, window.core_hi) == (0, 3, 0, 3)
    assert window.pieces == 5


def test_cores_end_at_a_paragraph_break_where_one_is_near() -> None:
    text = "\n\n".join(["word " * 90] * 10)
    tokens = TOKENIZE(text)
    windows = cut_windows(tokens, max_pieces=384, core_pieces=240)
    assert len(windows) > 2
    assert all(tokens.is_break[w.core_lo - 1] for w in windows[1:])


def test_a_core_that_cannot_fit_its_window_is_refused() -> None:
    with pytest.raises(ValueError, match="core_pieces"):
        cut_windows(TOKENIZE("a"), max_pieces=100, core_pieces=100)


def test_context_can_be_bounded_and_then_nothing_else_changes() -> None:
    tokens = TOKENIZE("\n\n".join(["word " * 90] * 10))
    wide = cut_windows(tokens, max_pieces=384, core_pieces=240)
    narrow = cut_windows(tokens, max_pieces=384, core_pieces=240, context_pieces=20)
    cores = [(w.core_lo, w.core_hi) for w in wide]
    assert [(w.core_lo, w.core_hi) for w in narrow] == cores
    assert [(w.core_lo - w.lo, w.hi - w.core_hi) for w in narrow] == [
        (min(20, lo), min(20, len(tokens) - hi)) for lo, hi in cores
    ]
    assert sum(w.pieces for w in narrow) < 0.9 * sum(w.pieces for w in wide)
    assert cut_windows(tokens, max_pieces=384, core_pieces=240, context_pieces=384)[1].lo == (
        wide[1].lo
    )


def test_a_negative_context_is_refused() -> None:
    with pytest.raises(ValueError, match="context_pieces: got -1"):
        cut_windows(TOKENIZE("a"), context_pieces=-1)
