"""Offsets in other units, held against slicing encoded text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotewire.serving.offsets import OffsetEncoding, OffsetMap

ANY_CHARACTER = st.characters(codec=None)  # lone surrogates too
MIXED = st.text(st.one_of(st.sampled_from("aé—🌉𝒳\u202e\x00\n"), ANY_CHARACTER))


@given(MIXED)
def test_every_offset_is_the_length_of_what_stands_before_it(text: str) -> None:
    points = OffsetMap(text, OffsetEncoding.CODE_POINTS)
    utf16 = OffsetMap(text, OffsetEncoding.UTF16)
    utf8 = OffsetMap(text, OffsetEncoding.UTF8)
    for offset in range(len(text) + 1):
        before = text[:offset]
        assert points(offset) == offset
        assert utf8(offset) == len(before.encode("utf-8", "surrogatepass"))
        # Each code point alone: two surrogates side by side must not melt into one character.
        assert utf16(offset) == sum(2 if ord(c) > 0xFFFF else 1 for c in before)


@pytest.mark.parametrize("encoding", OffsetEncoding)
def test_ascii_is_the_same_in_every_unit(encoding: OffsetEncoding) -> None:
    offset = OffsetMap("plain text", encoding)
    assert [offset(n) for n in range(11)] == list(range(11))
