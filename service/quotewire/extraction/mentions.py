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
from quotewire.extraction.mentions_page import Page, Word

PERSON, ORGANISATION, PLACE, DOCUMENT, UNKNOWN = "per", "org", "loc", "doc", "unk"

_MAX_NAME_WORDS = 9


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
        if words[i].headline or not _can_start(words, i, lower):
            i += 1
            continue
        j = _extend(words, i)
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
    word = words[i]
    if not word.is_capital or word.low == "i":
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
        starts = low in lex["name_starts"] or (not opens and low not in lex["determiners_plain"])
        if not starts or following is None or not following.is_capital:
            return False
        return following.low not in lex.common and following.sentence == word.sentence
    if opens and low in lower and low not in lex.gender:
        return following is not None and following.is_capital
    return True


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


def _extend(words: list[Word], i: int) -> int:
    """End of the capitalised sequence that starts at word ``i``."""
    lex = lexicon()
    j = i + 1
    if words[i].text[0] == "@":
        return j
    joined = False
    while j < len(words) and j - i < _MAX_NAME_WORDS:
        word = words[j]
        if word.sentence != words[i].sentence or word.headline:
            break
        if word.is_capital and word.text[0] != "@":
            if (
                (word.low in lex["weekdays"] and not _is_name_month(words, j))
                or word.low in ("i", "the")
                or (word.low in lex.common and word.low in lex["function"])
            ):
                break
            j += 1
            continue
        if word.text == "," and _is(words, j + 1, "suffixes") and words[j + 1].is_capital:
            j += 2
            break
        after = words[j + 1] if j + 1 < len(words) else None
        if after is None or after.sentence != words[i].sentence:
            break
        if after.is_capital and word.low in lex["particles"] and word.text.islower():
            j += 2
            continue
        if word.low in ("of", "for", "&", "and") and _joins(words, i, j, joined):
            step = 2 if after.is_capital else 3 if after.low == "the" else 0
            if step == 3 and not (j + 2 < len(words) and words[j + 2].is_capital):
                break
            if step == 0 or words[j + step - 1].low in lex["weekdays"]:
                break
            joined = True
            j += step
            continue
        # William “Bill” Smith
        if (
            word.text in '“"('
            and j - i == 1
            and j + 3 < len(words)
            and words[j + 2].text in '”")'
            and words[j + 1].is_capital
            and words[j + 3].is_capital
            and words[i].low in lex.gender
        ):
            j += 4
            continue
        break
    return j


def _is_name_month(words: list[Word], j: int) -> bool:
    """Whether "May" or "June" after a capitalised word is a name and no month."""
    if words[j].low not in ("may", "june", "april") or j + 1 >= len(words):
        return False
    return not words[j + 1].text[0].isdigit() and words[j + 1].low not in ("of", "last", "this")


def _is(words: list[Word], i: int, name: str) -> bool:
    return i < len(words) and words[i].low in lexicon()[name]


def _joins(words: list[Word], i: int, j: int, joined: bool) -> bool:
    """Whether the word at ``j`` ("of", "for", "&", "and") can stand inside the name from ``i``."""
    lex = lexicon()
    joiner = words[j].low
    if joiner == "&":
        return True
    so_far = [w.low for w in words[i:j]]
    organisation = any(low in lex["organisation_words"] for low in so_far)
    after = words[j + 1]
    if joiner == "and":
        return (
            joined
            and organisation
            and after.low not in lex.gender
            and after.low not in lex["titles"]
        )
    if organisation:
        return so_far[-1] not in lex["places"]
    # Secretary of State, Director of National Intelligence, Speaker of the House
    return joiner == "of" and so_far[-1] in lex["titles"]


def _make(words: list[Word], i: int, j: int) -> Name | None:
    """The name in the capitalised words ``[i, j)``: takes titles off and guesses its kind; None
    where there is only a role ("White House Press Secretary")."""
    lex = lexicon()
    lows = [w.low for w in words[i:j]]
    skip = _title_words(lows)
    if skip is None:
        return None
    skip += _foreign_front(lows[skip:])
    while len(lows) - skip > 1 and lows[skip].endswith(("-based", "-born", "-leaning", "-backed")):
        skip += 1
    named = lows[skip] in lex.gender
    if len(lows) - skip > 1 and not named and lows[-1] in lex["demonyms"] and _lower_at(words, j):
        j -= 1  # "a CNN Republican debate"
        lows.pop()
    first = i + skip
    titles, key = tuple(lows[:skip]), tuple(lows[skip:])
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


_OFFICES = frozenset(("state", "defense"))


def _foreign_front(lows: list[str]) -> int:
    """How many words before a given name inside belong to something else ("Fox News" of "Fox News
    Sean Hannity")."""
    lex = lexicon()
    if not lows or lows[0] in lex.gender:
        return 0
    for k in range(len(lows) - 2, 0, -1):
        before = lows[k - 1]
        if (
            lex.gender.get(lows[k]) in ("m", "f")
            and before not in lex.gender
            and len(before.rstrip(".")) > 1
            and before not in lex["particles"]
            and not any(w in lex["organisation_words"] for w in lows[k:])
        ):
            return k
    return 0


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
