"""Which entities a name can stand for: "Clinton" and "Mrs. Clinton" are forms of "Hillary Clinton".

Entities are found by the words of their names, by acronym and by near-misses of spelling.
"""

from __future__ import annotations

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import (
    ORGANISATION,
    PERSON,
    PLACE,
    UNKNOWN,
    Entity,
)
from quotewire.extraction.mentions_spelling import Spellings

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


class NameIndex:
    """Entities by each word of their names."""

    def __init__(self, lower: set[str]) -> None:
        self._lower = lower  # words that stand in lower case somewhere
        self._first: dict[int, int] = {}
        self._by_word: dict[str, list[int]] = {}
        self._acronyms: dict[str, list[int]] = {}
        self._kind: dict[int, str] = {}
        self._spellings = Spellings()
        self._people: dict[str, int] = {}  # last word of a full name -> entity

    def add(self, entity: Entity, kind: str, *, first: int) -> None:
        self._kind[entity.index] = kind
        self._first[entity.index] = first
        for word in set(entity.key):
            self._by_word.setdefault(word, []).append(entity.index)
        if len(entity.key) > 1 and kind in (PERSON, UNKNOWN):
            self._spellings.add(entity.key[-1])
            self._people.setdefault(entity.key[-1], entity.index)
        if len(entity.key) > 1 and kind != PERSON:
            for skip in (False, True):
                letters = [w[0] for w in entity.key if not (skip and w in lexicon()["joiners"])]
                places = self._acronyms.setdefault("".join(letters), [])
                if entity.index not in places:
                    places.append(entity.index)

    def misspelt(self, key: tuple[str, ...], kind: str) -> list[int]:
        """The person whose last name the lone unknown word ``key`` misspells, if any."""
        if len(key) != 1 or kind not in (PERSON, UNKNOWN) or key[0] in lexicon().gender:
            return []
        known = self._spellings.like(key[0])
        return [] if known is None else [self._people[known]]

    def shouted(self, word: str) -> list[int]:
        """The person whose last name stands in capitals ("PENCE: …"), if any."""
        held = self._people.get(word)
        return [] if held is None else [held]

    def senses(
        self,
        key: tuple[str, ...],
        kind: str,
        entities: list[Entity],
        *,
        first: int,
        titled: bool = False,
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
        if len(key) == 1 and not found and (titled or kind in (UNKNOWN, ORGANISATION)):
            found.extend(self._led_by(key[0], first, entities, titled=titled))
        people = [e for e in found if self._kind[e] in (PERSON, UNKNOWN)]
        if kind in (PERSON, UNKNOWN) and people:
            found = people
        return found[:_MAX_SENSES]

    def _led_by(self, word: str, first: int, entities: list[Entity], *, titled: bool) -> list[int]:
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
            and (titled or self._first[e] < first)
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
