"""An article cut into words, sentences and paragraphs, for the name resolver.

Plain rules, one pass, no model.  Positions are code points of the page's text; the page is the
article's text, with its title put before it where the text does not start with the title.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

from quotewire.extraction.lexicon import fold, lexicon
from quotewire.extraction.remembered import remembered
from quotewire.types import Article

# A word: a handle, a dotted abbreviation, or letters and digits with inner hyphens, apostrophes
# and ampersands; else one punctuation mark.
_WORD = re.compile(
    r"@\w+|(?:[^\W\d_]\.){2,}|[\w\u0300-\u036f]+(?:[-‐‑'’&/.\u00a1-\u00aa\u00ac-\u00ba\u00bc-\u00bf](?=\w)[\w\u0300-\u036f]+)*|[^\w\s]"
)
# "Trump’s" and "they’re" are two words.
_TAIL = re.compile(r"(?<=\w)['’](?:s|S|re|ve|ll|d|m)$")
_OPENING = "“‘«„"
_CLOSING = "”’»"
_LOWER_IN_HEADLINES = 0.1  # lower-case words that are not small, for each capitalised one
_ENDS = frozenset(".!?…")
_ARABIC = re.compile(r"(?:a[a-z]{1,2}|el|ul|ur)-[A-Z]")  # "al-Sabr", "el-Sisi", "ash-Sharif"
# Words whose full stop ends no sentence (besides titles and short places).
_DOTTED = frozenset(
    [
        "vs",
        "etc",
        "inc",
        "corp",
        "co",
        "ltd",
        "no",
        "st",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sept",
        "sep",
        "oct",
        "nov",
        "dec",
    ]
)


@dataclass(slots=True)
class Word:
    """One word or punctuation mark."""

    start: int
    end: int
    text: str
    low: str  # folded
    is_capital: bool  # whether it can be part of a name: a capital first, or a handle
    sentence: int = 0
    paragraph: int = 0
    quoted: bool = False
    first: bool = False  # first word of its sentence
    headline: bool = False  # in a line where nearly every word is capitalised


@dataclass(slots=True)
class Page:
    """``offset`` is where the article's text starts in ``text``."""

    text: str
    offset: int
    words: list[Word]
    starts: list[int] = field(default_factory=list)

    def index_at(self, position: int) -> int:
        """Index of the first word that ends after ``position`` (len(words) if none)."""
        i = bisect_right(self.starts, position) - 1
        if i >= 0 and self.words[i].end > position:
            return i
        return i + 1

    def inside(self, start: int, end: int) -> tuple[int, int]:
        """Half-open range of the words that overlap ``[start, end)``."""
        first = self.index_at(start)
        last = first
        while last < len(self.words) and self.words[last].start < end:
            last += 1
        return first, last

    def slice(self, first: int, last: int) -> str:
        """Text of the words ``[first, last)``."""
        if first >= last:
            return ""
        return self.text[self.words[first].start : self.words[last - 1].end]


def read_page(article: Article) -> Page:
    """Cuts an article; any text is fine."""
    text, offset = article.text, 0
    title = (article.title or "").strip()
    if title and _squeezed(title)[:40] not in _squeezed(text[: len(title) + 200]):
        text = title + "\n\n" + text
        offset = len(title) + 2
    words: list[Word] = []
    sentence = paragraph = 0
    for line in re.finditer(r"[^\n\r\u2028\u2029]+", text):
        cut = _cut(text, line.start(), line.end())
        if not cut:
            continue
        sentence = _sentences(cut, sentence) + 1
        _quotes(cut)
        _headline(cut)
        for word in cut:
            word.paragraph = paragraph
        paragraph += 1
        words.extend(cut)
    return Page(text=text, offset=offset, words=words, starts=[w.start for w in words])


def _squeezed(text: str) -> str:
    """Folded, with all white space as single spaces: headlines are broken in many ways."""
    return " ".join(fold(text).split())


def _cut(text: str, start: int, end: int) -> list[Word]:
    words: list[Word] = []
    taken = start  # where the last word ends
    for match in _WORD.finditer(text, start, end):
        a, b = match.span()
        if taken > a:  # a full stop that the word before has taken
            continue
        token = match.group()
        low, is_capital, cut, keeps_stop = _form(token)
        if cut:
            words.append(_word(text, a, a + cut))
            words.append(_word(text, a + cut, b))
        elif keeps_stop and b < end and text[b] == ".":
            b += 1
            words.append(_word(text, a, b))
        else:
            words.append(Word(a, b, token, low, is_capital))
        taken = b
    return words


def _word(text: str, start: int, end: int) -> Word:
    form = _form(text[start:end])
    return Word(start, end, text[start:end], form.low, form.is_capital)


class _Form(NamedTuple):
    """What the letters of a token say: ``cut`` is where it is cut in two (0: nowhere), and
    ``keeps_stop`` whether a full stop after it is its own ("Mr.", initials)."""

    low: str
    is_capital: bool
    cut: int
    keeps_stop: bool


@remembered
def _form(token: str) -> _Form:
    low = fold(token)
    tail = _TAIL.search(token)
    # "Trump’s" is two words, and "Sanders-backed" is a name and an adjective.
    cut = tail.start() if tail and len(token) > 2 else _adjective(token)
    initial = len(token) == 1 and token.isupper() and token.isalpha()
    lex = lexicon()
    short = any(low + "." in lex[name] for name in ("titles", "places", "suffixes"))
    return _Form(
        low,
        is_capital=token[0].isupper()
        or (token[0] == "@" and len(token) > 1)
        or bool(_ARABIC.match(token)),
        cut=cut,
        keeps_stop=token[-1] != "." and (initial or short or low in _DOTTED),
    )


def _adjective(token: str) -> int:
    """Length of the name in a word like "Sanders-backed"; 0 for other words."""
    if "-" not in token or not token[0].isupper():
        return 0
    name, _, end = token.rpartition("-")
    return len(name) if end in lexicon()["adjective_ends"] else 0


def _sentences(words: list[Word], sentence: int) -> int:
    """Numbers the sentences of one paragraph from ``sentence`` on; returns the last number."""
    start = True
    ended = False
    for i, word in enumerate(words):
        mark = not (word.text[0].isalnum() or word.text[0] == "@")
        if ended and not (mark and word.text in "”’»\"')]…!?."):
            opens = (
                word.text[0].isupper() or word.text[0].isdigit() or word.text[0] in "“‘\"'«@(—-–[•"
            )
            if opens:
                sentence += 1
                start = True
            ended = False
        word.sentence = sentence
        if start and not mark:
            word.first = True
            start = False
        if word.text in _ENDS or (
            len(word.text) > 2 and word.text[-1] == "." and word.text[0].isupper() is False
        ):
            ended = True
        if word.text[-1] == "." and _ends_after(words, i):
            ended = True
    return sentence


def _ends_after(words: list[Word], i: int) -> bool:
    """Whether an abbreviation's full stop also ends the sentence: a common word follows."""
    if len(words[i].text) < 2 or i + 1 >= len(words):
        return False
    low = words[i].low
    if low in lexicon()["titles"]:
        return False
    after = words[i + 1]
    return after.text[0].isupper() and after.low in lexicon().common and len(low) > 2


def _quotes(words: list[Word]) -> None:
    """Marks the words between quotation marks; a paragraph that opens quoted closes at its end."""
    inside = False
    for word in words:
        if word.text == '"':
            inside = not inside
        elif word.text in ("“", "«", "„"):
            inside = True
        elif word.text in ("”", "»"):
            inside = False
        else:
            word.quoted = inside


def _headline(words: list[Word]) -> None:
    """Marks a line where nearly all words but the small ones are capitalised."""
    lex = lexicon()
    letters = [w for w in words if w.text[0].isalpha()]
    capital = sum(w.is_capital for w in letters)
    if capital < 3 or len(words) >= 40:
        return
    small = lex["function"] | lex["determiners"] | lex["prepositions"]
    lower = sum(not w.is_capital and len(w.text) > 1 and w.low not in small for w in letters)
    if lower <= _LOWER_IN_HEADLINES * capital:
        for word in words:
            word.headline = True
