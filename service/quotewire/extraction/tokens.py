"""An article's text as words and word pieces, with exact offsets.

A *word* is the unit of every label: a run of letters and digits, one punctuation mark, one
ideograph, or a paragraph break.  A *piece* is what the encoder reads; every word has at least one.
Words that the encoder's tokenizer turns into nothing (control characters, lone combining marks)
are left out, so no span can begin or end on one.  Offsets are code points of the text as sent.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from quotewire.extraction.quotation import paragraphs, quoted_regions
from quotewire.extraction.remembered import forgets, remembered
from quotewire.types import Span

IntArray = npt.NDArray[np.int32]

# Letter-case classes of a word, read off the text before an uncased tokenizer loses it.
SHAPES = ("lower", "title", "upper", "mixed", "digit", "mark", "special")
SPECIAL_SHAPE = SHAPES.index("special")
# Where a word stands with respect to quotation marks.
QUOTE_STATES = ("outside", "opening", "inside", "closing")

# At most 40 letters a word: no word outgrows a window however long a text runs without a space.
# What fills a word to the brim is no language (a hash, a file, a flood) and gets one piece only.
_LONGEST = 40
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fa1f"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|(?:(?![{_IDEOGRAPHS}])\w){{1,{_LONGEST}}}|[^\w\s]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_KEPT = 1 << 16  # words; 2,000 articles of the BBC have 36,000


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words of one text.

    ``start``, ``end``, ``shape``, ``quote_state``: [words].  ``pieces``: [pieces] ids of all words
    in order; word ``w`` has ``pieces[first_piece[w]:first_piece[w + 1]]`` (``first_piece`` is
    [words + 1]).  ``is_break``: [words] bool.  ``quoted``: regions inside quotation marks.
    ``edge_ids``: the pieces that open and close every window.
    """

    start: IntArray
    end: IntArray
    shape: IntArray
    quote_state: IntArray
    is_break: npt.NDArray[np.bool_]
    pieces: IntArray
    first_piece: IntArray
    quoted: tuple[Span, ...]
    edge_ids: tuple[int, int]

    def __len__(self) -> int:
        return len(self.start)

    def span(self, first: int, last: int) -> Span:
        """The text span of words ``first`` to ``last``, both included."""
        return Span(int(self.start[first]), int(self.end[last]))

    def words_of(self, span: Span) -> tuple[int, int] | None:
        """First and last word (both included) that overlap ``span``; None if there is none.

        Paragraph breaks at either end do not count.
        """
        first = int(np.searchsorted(self.end, span.start, side="right"))
        last = int(np.searchsorted(self.start, span.end, side="left")) - 1
        while first <= last and self.is_break[first]:
            first += 1
        while last >= first and self.is_break[last]:
            last -= 1
        return (first, last) if first <= last else None


class PieceTokenizer:
    """Splits texts into :class:`Tokens` with a Hugging Face ``tokenizer.json``.

    Words repeat, so their pieces are remembered: most of a text costs one regular expression and
    one dictionary look-up a word.  Thread-safe: the memory is only ever added to or replaced.
    """

    def __init__(self, tokenizer: Tokenizer, *, start_id: int, break_id: int) -> None:
        """``start_id`` opens every window; ``break_id`` is the piece of a paragraph break and
        closes every window."""
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._remembered: dict[str, tuple[int, ...]] = {}
        self.start_id = start_id
        self.break_id = break_id
        forgets(self._forget)

    def _forget(self) -> None:
        self._remembered = {}

    def _pieces(self, words: Sequence[str]) -> list[tuple[int, ...]]:
        remembered = self._remembered
        unseen = list({word for word in words if word not in remembered})
        if unseen:
            if len(remembered) + len(unseen) > _KEPT:
                remembered = self._remembered = {}
                unseen = list(set(words))
            safe = [_LONE_SURROGATE.sub("\ufffd", word) for word in unseen]
            for word, encoding in zip(
                unseen,
                self._tokenizer.encode_batch(safe, add_special_tokens=False),
                strict=True,
            ):
                pieces = encoding.ids[:1] if len(word.strip()) >= _LONGEST else encoding.ids
                remembered[word] = tuple(pieces)
        return [remembered[word] for word in words]

    def __call__(self, text: str) -> Tokens:
        blocks = paragraphs(text)
        quoted = tuple(quoted_regions(text, blocks))
        spans: list[tuple[int, int]] = []
        keys: list[str] = []
        for number, block in enumerate(blocks):
            if number:
                spans.append((blocks[number - 1].end, block.start))
                keys.append("\n")
            for match in _WORD.finditer(text, block.start, block.end):
                begin, stop = match.span()
                spans.append((begin, stop))
                # Byte-level tokenizers tell a word after a space from one that continues another.
                spaced = begin == block.start or text[begin - 1].isspace()
                keys.append(" " + text[begin:stop] if spaced else text[begin:stop])
        pieces = self._pieces([key for key in keys if key != "\n"])
        found = iter(pieces)
        of_word = [(self.break_id,) if key == "\n" else next(found) for key in keys]
        kept = [n for n, ids in enumerate(of_word) if ids]
        lengths = [len(of_word[n]) for n in kept]
        start = np.array([spans[n][0] for n in kept], np.int32)
        end = np.array([spans[n][1] for n in kept], np.int32)
        return Tokens(
            start=start,
            end=end,
            shape=np.array([_shape(keys[n]) for n in kept], np.int32),
            quote_state=_quote_states(start, end, quoted),
            is_break=np.array([keys[n] == "\n" for n in kept], np.bool_),
            pieces=np.array([i for n in kept for i in of_word[n]], np.int32),
            first_piece=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
            quoted=quoted,
            edge_ids=(self.start_id, self.break_id),
        )


@remembered
def _shape(key: str) -> int:
    if key == "\n":
        return SPECIAL_SHAPE
    word = key[1:] if key[0] == " " else key
    if word.isdigit() or any(c.isdigit() for c in word):
        return SHAPES.index("digit")
    if not word[0].isalpha() and len(word) == 1:
        return SHAPES.index("mark")
    if word.islower() or word.upper() == word.lower():  # scripts without case count as lower
        return SHAPES.index("lower")
    if word[0].isupper() and (len(word) == 1 or word[1:].islower()):
        return SHAPES.index("title")
    return SHAPES.index("upper" if word.isupper() else "mixed")


def _quote_states(start: IntArray, end: IntArray, quoted: Sequence[Span]) -> IntArray:
    """[words] index into QUOTE_STATES."""
    states = np.zeros(len(start), np.int32)
    starts, ends = start.tolist(), end.tolist()
    for region in quoted:
        first = bisect_left(starts, region.start)
        last = bisect_right(ends, region.end) - 1
        if first > last:
            continue
        states[first : last + 1] = 2
        states[first] = 1
        if last > first and ends[last] == region.end and ends[last] - starts[last] == 1:
            states[last] = 3
    return states
