"""Reads a source phrase: its head, its determiner, the names in it, and whether several speak.

The phrase is what the model marked as the speaker ("Kelly Armstrong, the party chairman,"); no
parser is at hand, so commas, prepositions and relative pronouns mark where its core ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import PERSON, UNKNOWN, Name
from quotewire.extraction.mentions_page import Page, Word

# What a phrase is, in the order in which the ranker's weights know them.
HE, SHE, THEY, IT, I, WE, YOU, WHO, WHICH, THIS = (
    "he", "she", "they", "it", "i", "we", "you", "who", "which", "this",
)  # fmt: skip
SHORT_NAME, LONG_NAME = "short_name", "long_name"
ONE, BODY, PAPER, MANY, OTHER, NOTHING = "one", "body", "paper", "many", "other", "nothing"
LETTER = "letter"
KINDS = (
    HE, SHE, THEY, IT, I, WE, YOU, WHO, WHICH, THIS,
    SHORT_NAME, LONG_NAME, ONE, BODY, PAPER, MANY, OTHER, NOTHING, LETTER,
)  # fmt: skip
PRONOUN_KINDS = frozenset((HE, SHE, THEY, IT, I, WE, YOU, WHO, WHICH, THIS))

RELATIVES = frozenset(("who", "which", "that", "whose", "whom", "where", "whic"))
PREPOSITIONS = frozenset(
    [
        "of",
        "for",
        "in",
        "at",
        "from",
        "with",
        "on",
        "to",
        "by",
        "about",
        "against",
        "behind",
        "near",
        "among",
        "as",
        "inside",
        "across",
        "within",
        "around",
        "between",
        "under",
        "over",
        "during",
        "after",
        "before",
        "since",
        "like",
        "including",
        "than",
    ]
)
_BREAKS = frozenset(",;:()[]–—-…")
_ADVERBS = frozenset("only even just both also mostly especially particularly".split())
_LEADING = frozenset(
    [
        "by",
        "according",
        "to",
        "from",
        "for",
        "as",
        "and",
        "but",
        "in",
        "of",
        "with",
        "at",
        "among",
        "per",
    ]
)


@dataclass(slots=True)
class Phrase:
    """A source phrase over the words ``[first, last)``.

    ``core`` is where its core ends, ``head`` the word index of its head (-1: none), ``name`` the
    proper name that is its head, ``apposed`` names that further segments start with, ``inner``
    other names in it, ``parts`` the coordinated phrases when several speak.
    """

    first: int
    last: int
    kind: str
    core: int = 0
    head: int = -1
    name: Name | None = None
    apposed: list[Name] = field(default_factory=list)
    inner: list[Name] = field(default_factory=list)
    parts: list[tuple[int, int]] = field(default_factory=list)
    determiner: str = ""  # "the", "a", "his", "this", "some" or ""
    plural: bool = False


@lru_cache(maxsize=1)
def pronoun_kinds() -> dict[str, str]:
    lex = lexicon()
    table: dict[str, str] = {}
    for kind in (THIS, WHICH, WHO, YOU, WE, I, IT, THEY, SHE, HE):
        for word in lex[f"pronouns_{kind}"]:
            table[word] = kind
    return table


class Names:
    """The names of a page, by the word at which they start."""

    def __init__(self, names: Sequence[Name]) -> None:
        self.at: dict[int, Name] = {}
        self.ending: dict[int, Name] = {}
        for name in names:
            self.at[name.first] = name
            self.at.setdefault(name.begin, name)
            self.ending[name.last] = name


def read_phrase(page: Page, names: Names, first: int, last: int) -> Phrase:
    """Analyses the words ``[first, last)``; an empty range gives kind ``nothing``."""
    words = page.words
    while last > first and not _solid(words[last - 1]):
        last -= 1
    while first < last and (not _solid(words[first]) or _leads(words, first, last, names)):
        first += 1
    if first >= last:
        return Phrase(first, last, NOTHING)
    while last - first > 1 and words[last - 1].low in _TRAILING:
        last -= 1
    phrase = Phrase(first, last, OTHER, core=last)
    low = words[first].low
    pronouns = pronoun_kinds()
    if last - first == 1 and words[first].text in ("Q", "A"):
        phrase.kind = LETTER  # of an interview printed as questions and answers
        phrase.core, phrase.head = last, first
        return phrase
    if low in pronouns and _alone(words, first, last):
        phrase.kind = pronouns[low]
        phrase.core = first + 1
        phrase.head = first
        if phrase.kind == HE and last - first > 1 and low == "his":
            phrase.determiner = "his"
        return phrase
    _scan(words, names, phrase)
    phrase.parts = _coordinated(words, names, phrase)
    return phrase


def _solid(word: Word) -> bool:
    return word.text[0].isalnum() or word.text[0] in "@$#%" or len(word.text) > 1


def _leads(words: list[Word], first: int, last: int, names: Names) -> bool:
    """A preposition that the span caught before the phrase ("by Senate campaign chairman …")."""
    low = words[first].low
    if low in _ADVERBS and last - first > 1:
        # "both of them" keeps its first word, "both he and Rubio" does not.
        return words[first + 1].low != "of" and (low != "both" or last - first > 2)
    if low not in _LEADING or last - first < 2 or first in names.at:
        return False
    return not (low == "at" and words[first + 1].low in ("least", "most"))


_TRAILING = frozenset(("'s", "himself", "herself", "itself", "themselves", "each", "alike", "both"))
_AFTER_PRONOUN = frozenset(
    ("himself", "herself", "themselves", "all", "both", "'s", "'re", "'ve", "'ll", "'d", "'m")
)


def _alone(words: list[Word], first: int, last: int) -> bool:
    if last - first == 1:
        return True
    if last - first == 2 and words[first + 1].low in _AFTER_PRONOUN:
        return True
    return words[first].low in ("he", "she", "i", "they", "who") and words[first + 1].text in ",("


def _scan(words: list[Word], names: Names, phrase: Phrase) -> None:
    lex = lexicon()
    i, first, last = phrase.first, phrase.first, phrase.last
    low = words[first].low
    if low in ("the",):
        phrase.determiner = "the"
    elif low in ("a", "an", "another", "one", "any", "no"):
        phrase.determiner = "a"
    elif low in lex["possessives"]:
        phrase.determiner = "his"
    elif low in ("this", "that", "these", "those"):
        phrase.determiner = "this"
    elif low in lex["determiners"] or words[first].text[0].isdigit():
        phrase.determiner = "some"
    core = last
    stop = last  # where the head must stand before
    segment = False  # a new segment starts here
    closed = False
    while i < last:
        word = words[i]
        name = names.at.get(i)
        if name is not None and name.last <= last + 1:
            if i <= stop and not closed and core == last:
                pass
            if segment:
                phrase.apposed.append(name)
            else:
                phrase.inner.append(name)
            i = max(name.last, i + 1)
            segment = False
            continue
        if word.text in _BREAKS and i > first:
            core, stop = min(core, i), min(stop, i)
            segment = True
            i += 1
            continue
        if word.low in RELATIVES and i > first:
            core, stop, closed = min(core, i), min(stop, i), True
        elif word.low in PREPOSITIONS and i > first:
            stop = min(stop, i)
        if word.low not in ("the", "a", "an", "and"):
            # "… , the party chairman, Kelly": a name after lower-case words is no apposition
            segment = segment and word.low in lex["titles"]
        i += 1
    phrase.core = core
    end = stop
    if end - first > 1 and words[end - 1].low in ("'s", "himself", "herself", "itself", "both"):
        end -= 1
    name = names.ending.get(end)
    if name is not None and name.first >= first and not _generic(name, words):
        phrase.name = name
        phrase.head = end - 1
        phrase.inner = [n for n in phrase.inner if n is not name]
        phrase.kind = LONG_NAME if len(name.key) > 1 else SHORT_NAME
        return
    phrase.head = _head(words, first, end)
    phrase.kind, phrase.plural = noun_kind(words[phrase.head].low)


def _generic(name: Name, words: list[Word]) -> bool:
    """Whether a "name" is a capitalised description: "Republicans", "a Super PAC"."""
    if name.kind == PERSON:
        return False
    if len(name.key) == 1:
        low = name.key[0]
        kind, _ = noun_kind(low)
        lex = lexicon()
        if low in lex["group_nouns"] or low.removesuffix("s") in lex["demonyms"]:
            return not words[name.first].text.isupper()
        before = words[name.first - 1].low if name.first else ""
        return kind in (BODY, ONE) and before in ("a", "an", "any", "every", "super")
    return all(low in _GENERIC or noun_kind(low)[0] == MANY for low in name.key)


_GENERIC = frozenset("super pac republican democratic house senate state federal".split())


def _head(words: list[Word], first: int, end: int) -> int:
    """The last word before ``end`` that is a noun we know; else the last word."""
    for i in range(end - 1, max(first, end - 4) - 1, -1):
        if noun_kind(words[i].low)[0] != OTHER:
            return i
    return max(first, end - 1)


@lru_cache(maxsize=4096)
def noun_kind(low: str) -> tuple[str, bool]:
    """What a head noun speaks of, and whether it is plural."""
    lex = lexicon()
    if low in lex["person_nouns"]:
        return ONE, False
    if low in lex["group_nouns"]:
        return MANY, True
    if low in lex["organisation_nouns"]:
        return BODY, False
    if low in lex["document_words"]:
        return PAPER, low.endswith("s")
    singular = low[:-1] if low.endswith("s") else low
    if singular != low:
        if singular in lex["person_nouns"] or low.endswith(("ers", "ists", "ians", "ors")):
            return MANY, True
        if singular in lex["organisation_nouns"]:
            return MANY, True
    tail = low.rsplit("-", 1)[-1]
    if tail != low:
        return noun_kind(tail)
    if low.endswith(("man", "woman", "ist", "person")) and len(low) > 4:
        return ONE, False
    if low.endswith(("men", "women", "people")):
        return MANY, True
    return OTHER, low.endswith("s") and not low.endswith("ss")


def _coordinated(words: list[Word], names: Names, phrase: Phrase) -> list[tuple[int, int]]:
    """The parts of "A and B" or "A, B and C", when at least one of them is a name or a pronoun."""
    joint = _joint(words, names, phrase)
    if joint is None:
        return []
    left, right = (phrase.first, joint), (joint + 1, phrase.last)
    segments = _segments(words, names, *left)
    lone = len(segments) == 1
    tail = _segments(words, names, *right)
    named_tail = bool(tail) and _named(words, names, *tail[0])
    if not named_tail and len(tail) > 1 and _named(words, names, *tail[1]):
        named_tail = True  # "and the former first lady, Laura Bush"
    if not lone and not named_tail:
        return []
    if not segments or words[phrase.last - 1].low == "'s":
        return []
    if lone and not _named(words, names, *segments[0]):
        return []  # "Republican leaders in the House and the Senate"
    if not lone and not _one_kind(words, names, segments, tail):
        return []
    parts: list[tuple[int, int]] = []
    for a, b in segments:
        if _named(words, names, a, b):
            if parts and not _named(words, names, *parts[-1]):
                parts[-1] = (a, b)  # "his older brother, George W. Bush"
            else:
                parts.append((a, b))
        elif not parts or (lone and not parts):
            parts.append((a, b))
    parts.append(right)
    good = sum(_named(words, names, a, b) for a, b in parts)
    return parts if good and len(parts) > 1 else []


def _one_kind(
    words: list[Word], names: Names, segments: list[tuple[int, int]], tail: list[tuple[int, int]]
) -> bool:
    """Whether a list's first and last names are both of people, or both not: "Kevin Brady,
    chairman of the House Ways and Means Committee" is no list."""
    ends = []
    for group in (segments, tail):
        found = next((n for a, b in group if (n := _name_of(words, names, a, b)) is not None), None)
        if found is None:
            return False
        ends.append(found.kind in (PERSON, UNKNOWN))
    return ends[0] == ends[1]


def _joint(words: list[Word], names: Names, phrase: Phrase) -> int | None:
    """The last "and" at top level, outside names and relative clauses."""
    found = None
    i = phrase.first
    relative = False
    while i < phrase.last:
        name = names.at.get(i)
        if name is not None:
            i = max(name.last, i + 1)
            continue
        low = words[i].low
        if low in RELATIVES and i > phrase.first:
            relative = True
        elif words[i].text in ",)–—":
            relative = False
        elif (low == "and" or words[i].text == "&") and not relative and i > phrase.first:
            found = i
        i += 1
    if found is None or found + 1 >= phrase.last:
        return None
    return found


def _segments(words: list[Word], names: Names, first: int, last: int) -> list[tuple[int, int]]:
    parts: list[tuple[int, int]] = []
    start = i = first
    depth = 0
    while i < last:
        name = names.at.get(i)
        if name is not None and name.last <= last:
            i = max(name.last, i + 1)
            continue
        text = words[i].text
        depth += (text in "([") - (text in ")]")
        if text in ",–—" and depth <= 0:
            if i > start:
                parts.append((start, i))
            start = i + 1
        i += 1
    if last > start:
        parts.append((start, last))
    return parts


def _named(words: list[Word], names: Names, first: int, last: int) -> bool:
    """Whether the segment's head is a name or a personal pronoun."""
    while first < last and not _solid(words[first]):
        first += 1
    if first < last and words[first].low in ("he", "she"):
        return last - first == 1
    return _name_of(words, names, first, last) is not None


def _name_of(words: list[Word], names: Names, first: int, last: int) -> Name | None:
    """The name that is the head of the segment ``[first, last)``."""
    while first < last and not _solid(words[first]):
        first += 1
    i = first
    end = last
    while i < last:
        name = names.at.get(i)
        if name is not None and name.last <= last:
            i = max(name.last, i + 1)
            continue
        if words[i].low in PREPOSITIONS or words[i].low in RELATIVES or words[i].text in "([":
            end = i
            break
        i += 1
    while end > first and words[end - 1].low in _TRAILING:
        end -= 1
    name = names.ending.get(end)
    if name is None or name.first < first or _generic(name, words):
        return None
    return name


def phrase_before(page: Page, head: int, *, limit: int = 8) -> int:
    """First word of the noun phrase that ends with the word ``head``, read leftwards."""
    lex = lexicon()
    words = page.words
    i = head
    while i > 0 and head - i < limit:
        before = words[i - 1]
        if before.sentence != words[head].sentence:
            break
        if before.low in lex["determiners"]:
            i -= 1
            if before.low in ("the", "a", "an", "every", "each", "some", "another"):
                return i
            continue
        if not _solid(before) or (before.low in lex["function"] and before.low != "'s"):
            break
        if before.low == "'s" and i < 2:
            break
        i -= 1
    while i < head and words[i].low == "'s":
        i += 1
    return i
