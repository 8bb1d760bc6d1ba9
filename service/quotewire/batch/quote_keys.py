"""The same quote in many articles: one key for its words, and prints that survive trimming.

Two outlets seldom set a quotation alike: straight or curly marks, an interrupting “he said”, a
comma drawn inside the mark, capitals.  All of that falls away in :func:`words`, so that the same
words give the same :func:`quote_key` wherever they are printed.

A quotation that one outlet prints whole and another trims has different words and so different
keys.  For these, :func:`quote_prints` gives a few fingerprints of runs of words, chosen by
winnowing (Schleimer, Wilkerson, Aiken, SIGMOD 2003): two quotes that share a run of at least
:data:`SURE_RUN_WORDS` words always share a fingerprint.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence

# Fewer words than this are no quotation that can be recognised elsewhere: “no”, “great again”.
MIN_KEY_WORDS = 3
# A fingerprint covers so many words, and the least of so many neighbouring ones is kept.
PRINT_WORDS = 5
_PRINT_WINDOW = 4
SURE_RUN_WORDS = PRINT_WORDS + _PRINT_WINDOW - 1

# Apostrophes are letters here (don’t, don't, dont); a comma between digits only groups them.
_APOSTROPHES = re.compile(r"(?<=\w)['’‘ʼ`´](?=\w)")
_DIGIT_GROUPS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
# Scripts that put no white space between words are compared by character.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


def words(text: str) -> list[str]:
    """The words of ``text`` in their order, without anything that printers vary.

    Case, quotation marks, dashes, other punctuation and white space are gone; letters that look
    different by their encoding only (ligatures, full width, accents as marks of their own) agree.
    Lone surrogates are no words.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = _DIGIT_GROUPS.sub("", _APOSTROPHES.sub("", folded))
    return _WORD.findall(folded)


def quote_key(verbatim: Iterable[str]) -> str | None:
    """16 hexadecimal digits that are the same for the same words, whatever the typography.

    ``verbatim`` are the parts of one quote inside quotation marks, in their order: pieces that the
    cue interrupts count as one quotation, as another outlet may print it uninterrupted.  None where
    nothing is quoted word by word, or fewer than :data:`MIN_KEY_WORDS` words are.

    64 bits: among 250 million different quotes the chance that any two share a key by accident is
    0.2 % (n² / 2⁶⁵).
    """
    said = words(" ".join(verbatim))
    return _digest(said).hex() if len(said) >= MIN_KEY_WORDS else None


def quote_prints(verbatim: Iterable[str]) -> list[int]:
    """Fingerprints of a quote, ascending: signed 64-bit integers, about two for every five words.

    Two quotes with the same run of :data:`SURE_RUN_WORDS` words share at least one fingerprint; two
    that share none of :data:`PRINT_WORDS` words share none (but by accident, as above).  Empty
    where fewer than :data:`PRINT_WORDS` words are quoted.
    """
    said = words(" ".join(verbatim))
    runs = [
        int.from_bytes(_digest(said[at : at + PRINT_WORDS]), "big", signed=True)
        for at in range(len(said) - PRINT_WORDS + 1)
    ]
    last = max(len(runs) - _PRINT_WINDOW, 0)
    return sorted({min(runs[at : at + _PRINT_WINDOW]) for at in range(last + 1)}) if runs else []


def _digest(said: Sequence[str]) -> bytes:
    return hashlib.blake2b(" ".join(said).encode("utf-8", "replace"), digest_size=8).digest()
