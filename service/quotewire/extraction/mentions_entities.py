"""Joins the names of a page into entities: "Clinton", "Mrs. Clinton" and "Hillary Clinton" are one.

Longer names first; a shorter name can stand for each longer one that it is a form of, and for each
mention the likeliest is chosen by title, order and nearness.
"""

from __future__ import annotations

from collections import Counter
from math import log1p

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import (
    ORGANISATION,
    PERSON,
    PLACE,
    UNKNOWN,
    Entity,
    Name,
)
from quotewire.extraction.mentions_page import Page

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


def join_entities(page: Page, names: list[Name]) -> list[Entity]:
    """Joins the names into entities and sets each name's ``entity`` and ``senses``."""
    _drop_fronts(page, names)
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


def _drop_fronts(page: Page, names: list[Name]) -> None:
    """Takes a capitalised word that is no given name off a person's name ("Asserting Clinton"),
    when the article knows a person of that last name by a given name."""
    lex = lexicon()
    lower = {w.low for w in page.words if w.text[0].islower()}
    known: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    forms: Counter[tuple[str, ...]] = Counter(n.key for n in names)
    for name in names:
        if len(name.key) > 1 and name.key[0] in lex.gender and name.kind == PERSON:
            known[name.key[-1]] += 1
        elif len(name.key) == 1:
            alone[name.key[0]] += 1
    for name in names:
        last, front = name.key[-1], name.key[0]
        if (
            len(name.key) > 1
            and (front in lower or front in lex.common or front.endswith(("ing", "ed", "es")))
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
            if word in lex["whole_organisations"]:
                return False
            return word == entity.key[0] and other == ORGANISATION and word not in lex.gender
        size = len(key)
        return size >= 2 and (entity.key[:size] == key or entity.key[-size:] == key)


def _same_person(key: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """Whether ``key`` can be a form of the longer (or as long) name ``full``."""
    suffixes = lexicon()["suffixes"]
    if key[-1] in suffixes and full[-1] in suffixes and key[-1][:2] != full[-1][:2]:
        return False
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
    votes: list[Counter[str]] = [Counter() for _ in entities]
    seen: dict[int, int] = {}  # entity -> where it was last named in full
    for name in names:
        gender = title_gender(name.titles)
        chosen = name.senses[0]
        if len(name.senses) > 1:
            known = any(e in seen for e in name.senses)
            worths: list[tuple[float, int]] = []
            for e in name.senses:
                worth = 2.0 * log1p(count[e]) + 0.5 * log1p(len(entities[e].fulls))
                worth -= 0.2 * len(entities[e].key)
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
            votes[chosen][name.kind] += 1
        if name.titles and name.kind == PERSON:
            votes[chosen][PERSON] += 2
        if gender:
            entity.genders[gender] += 8
        entity.roles.update(name.titles)
        entity.places.append(name.first)
        if page.words[name.first].headline:
            entity.headline = True
    for entity, kinds in zip(entities, votes, strict=True):
        if kinds:
            entity.kind = kinds.most_common(1)[0][0]
    _speakers(page, names, entities)


def _speakers(page: Page, names: list[Name], entities: list[Entity]) -> None:
    """Takes a name of two or three unknown words for a person's once it is shortened to its last
    word, or speaks."""
    words = page.words
    speaking = lexicon()["speaking_surely"]
    for name in names:
        entity = entities[name.entity]
        if entity.kind != UNKNOWN or not 2 <= len(entity.key) <= 4:
            continue
        after = words[name.last].low if name.last < len(words) else ""
        before = words[name.begin - 1].low if name.begin else ""
        shortened = len(name.key) == 1 and name.key[0] == entity.key[-1]
        if shortened or after in speaking or before in speaking:
            entity.kind = PERSON


def title_gender(titles: tuple[str, ...]) -> str | None:
    """Whether the titles are a man's ("m") or a woman's ("f"); None if they do not say."""
    lex = lexicon()
    for title in titles:
        if title in lex["titles_male"]:
            return "m"
        if title in lex["titles_female"]:
            return "f"
    return None
