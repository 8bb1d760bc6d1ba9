"""Reads a source phrase: its head, its determiner, the names in it, and whether several speak.

The phrase is what the model marked as the speaker ("Kelly Armstrong, the party chairman,"); no
parser is at hand, so commas, prepositions and relative pronouns mark where its core ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import PERSON, Name
from quotewire.extraction.mentions_extend import is_honour
from quotewire.extraction.mentions_page import Page, Word
from quotewire.extraction.names_joint import Names, coordinated, generic, solid
from quotewire.extraction.names_kinds import (
    HE,
    LETTER,
    LONG_NAME,
    NOTHING,
    ONE,
    OTHER,
    SHORT_NAME,
    THEY,
    WHICH,
    WHO,
    noun_kind,
    pronoun_kinds,
)

_BREAKS = frozenset(",;:()[]–—-…")


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


def read_phrase(page: Page, names: Names, first: int, last: int) -> Phrase:
    """Analyses the words ``[first, last)``; an empty range gives kind ``nothing``."""
    words = page.words
    while last > first and not solid(words[last - 1]):
        last -= 1
    while first < last and (not solid(words[first]) or _leads(words, first, last, names)):
        first += 1
    if first >= last:
        return Phrase(first, last, NOTHING)
    while last - first > 1 and words[last - 1].low in lexicon()["trailing"]:
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
    of_them = _of_them(words, first, last)
    if of_them:
        phrase.kind, phrase.head = of_them, last - 1
        return phrase
    _scan(words, names, phrase)
    phrase.parts = coordinated(words, names, phrase.first, phrase.last)
    return phrase


def _leads(words: list[Word], first: int, last: int, names: Names) -> bool:
    """A preposition that the span caught before the phrase ("by Senate campaign chairman …")."""
    low = words[first].low
    if low in lexicon()["phrase_adverbs"] and last - first > 1:
        # "both of them" keeps its first word, "both he and Rubio" does not.
        return words[first + 1].low != "of" and (low != "both" or last - first > 2)
    if low not in lexicon()["leading"] or last - first < 2 or first in names.at:
        return False
    return not (low == "at" and words[first + 1].low in ("least", "most"))


def _of_them(words: list[Word], first: int, last: int) -> str:
    """The kind of "all of whom" and "most of them"; "" for other phrases."""
    if last - first != 3 or words[first + 1].low != "of":
        return ""
    return {"whom": WHO, "them": THEY, "which": WHICH}.get(words[first + 2].low, "")


def _alone(words: list[Word], first: int, last: int) -> bool:
    if last - first == 1:
        return True
    if last - first == 2 and words[first + 1].low in lexicon()["after_pronoun"]:
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
        if word.low in lexicon()["relatives"] and i > first:
            core, stop, closed = min(core, i), min(stop, i), True
        elif word.low in lexicon()["prepositions"] and i > first:
            stop = min(stop, i)
        if word.low not in ("the", "a", "an", "and"):
            # "… , the party chairman, Kelly": a name after lower-case words is no apposition
            segment = segment and word.low in lex["titles"]
        i += 1
    phrase.core = core
    end = stop
    if end - first > 1 and words[end - 1].low in ("'s", "himself", "herself", "itself", "both"):
        end -= 1
    while end - first > 1 and is_honour(words[end - 1]):
        end -= 1
    name = names.ending.get(end)
    if name is not None and name.first >= first and not generic(name, words):
        phrase.name = name
        phrase.head = end - 1
        phrase.inner = [n for n in phrase.inner if n is not name]
        phrase.kind = LONG_NAME if len(name.key) > 1 else SHORT_NAME
        return
    phrase.head = _head(words, first, end)
    phrase.kind, phrase.plural = noun_kind(words[phrase.head].low)
    apposed = phrase.apposed[0] if phrase.apposed else None
    at_once = apposed is not None and words[core].text == "," and apposed.begin == core + 1
    if apposed is not None and at_once and phrase.kind == ONE and apposed.kind == PERSON:
        # "The party chairman, Kelly Armstrong": the name is what it is about.
        phrase.name = apposed
        phrase.kind = LONG_NAME if len(apposed.key) > 1 else SHORT_NAME


def _head(words: list[Word], first: int, end: int) -> int:
    """The last word before ``end`` that is a noun we know; else the last word."""
    adjectives = lexicon()["adjectives"]
    for i in range(end - 1, max(first, end - 4) - 1, -1):
        low = words[i].low
        if low in ("'s", "’", "'"):
            break  # "the party's bylaws" are no party
        if noun_kind(low)[0] != OTHER and (i == end - 1 or low not in adjectives):
            return i
    return max(first, end - 1)


_BEFORE_DETERMINERS = frozenset(("all", "both", "half", "such", "many"))


def phrase_before(page: Page, head: int, *, limit: int = 8) -> int:
    """First word of the noun phrase that ends with the word ``head``, read leftwards."""
    lex = lexicon()
    words = page.words
    i = head
    closed = False  # a determiner was met: only another one can stand before it ("all the")
    while i > 0 and head - i < limit:
        before = words[i - 1]
        if before.sentence != words[head].sentence:
            break
        if before.low in lex["determiners"]:
            if closed and before.low not in _BEFORE_DETERMINERS:
                break
            i -= 1
            closed = True
            continue
        if closed or before.low.endswith("ly"):
            break
        if before.low.endswith("ed") and i > 1 and words[i - 2].is_capital:
            break  # "President Obama rebuked critics"
        if before.text in ("’", "'") and i > 1 and words[i - 2].low.endswith("s"):
            i -= 1  # "Sanders’ supporters"
            continue
        if not solid(before) or (before.low in lex["function"] and before.low != "'s"):
            break
        if before.low == "'s" and i < 2:
            break
        i -= 1
    if 0 < i < head and words[i - 1].low == "to" and words[i].text[0].islower():
        i += words[i].low.isalpha() and noun_kind(words[i].low)[0] == OTHER  # "to placate voters"
    while i < head and not solid(words[i]):
        i += 1
    while i < head and words[i].low == "'s":
        i += 1
    return i
