"""Finds proper names on a page by capitals and context, and joins them into entities.

A sequence of capitalised words is a name; titles and descriptions before it ("House Speaker",
"Texas Sen.") are taken off and kept as what the article says of the person.  Names that can be
read as forms of each other ("Clinton", "Mrs. Clinton", "Hillary Clinton") join in one entity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import log1p

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions_page import Page, Word

PERSON, ORGANISATION, PLACE, DOCUMENT, UNKNOWN = "per", "org", "loc", "doc", "unk"

_MAX_NAME_WORDS = 9
# How many entities one short form may stand for; more are never worth weighing.
_MAX_SENSES = 8

_NICKNAMES = (
    "bill will william billy", "bob rob robert bobby", "dick rick richard", "jim james jimmy",
    "joe joseph joey", "mike michael", "tom thomas tommy", "ted edward ed eddie", "tony anthony",
    "liz elizabeth beth betsy", "kate catherine katherine kathy cathy", "peggy margaret maggie",
    "chuck charles charlie", "jack john johnny", "hank henry harry", "larry lawrence laurence",
    "steve stephen steven", "dave david", "dan daniel danny", "sam samuel samantha",
    "nick nicholas", "greg gregory", "jeff jeffrey geoffrey", "ken kenneth", "ron ronald",
    "don donald", "tim timothy", "matt matthew", "andy andrew", "ben benjamin", "bernie bernard",
    "chris christopher christine", "pat patrick patricia", "sue susan", "debbie deborah",
    "jeb john", "marty martin", "rudy rudolph", "reince reinhold", "mitt willard", "al albert",
    "al alan", "gene eugene", "jerry gerald", "terry terence", "vince vincent", "fred frederick",
    "josh joshua", "jon jonathan", "zach zachary", "alex alexander", "nate nathan nathaniel",
    "sandy alexandra", "tina christina", "becky rebecca", "pam pamela", "cindy cynthia",
    "jenny jennifer", "vicky victoria", "nikki nimrata", "stan stanley", "ray raymond",
)  # fmt: skip
_SHORT: dict[str, set[int]] = {}
for _n, _group in enumerate(_NICKNAMES):
    for _name in _group.split():
        _SHORT.setdefault(_name, set()).add(_n)


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
    kinds: Counter[str] = field(default_factory=Counter)
    genders: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)  # words of its titles and appositions
    places: list[int] = field(default_factory=list)  # word index of each mention, ascending
    fulls: list[int] = field(default_factory=list)  # the mentions by more than one word
    headline: bool = False

    @property
    def kind(self) -> str:
        return self.kinds.most_common(1)[0][0] if self.kinds else UNKNOWN

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
    if low in lex.common and not (len(word.text) > 1 and word.text.isupper()):
        if not (low in lex["name_starts"] and following is not None and following.is_capital):
            return False
        return following.low not in lex.common and following.sentence == word.sentence
    opens = word.first or (i > 0 and words[i - 1].text in "“\"'‘:—–([")
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
        if word.first and word.low in lex.common and after is not None:
            if after.low not in lex["speaking"] and after.low != "'s":
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
                word.low in lex["weekdays"]
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
    """The name in the capitalised words ``[i, j)``: takes titles off and guesses its kind."""
    lex = lexicon()
    lows = [w.low for w in words[i:j]]
    first = i
    for k in range(j - i - 2, -1, -1):
        rest = lows[k + 1 :]
        if lows[k] in lex["titles"]:
            inner = rest
            if rest[0] == "of":  # Secretary of State Hillary Clinton: the name starts later
                later = next(
                    (n for n in range(1, len(rest) - 1) if rest[n] in lex.gender),
                    2 if rest[1] in ("state", "defense") and len(rest) > 2 else None,
                )
                if later is None:
                    return None
                first = i + k + 1 + later
                break
            organisation = any(w in lex["organisation_words"] for w in inner)
            if not organisation or (inner[0] in lex.gender and len(inner) > 1):
                first = i + k + 1
                break
        elif lows[k] in lex["demonyms"] and k + 2 < j - i + 1:
            if rest[0] in lex.gender and len(rest) > 1:
                first = i + k + 1
                break
    for k in range(j - first - 2, 0, -1):
        # "Fox News Sean Hannity", "Texas-based Matt Mackowiak": the person's name starts inside.
        if (
            lex.gender.get(lows[first - i + k]) in ("m", "f")
            and lows[first - i + k - 1] not in lex.gender
            and len(lows[first - i + k - 1].rstrip(".")) > 1
            and lows[first - i + k - 1] not in lex["particles"]
            and lows[first - i] not in lex.gender
            and not any(w in lex["organisation_words"] for w in lows[first - i + k :])
        ):
            first += k
            break
    while j - first > 1 and lows[first - i].endswith(("-based", "-born", "-leaning", "-backed")):
        first += 1
    named = lows[first - i] in lex.gender
    if j - first > 1 and not named and lows[-1] in lex["demonyms"] and _lower_after(words, j):
        j -= 1  # "a CNN Republican debate"
        lows.pop()
    titles = tuple(low for low in lows[: first - i])
    key = tuple(lows[first - i :])
    if not key or (len(key) == 1 and (len(words[first].text) < 2 or not key[0][0].isalnum())):
        if not (key and key[0][0] == "@" and len(key[0]) > 1):
            return None
    kind = _kind(words, first, j, titles)
    if kind is None:
        return None
    return Name(begin=i, first=first, last=j, key=_clean(key), titles=titles, kind=kind)


def _lower_after(words: list[Word], j: int) -> bool:
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
    if lows[-1] in lex["titles"] and not given:
        return None  # "White House Press Secretary": a role, not a name
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


def join_entities(page: Page, names: list[Name]) -> list[Entity]:
    """Joins the names into entities and sets each name's ``entity`` and ``senses``."""
    _drop_fronts(names)
    forms: dict[tuple[str, ...], list[Name]] = {}
    for name in names:
        forms.setdefault(name.key, []).append(name)
    entities: list[Entity] = []
    index = _Index({w.low for w in page.words if w.text[0].islower()})
    # Longer names first: a shorter one is then a form of what is already there, or new.
    order = sorted(forms, key=lambda key: (-len(key), -len(forms[key]), forms[key][0].first))
    for key in order:
        group = forms[key]
        kind = Counter(n.kind for n in group).most_common(1)[0][0]
        first = min(n.first for n in group)
        senses = index.senses(key, kind, entities, first=first)
        if not senses:
            entity = Entity(index=len(entities), key=key, text=_text(page, group))
            entities.append(entity)
            index.add(entity, kind, first=first)
            senses = [entity.index]
        for name in group:
            name.senses = tuple(senses)
    _assign(page, names, entities)
    return entities


def _drop_fronts(names: list[Name]) -> None:
    """Takes a capitalised word that is no given name off a person's name ("Asserting Clinton"),
    when the article knows a person of that last name by a given name."""
    lex = lexicon()
    known: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    forms: Counter[tuple[str, ...]] = Counter(n.key for n in names)
    for name in names:
        if len(name.key) > 1 and name.key[0] in lex.gender and name.kind == PERSON:
            known[name.key[-1]] += 1
        elif len(name.key) == 1:
            alone[name.key[0]] += 1
    for name in names:
        last = name.key[-1]
        if (
            len(name.key) > 1
            and name.kind == UNKNOWN
            and name.key[0] not in lex.gender
            and name.key[0].rstrip(".") not in lex["particles"]
            and len(name.key[0].rstrip(".")) > 1
            and forms[name.key] <= 2
            and (known[last] or alone[last] > 4 * forms[name.key])
        ):
            name.first = name.last - 1
            name.key = (last,)


def _text(page: Page, group: list[Name]) -> str:
    """How the name is written: outside of headlines where possible, in its commonest form."""
    body = [n for n in group if not page.words[n.first].headline] or group
    return Counter(page.slice(n.first, n.last) for n in body).most_common(1)[0][0]


class _Index:
    """Entities by each word of their names."""

    def __init__(self, lower: set[str]) -> None:
        self._lower = lower  # words that stand in lower case somewhere
        self._first: dict[int, int] = {}
        self._by_word: dict[str, list[int]] = {}
        self._acronyms: dict[str, list[int]] = {}
        self._kind: dict[int, str] = {}

    def add(self, entity: Entity, kind: str, *, first: int) -> None:
        self._kind[entity.index] = kind
        self._first[entity.index] = first
        for word in set(entity.key):
            self._by_word.setdefault(word, []).append(entity.index)
        if len(entity.key) > 1 and kind != PERSON:
            for skip in (False, True):
                letters = [w[0] for w in entity.key if not (skip and w in lexicon()["joiners"])]
                places = self._acronyms.setdefault("".join(letters), [])
                if entity.index not in places:
                    places.append(entity.index)

    def senses(
        self, key: tuple[str, ...], kind: str, entities: list[Entity], *, first: int
    ) -> list[int]:
        """The entities that the name ``key`` can stand for, at most ``_MAX_SENSES``."""
        found: list[int] = []
        for word in (key[-1], key[0]):
            # Newest last in the list: for a word that hundreds of names share, a few are enough.
            for e in self._by_word.get(word, ())[: 4 * _MAX_SENSES]:
                if e not in found and self._fits(key, kind, entities[e]):
                    found.append(e)
        if len(key) == 1:
            letters = key[0].replace(".", "")
            if 2 <= len(letters) <= 6:
                found.extend(e for e in self._acronyms.get(letters, ()) if e not in found)
        if len(key) == 1 and not found and kind in (UNKNOWN, ORGANISATION):
            found.extend(self._led_by(key[0], first, entities))
        people = [e for e in found if self._kind[e] in (PERSON, UNKNOWN)]
        if kind in (PERSON, UNKNOWN) and people:
            found = people
        return found[:_MAX_SENSES]

    def _led_by(self, word: str, first: int, entities: list[Entity]) -> list[int]:
        """Names of two words that begin with ``word`` and stand before it ("Shen Xincheng")."""
        lex = lexicon()
        if word in lex["places"] or word in lex["demonyms"] or word in lex.common:
            return []
        if word not in lex["family_first"] and word not in lex["organisation_words"]:
            return []
        return [
            e
            for e in self._by_word.get(word, ())[:_MAX_SENSES]
            if len(entities[e].key) == 2
            and entities[e].key[0] == word
            and self._kind[e] in (UNKNOWN, ORGANISATION)
            and self._first[e] < first
            and entities[e].key[1] not in self._lower
        ]

    def _fits(self, key: tuple[str, ...], kind: str, entity: Entity) -> bool:
        other = self._kind[entity.index]
        lex = lexicon()
        if key == entity.key:
            return True
        if key[0][0] == "@" or entity.key[0][0] == "@":
            return False
        human = other in (PERSON, UNKNOWN) and kind in (PERSON, UNKNOWN)
        if human:
            return _same_person(key, entity.key)
        if kind == PLACE or other == PLACE:
            return False
        if kind == PERSON or other == PERSON:
            return False
        if len(key) == 1:
            word = key[0]
            if word in lex["places"] or word in lex["demonyms"]:
                return False
            if word == entity.key[-1]:
                whole = lex["whole_organisations"]
                return kind == ORGANISATION and word in lex["organisation_words"] - whole
            return word == entity.key[0] and other == ORGANISATION and word not in lex.gender
        size = len(key)
        return size >= 2 and (entity.key[:size] == key or entity.key[-size:] == key)


def _same_person(key: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """Whether ``key`` can be a form of the longer (or as long) name ``full``."""
    suffixes = lexicon()["suffixes"]
    if len(key) > 1 and (key[-1] in ("sr", "sr.")) != (full[-1] in ("sr", "sr.")):
        return False
    mine = [w for w in key if w not in suffixes]
    theirs = [w for w in full if w not in suffixes]
    if not mine or not theirs:
        return False
    if len(mine) == 1:
        word = mine[0]
        given = word in lexicon().gender or word in _SHORT
        return word == theirs[-1] or (word == theirs[0] and given)
    if mine[-1] != theirs[-1]:
        # "Aung San" of "Aung San Suu Kyi"
        return len(theirs) > 2 and mine == theirs[: len(mine)]
    return _subsequence(mine, theirs) or (
        _given_fits(mine[0], theirs[0])
        and (len(mine) == 2 or len(theirs) == 2 or mine[1][0] == theirs[1][0])
    )


def _subsequence(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(any(word == other or _initial(word, other) for other in rest) for word in short)


def _initial(a: str, b: str) -> bool:
    a, b = a.rstrip("."), b.rstrip(".")
    return (len(a) == 1 or len(b) == 1) and a[:1] == b[:1]


def _given_fits(a: str, b: str) -> bool:
    if a == b or _initial(a, b):
        return True
    if _SHORT.get(a, set()) & _SHORT.get(b, set()):
        return True
    return min(len(a), len(b)) >= 3 and (a.startswith(b) or b.startswith(a))


def _assign(page: Page, names: list[Name], entities: list[Entity]) -> None:
    """Chooses one sense for each name: the one that title, order and nearness speak for.

    A short name means somebody who was already named in full (unless nobody was), mostly the one
    it meant before, and rather the one named in full just now.
    """
    lex = lexicon()
    for entity in entities:
        given = lex.gender.get(entity.key[0])
        if len(entity.key) > 1 and given in ("m", "f"):
            entity.genders[given] += 6
    for name in names:
        if len(name.senses) == 1 and len(name.key) > 1:
            entities[name.senses[0]].fulls.append(name.first)
    count: Counter[int] = Counter()
    seen: dict[int, int] = {}  # entity -> where it was last named in full
    for name in names:
        gender = title_gender(name.titles)
        chosen = name.senses[0]
        if len(name.senses) > 1:
            known = any(e in seen for e in name.senses)
            worths: list[tuple[float, int]] = []
            for e in name.senses:
                worth = 2.0 * log1p(count[e]) + 0.5 * log1p(len(entities[e].fulls))
                if known and e not in seen:
                    worth -= 8.0
                elif e in seen:
                    worth += 3.0 * 0.97 ** min(200, name.first - seen[e])
                if gender and entities[e].genders:
                    worth += 20.0 if entities[e].genders[gender] else -20.0
                if name.key[-1] == entities[e].key[-1]:
                    worth += 0.5
                worths.append((worth, -e))
            chosen = -max(worths)[1]
        name.entity = chosen
        count[chosen] += 1
        entity = entities[chosen]
        if len(name.key) > 1:
            seen[chosen] = name.first
        if len(name.key) > 1 or len(entity.key) == 1:
            entity.kinds[name.kind] += 1
        if name.titles and name.kind == PERSON:
            entity.kinds[PERSON] += 2
        if gender:
            entity.genders[gender] += 8
        entity.roles.update(name.titles)
        entity.places.append(name.first)
        if page.words[name.first].headline:
            entity.headline = True


def title_gender(titles: tuple[str, ...]) -> str | None:
    """Whether the titles are a man's ("m") or a woman's ("f"); None if they do not say."""
    lex = lexicon()
    for title in titles:
        if title in lex["titles_male"]:
            return "m"
        if title in lex["titles_female"]:
            return "f"
    return None
