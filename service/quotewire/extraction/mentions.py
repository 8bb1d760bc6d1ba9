"""Finds proper names on a page by capitals and context, and joins them into entities.

A sequence of capitalised words is a name; titles and descriptions before it ("House Speaker",
"Texas Sen.") are taken off and kept as what the article says of the person.  Names that can be
read as forms of each other ("Clinton", "Mrs. Clinton", "Hillary Clinton") join in one entity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions_extend import extend, is_honour
from quotewire.extraction.mentions_page import Page, Word

PERSON, ORGANISATION, PLACE, DOCUMENT, UNKNOWN = "per", "org", "loc", "doc", "unk"


@dataclass(slots=True)
class Name:
    """One proper name on the page: the words ``[first, last)`` without titles; ``begin`` is where
    its titles start.  ``key`` are its folded words."""

    begin: int
    first: int
    last: int
    key: tuple[str, ...]
    titles: tuple[str, ...]
    kind: str
    entity: int = -1  # the likeliest entity
    senses: tuple[int, ...] = ()  # all entities that it can stand for


@dataclass(slots=True)
class Entity:
    """One person, organisation or thing with all its names."""

    index: int
    key: tuple[str, ...]
    text: str  # its fullest name as it stands on the page
    kind: str = UNKNOWN
    genders: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)  # words of its titles and appositions
    places: list[int] = field(default_factory=list)  # word index of each mention, ascending
    fulls: list[int] = field(default_factory=list)  # the mentions by more than one word
    headline: bool = False
    speaks: int = 0  # mentions next to a verb of speaking
    after_the: int = 0  # mentions after "the"
    after_in: int = 0  # mentions after "in", "on" or "at"

    @property
    def gender(self) -> float:
        """From -1 (surely a man) to 1 (surely a woman); 0 unknown."""
        m, f = self.genders["m"], self.genders["f"]
        return (f - m) / (f + m + 1.0)

    @property
    def is_personlike(self) -> bool:
        return self.kind in (PERSON, UNKNOWN)


def find_names(page: Page) -> list[Name]:
    """All proper names in text order.  Words of headlines, where everything is capitalised, are
    names only where the rest of the article knows them."""
    words = page.words
    lower = {w.low for w in words if w.text[0].islower()}
    inside = _capital_inside(words)
    names: list[Name] = []
    i = 0
    while i < len(words):
        if not words[i].is_capital or words[i].headline or not _can_start(words, i, lower):
            i += 1
            continue
        if (shouted := _shouted(words, i)) > i:
            i = shouted
            continue
        j = extend(words, i)
        if j == i + 1 and not _supported(words, i, inside):
            i = j
            continue
        name = _make(words, i, j)
        if name is not None:
            names.append(name)
        i = max(j, i + 1)
    known = {name.key for name in names} | {(part,) for n in names for part in n.key[-1:]}
    names.extend(_headline_names(words, known))
    names.extend(_last_names(words, names))
    names.sort(key=lambda n: n.first)
    return names


def _can_start(words: list[Word], i: int, lower: set[str]) -> bool:
    """Whether a name can start at the word ``i``, which has a capital."""
    word = words[i]
    if word.low == "i":
        return False
    if i and is_honour(word) and words[i - 1].is_capital:
        return False
    lex = lexicon()
    low = word.low
    following = words[i + 1] if i + 1 < len(words) else None
    if low in lex["weekdays"] or low.startswith(("i'", "i’")):
        return False
    opens = word.first or (i > 0 and words[i - 1].text in "“\"'‘:—–([")
    office = low in lex["titles"] and following is not None and following.low == "of"
    if office and i + 2 < len(words) and words[i + 2].is_capital:
        return True
    if low in lex.common and not (len(word.text) > 1 and word.text.isupper()):
        # "New York", "Will Doyle"; inside a sentence also "Our Principles PAC"
        starts = low in lex["name_starts"] or (
            not opens and (low not in lex["determiners_plain"] or low in ("our", "my"))
        )
        if not starts or following is None or not following.is_capital:
            return False
        return following.low not in lex.common and following.sentence == word.sentence
    if opens and low in lower and low not in lex.gender:
        return following is not None and following.is_capital
    return True


def _shouted(words: list[Word], i: int) -> int:
    """End of a heading in capitals inside a line ("THE BORROWING Back when he …"); ``i`` if none
    starts there."""
    lex = lexicon()
    j = i
    while j < len(words) and words[j].text.isupper() and words[j].text.isalpha():
        j += 1
    if j - i < 2:
        return i
    small = lex["function"] | lex["determiners"]
    return j if any(w.low in small and w.low != "us" for w in words[i:j]) else i


def _capital_inside(words: list[Word]) -> set[str]:
    """Words that are capitalised where only names are: inside sentences or next to capitals."""
    out: set[str] = set()
    for i, word in enumerate(words):
        if not word.is_capital or word.headline:
            continue
        if not word.first and (i == 0 or words[i - 1].text not in "“\"'‘:—–([-•"):
            out.add(word.low)
    return out


def _supported(words: list[Word], i: int, inside: set[str]) -> bool:
    """Whether a lone capitalised word is a name and not just the first of its sentence."""
    word = words[i]
    opens = word.first or (i > 0 and words[i - 1].text in "“\"'‘:—–([-•")
    if not opens or word.low in inside or word.text[0] == "@":
        return True
    lex = lexicon()
    if word.low in lex.gender or word.low in lex["places"] or word.low in lex["organisation_words"]:
        return True
    if word.text.isupper() and len(word.text) > 1:
        return True
    verb = words[i + 1].low if i + 1 < len(words) else ""
    if verb.endswith("s") and verb in lex["speaking_surely"]:
        return True  # "Wines believes", but "Critics say"
    plural = word.low.endswith("s") and not word.low.endswith("ss")
    if plural or word.low.endswith(("ing", "ly", "ed")) or word.low in lex["person_nouns"]:
        return False
    after = words[i + 1].low if i + 1 < len(words) else ""
    return after in lex["speaking"] or after in ("'s", ",")


def _last_names(words: list[Word], names: list[Name]) -> Iterator[Name]:
    """Last names that are also common words ("Singer", "Cuban"), once a full name is known."""
    lex = lexicon()
    last = {n.key[-1] for n in names if len(n.key) > 1 and n.kind == PERSON}
    taken = {i for n in names for i in range(n.begin, n.last)}
    for i, word in enumerate(words):
        if i in taken or word.low not in last or not word.is_capital or word.headline:
            continue
        after = words[i + 1] if i + 1 < len(words) else None
        if after is not None and after.is_capital and after.sentence == word.sentence:
            continue
        speaks = after is None or after.low in lex["speaking"] or after.low == "'s"
        if word.first and word.low in lex.common and not speaks:
            continue
        yield Name(i, i, i + 1, (word.low,), (), PERSON)


def _make(words: list[Word], i: int, j: int) -> Name | None:
    """The name in the capitalised words ``[i, j)``: takes titles off and guesses its kind; None
    where there is only a role ("White House Press Secretary")."""
    lex = lexicon()
    lows = [w.low for w in words[i:j]]
    skip = _title_words(lows)
    if skip is None:
        return None
    skip += _foreign_front(lows[skip:], opens=words[i].first and not skip)
    while len(lows) - skip > 1 and lows[skip].endswith(("-based", "-born", "-leaning", "-backed")):
        skip += 1
    while len(lows) - skip > 2 and lows[skip] in _FRONTS:
        skip += 1  # "Miss Universe Alicia Machado"
    short = lows[skip] in lex.gender and len(lows) - skip == 2
    if len(lows) - skip > 1 and not short and lows[-1] in lex["demonyms"] and _lower_at(words, j):
        j -= 1  # "a CNN Republican debate", "Kent County Republican headquarters"
        lows.pop()
    first = i + skip
    titles, key = tuple(lows[:skip]), tuple(lows[skip:])
    number = j < len(words) and words[j].text[0].isdigit()
    if number and len(key) == 1 and key[0] in lex["numbered"]:
        return None
    handle = key[0][0] == "@" and len(key[0]) > 1
    if len(key) == 1 and not handle and (len(words[first].text) < 2 or not key[0][0].isalnum()):
        return None
    kind = _kind(words, first, j, titles)
    if kind is None:
        return None
    return Name(begin=i, first=first, last=j, key=_clean(key), titles=titles, kind=kind)


def _title_words(lows: list[str]) -> int | None:
    """How many words in front are titles and what stands before them; None where all are."""
    lex = lexicon()
    for k in range(len(lows) - 2, -1, -1):
        rest = lows[k + 1 :]
        given = rest[0] in lex.gender and len(rest) > 1
        if lows[k] in _NOBLE and lows[k] in lex.gender and k and lows[k - 1] in lex["titles"]:
            continue  # "Gov. Earl Ray Tomblin"
        if lows[k] in lex["titles"]:
            if rest[0] == "of":  # Secretary of State Hillary Clinton: the name starts later
                later = next(
                    (n for n in range(1, len(rest) - 1) if rest[n] in lex.gender),
                    2 if rest[1:2] and rest[1] in _OFFICES and len(rest) > 2 else None,
                )
                return None if later is None else k + 1 + later
            if given or not any(w in lex["organisation_words"] for w in rest):
                return k + 1
        elif lows[k] in lex["demonyms"] and given:
            return k + 1
    return 0


_OFFICES = frozenset(("state", "defense", "staff"))
_NOBLE = frozenset(("earl", "duke", "prince", "king", "dean", "judge"))


def _foreign_front(lows: list[str], *, opens: bool) -> int:
    """How many words before a given name inside belong to something else ("Fox News" of "Fox News
    Sean Hannity")."""
    lex = lexicon()
    if not lows or lows[0] in lex.gender:
        return 0
    for k in range(len(lows) - 2, 0, -1):
        before = lows[k - 1]
        if k == 1 and not opens and not _belongs_elsewhere(before):
            return 0  # "Cornell William Brooks", but not at the start of a sentence
        if (
            lex.gender.get(lows[k]) in ("m", "f")
            and before not in lex.gender
            and len(before.rstrip(".")) > 1
            and before not in lex["particles"]
            and not any(w in lex["organisation_words"] for w in lows[k:])
        ):
            return k
    return 0


def _belongs_elsewhere(low: str) -> bool:
    """Whether a word before a full name is known to be no given name: an outlet, a place."""
    lex = lexicon()
    known = ("organisation_words", "whole_organisations", "places", "demonyms", "titles")
    return low in lex.common or low in _FRONTS or any(low in lex[name] for name in known)


_LANDS = frozenset(["county", "city", "street", "avenue", "island", "beach", "valley"])
_FRONTS = frozenset(
    ["universe", "america", "usa", "world", "ag", "vp", "gop", "mom", "dad", "uncle", "aunt"]
)


def _lower_at(words: list[Word], j: int) -> bool:
    return j < len(words) and words[j].text[0].islower() and words[j].text[0].isalpha()


def _clean(key: tuple[str, ...]) -> tuple[str, ...]:
    cleaned = tuple(low for low in key if low[0].isalnum() or low[0] == "@")
    return cleaned or key


def _kind(words: list[Word], first: int, last: int, titles: tuple[str, ...]) -> str | None:
    lex = lexicon()
    lows = [w.low for w in words[first:last]]
    joined = "_".join(lows)
    if lows[0][0] == "@":
        return PERSON
    if joined in lex["places"] or (len(lows) == 1 and lows[0].rstrip(".") in lex["places"]):
        return PLACE
    if len(lows) > 1 and lows[-1] in _LANDS:
        return PLACE
    given = lows[0] in lex.gender
    if len(lows) > 1 and given and lows[-1] not in lex["organisation_words"]:
        return PERSON
    if any(t in lex["titles"] for t in titles):
        return PERSON
    if len(lows) > 1 and lows[-1] in lex["titles"] and not given:
        return None  # "House Speaker": a role, not a name
    if any(low in lex["organisation_words"] for low in lows):
        return ORGANISATION
    if any(low in lex["document_words"] for low in lows[-1:]):
        return DOCUMENT
    if all(low in lex["titles"] or low in lex["demonyms"] for low in lows):
        return None
    if len(lows) == 1:
        text = words[first].text
        if text.isupper() and 2 <= len(text.replace(".", "")) <= 6:
            return ORGANISATION
        return PERSON if given else UNKNOWN
    if any(
        len(low) <= 2 and words[first + n].text[-1] == "." for n, low in enumerate(lows[1:-1], 1)
    ):
        return PERSON
    return UNKNOWN


def _headline_names(words: list[Word], known: set[tuple[str, ...]]) -> Iterator[Name]:
    lex = lexicon()
    i = 0
    while i < len(words):
        if not words[i].headline or not words[i].text[0].isalpha():
            i += 1
            continue
        for size in range(5, 0, -1):
            part = words[i : i + size]
            if len(part) < size or part[-1].sentence != words[i].sentence:
                continue
            key = _clean(tuple(w.low for w in part))
            pair = (
                size == 2
                and key[0] in lex.gender
                and part[0].is_capital  # "said Martha", though Said is a name, too
                and part[1].is_capital
                and part[1].text.isalpha()
                and part[1].low not in lex.common
                and part[1].low not in lex["function"]
                and len(part[1].text) > 2
            )
            if len(key) == size and (key in known or pair):
                if size == 1 and key[0] in lex.common:
                    continue
                kind = _kind(words, i, i + size, ())
                if kind is not None:
                    yield Name(i, i, i + size, key, (), kind)
                    i += size - 1
                    break
        i += 1
