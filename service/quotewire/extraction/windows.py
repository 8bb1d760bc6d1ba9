"""Cutting an article into overlapping windows, each word owned by exactly one of them.

The owned parts ("cores") tile the article and are cut at paragraph breaks where one is near, since
attributions seldom cross them; around its core each window sees as much context as fits, or as
much as is asked for: context is read more than once.  Nothing is ever truncated, whatever the
length.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from quotewire.extraction.tokens import IntArray, Tokens

SPECIAL_PIECES = 2  # one opens and one closes every window
LONGEST_WORD = 40  # pieces; tokens.py cuts words at 40 letters
_REACH = 5  # a core's edge may move by a fifth of a core to meet a paragraph break


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Words ``[lo, hi)`` of ``tokens``; those in ``[core_lo, core_hi)`` are this window's own.

    ``pieces`` is its length in word pieces, special ones included: the cost of reading it.
    """

    tokens: Tokens
    lo: int
    hi: int
    core_lo: int
    core_hi: int

    @property
    def words(self) -> int:
        return self.hi - self.lo

    @property
    def pieces(self) -> int:
        first = self.tokens.first_piece
        return int(first[self.hi] - first[self.lo]) + SPECIAL_PIECES


def cut_windows(
    tokens: Tokens,
    *,
    max_pieces: int = 384,
    core_pieces: int = 240,
    context_pieces: int | None = None,
) -> list[Window]:
    """Windows of at most ``max_pieces`` pieces whose cores hold about ``core_pieces`` and tile the
    article, with at most ``context_pieces`` before and after each core (None: what fits).  No
    words, no windows; an article that fits one window is read once.  ValueError if such cores
    cannot fit their windows, or for a negative context."""
    if largest_core(core_pieces) > max_pieces - SPECIAL_PIECES:
        raise ValueError(
            f"core_pieces: got {core_pieces}; allowed: a core may grow to "
            f"{largest_core(core_pieces)} pieces, which must fit {max_pieces - SPECIAL_PIECES}"
        )
    if context_pieces is not None and context_pieces < 0:
        raise ValueError(f"context_pieces: got {context_pieces}; allowed: 0 or more, or None")
    words = len(tokens)
    if not words:
        return []
    room = max_pieces - SPECIAL_PIECES
    first = tokens.first_piece
    total = int(first[words])
    if total <= room:
        return [Window(tokens, 0, words, 0, words)]
    most = room if context_pieces is None else context_pieces
    edges = list(_core_edges(tokens, total=total, core_pieces=core_pieces))
    windows = []
    for core_lo, core_hi in itertools.pairwise(edges):
        spare = room - int(first[core_hi] - first[core_lo])
        before, after = min(most, int(first[core_lo])), min(most, total - int(first[core_hi]))
        right = min(spare - min(spare // 2, before), after)
        left = min(spare - right, before)
        lo = int(np.searchsorted(first, first[core_lo] - left, side="left"))
        hi = int(np.searchsorted(first, first[core_hi] + right, side="right")) - 1
        windows.append(Window(tokens, lo, hi, core_lo, core_hi))
    return windows


def largest_core(core_pieces: int) -> int:
    """The most pieces that a core of nominally ``core_pieces`` can come to."""
    return core_pieces + 2 * (core_pieces // _REACH) + LONGEST_WORD


def _core_edges(tokens: Tokens, *, total: int, core_pieces: int) -> Iterator[int]:
    """Word indices at which cores begin, then the number of words."""
    first: IntArray = tokens.first_piece
    # A break belongs to the paragraph before it: a core begins on the word after.
    breaks = np.flatnonzero(tokens.is_break) + 1
    reach = core_pieces // _REACH
    count = -(-total // core_pieces)
    yield 0
    previous = 0
    for number in range(1, count):
        ideal = number * total / count
        edge = int(np.searchsorted(first, ideal))
        place = int(np.searchsorted(breaks, edge))
        near = breaks[max(place - 1, 0) : place + 1]
        near = near[np.abs(first[near] - ideal) <= reach]
        if len(near):
            edge = int(near[np.argmin(np.abs(first[near] - ideal))])
        if previous < edge < len(tokens):
            yield edge
            previous = edge
    yield len(tokens)
