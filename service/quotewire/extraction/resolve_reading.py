"""An article read once for the resolver: names, entities, what is said of them, nouns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from quotewire.extraction.lexicon import fold, lexicon
from quotewire.extraction.mentions import (
    PERSON,
    PLACE,
    UNKNOWN,
    Entity,
    Name,
    find_names,
)
from quotewire.extraction.mentions_entities import join_entities
from quotewire.extraction.mentions_page import Page, Word, read_page
from quotewire.extraction.names_joint import Names
from quotewire.extraction.names_kinds import MANY, OTHER, noun_kind, pronoun_kinds
from quotewire.extraction.remembered import remembered
from quotewire.types import Article

_FREQUENT = 5
_ROLE_REACH = 9  # words before a name in which a role may stand
_INSIDE = frozenset(("for", "of", "at", "in", "the", "to"))
_ROLE_HOLDERS = 8  # entities kept for a role
_REACH = 25  # words after a name in which a pronoun tells its gender


@dataclass(slots=True)
class Reading:
    """``nouns`` and ``noun_places`` are the common nouns we know, by folded word and in order;
    ``joints`` are "A and B" of two people: (word, text); all positions are word indices."""

    page: Page
    names: list[Name]
    index: Names
    entities: list[Entity]
    nouns: dict[str, list[int]]
    noun_places: list[int]
    joints: list[tuple[int, str]]
    leading_pair: str  # the two people mentioned most, "A and B"; "" where there are no two
    frequent: list[int]  # the entities mentioned most
    by_last_word: dict[str, list[int]]  # entities by the last word of longer names
    pronouns: list[tuple[int, float]]  # each he (-1) and she (1) outside of quotes
    noun_set: frozenset[int]  # of ``noun_places``
    roles: dict[str, list[int]]  # the first entities that are described by a word
    class_places: dict[str, list[tuple[int, int]]]  # (word, entity) by sort of organisation


def read(article: Article) -> Reading:
    """Reads any article; linear in its length."""
    page = read_page(article)
    names = find_names(page)
    entities = join_entities(page, names)
    nouns: dict[str, list[int]] = {}
    places: list[int] = []
    inside = {i for name in names for i in range(name.first, name.last)}
    for i, word in enumerate(page.words):
        if i not in inside and word.text[0].islower() and noun_kind(word.low)[0] != OTHER:
            nouns.setdefault(word.low, []).append(i)
            places.append(i)
    _roles(page, names, entities)
    _genders(page, names, entities)
    ranked = sorted(
        (e for e in entities if e.kind != PLACE), key=lambda e: (-len(e.places), e.index)
    )
    by_last: dict[str, list[int]] = {}
    for entity in entities:
        if len(entity.key) > 1:
            by_last.setdefault(entity.key[-1], []).append(entity.index)
    return Reading(
        page=page,
        names=names,
        index=Names(names),
        entities=entities,
        nouns=nouns,
        noun_places=places,
        joints=_joints(page, names, entities),
        leading_pair=_leading_pair(ranked),
        frequent=[e.index for e in ranked[:_FREQUENT]],
        by_last_word=by_last,
        pronouns=_pronouns(page),
        noun_set=frozenset(places),
        roles=_by_role(entities),
        class_places=_by_class(names, entities),
    )


def _by_role(entities: list[Entity]) -> dict[str, list[int]]:
    out: dict[str, list[int]] = {}
    for entity in entities:
        for word in entity.roles:
            held = out.setdefault(word, [])
            if len(held) < _ROLE_HOLDERS:
                held.append(entity.index)
    return out


@lru_cache(maxsize=1)
def _classes() -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Sort of organisation by the noun that stands for it, and the sorts of a name's word."""
    nouns: dict[str, str] = {}
    words: dict[str, list[str]] = {}
    lists = lexicon().lists
    for name in sorted(lists):
        if name.startswith("class_"):
            nouns.update(dict.fromkeys(lists[name], name))
            for word in lists["of_" + name]:
                words.setdefault(word, []).append(name)
    return nouns, {word: tuple(held) for word, held in words.items()}


def class_of(noun: str) -> str | None:
    """The sort of organisation or place that a noun stands for ("union", "website"), if known."""
    return _classes()[0].get(noun)


def _by_class(names: list[Name], entities: list[Entity]) -> dict[str, list[tuple[int, int]]]:
    words = _classes()[1]
    out: dict[str, list[tuple[int, int]]] = {}
    for name in names:
        entity = entities[name.entity]
        if entity.kind == PERSON:
            continue
        sorts = {s for w in (*entity.key, *name.key) for s in words.get(w, ())}
        if entity.kind == PLACE:
            sorts = {"class_place"}
        for sort in sorted(sorts):
            out.setdefault(sort, []).append((name.first, name.entity))
    return out


def _pronouns(page: Page) -> list[tuple[int, float]]:
    kinds = pronoun_kinds()
    wants = {"he": -1.0, "she": 1.0}
    return [
        (i, wants[kind])
        for i, word in enumerate(page.words)
        if not word.quoted and (kind := kinds.get(word.low)) in wants
    ]


def _roles(page: Page, names: list[Name], entities: list[Entity]) -> None:
    """Collects the words by which the article describes each entity, from before the name ("the
    party chairman, X", "Vermont senator X") and after it ("X, the chairman of Y", "X is a …")."""
    lex = lexicon()
    speaking, candidates = lex["speaking_surely"], lex["candidate_words"]
    words = page.words
    for name in names:
        entity = entities[name.entity]
        found = [*_before(page, name), *_after(page, name)]
        before = words[name.begin - 1].low if name.begin else ""
        end = name.last
        after = words[end].low if end < len(words) else ""
        if after in speaking or before in speaking:
            entity.speaks += 1
        entity.after_the += before == "the"
        entity.after_in += before in ("in", "on", "at")
        if after in ("'s", "'") and end + 1 < len(words):
            after = words[end + 1].low
        if after in lex["of_candidates"] or not candidates.isdisjoint(found):
            found.append("candidate")  # "Trump supporters", "Republican nominee Donald Trump"
        entity.roles.update(found)


def _before(page: Page, name: Name) -> list[str]:
    lex = lexicon()
    words = page.words
    out: list[str] = []
    comma = name.begin > 0 and words[name.begin - 1].text == ","
    i = name.begin - 2 if comma else name.begin - 1
    while i >= 0 and len(out) < 5 and words[i].sentence == words[name.first].sentence:
        low = words[i].low
        if comma and low in _INSIDE and name.begin - i < _ROLE_REACH:
            i -= 1  # "an attorney for the family, Mark Bell"
            continue
        if low in lex["function"] or low in lex["determiners"] or not words[i].text[0].isalnum():
            break
        if not comma or noun_kind(low)[0] != OTHER:
            out.append(low)
        i -= 1
    return out


def _after(page: Page, name: Name) -> list[str]:
    lex = lexicon()
    words = page.words
    i = name.last
    if i + 1 >= len(words):
        return []
    if words[i].text not in ",(" and words[i].low not in ("is", "was", "becomes", "became", "of"):
        return []
    copula = words[i].text not in ",("
    out: list[str] = []
    for word in words[i + 1 : i + 11]:
        if word.text in ".,;:—)" or word.sentence != words[name.first].sentence:
            break
        if word.low in ("who", "said", "says", "told") or word.low in pronoun_kinds():
            break
        known = noun_kind(word.low)[0] != OTHER or word.low in ("former", "republican", "democrat")
        place = word.low in lex["places"] or word.low in lex["demonyms"]
        state = _states().get(word.low.strip(".").rsplit("-", 1)[-1])
        if state:
            out.extend(state.split("_"))
        if known or (place and not copula) or word.low in lex["titles"]:
            out.append(word.low)
    return out


@lru_cache(maxsize=1)
def _states() -> dict[str, str]:
    return dict(pair.split("=") for pair in lexicon()["states"])


def _genders(page: Page, names: list[Name], entities: list[Entity]) -> None:
    """Adds what pronouns say of a name's gender: the first he or she after a mention, in its
    sentence or the next, before another name stands; never more than what a given name says."""
    kinds = pronoun_kinds()
    words = page.words
    votes: dict[int, list[int]] = {}
    for n, name in enumerate(names):
        if not entities[name.entity].is_personlike or words[name.first].headline:
            continue
        end = names[n + 1].first if n + 1 < len(names) else len(words)
        for i in range(name.last, min(end, name.last + _REACH)):
            if words[i].sentence > words[name.first].sentence + 1:
                break
            kind = kinds.get(words[i].low)
            if kind in ("he", "she"):
                votes.setdefault(name.entity, [0, 0])[kind == "she"] += 1
                break
    for e, (he, she) in votes.items():
        total = he + she
        entities[e].genders["m"] += min(4, total) * he // total
        entities[e].genders["f"] += min(4, total) * she // total


def _leading_pair(ranked: list[Entity]) -> str:
    people = [e for e in ranked[: 2 * _FREQUENT] if e.kind == PERSON and len(e.places) > 1][:2]
    return " and ".join(e.text for e in people) if len(people) == 2 else ""


def _joints(page: Page, names: list[Name], entities: list[Entity]) -> list[tuple[int, str]]:
    """Where two people, or a list of them, are named together, with their full names."""
    words = page.words
    out: list[tuple[int, str]] = []
    listed: list[Name] = []  # people with only commas between them, the last one newest
    for one, other in pairwise(names):
        if not listed:
            listed = [one]
        between = words[one.last : other.begin]
        pair = (entities[one.entity], entities[other.entity])
        mark = between[-1].low if between else ""
        joined = one.entity != other.entity and all(e.kind in (PERSON, UNKNOWN) for e in pair)
        if joined and mark in ("and", "&") and (len(between) == 1 or _aside(between[:-1])):
            people = [entities[n.entity].text for n in (*listed, other)]
            out.append((listed[0].begin, f"{', '.join(people[:-1])} and {people[-1]}"))
            listed = []
        elif joined and mark == "," and (len(between) == 1 or _aside(between[:-1])):
            listed.append(other)
        else:
            listed = []
    return out


def _aside(words: list[Word]) -> bool:
    """Whether words between two names are only a comma or a bracket: "(R-Fla.)"."""
    if len(words) == 1:
        return words[0].text == ","
    return len(words) < 9 and words[0].text == "(" and words[-1].text in ("),", ")", ",")


@remembered
def words_kind(text: str) -> tuple[str, bool]:
    """What a description speaks of (see :func:`noun_kind`) and whether of several: read from its
    head, the last known noun before a preposition, relative pronoun or mark."""
    best: tuple[str, bool] = (OTHER, False)
    for n, raw in enumerate(text.split()):
        low = fold(raw.strip(',;:()[]"“”')).removesuffix("'s")
        if n and (low in lexicon()["prepositions"] or low in lexicon()["relatives"]):
            break
        if low == "and" and n:
            return MANY, True
        kind = noun_kind(low)
        if kind[0] != OTHER or (kind[1] and best[0] == OTHER):
            best = kind
        if raw[-1] in ",;:":
            break
    return best


@remembered
def match_key(text: str) -> str:
    """The form in which two names are the same: no case, accents, marks, articles, possessives."""
    low = fold(text).replace("'s ", " ").removesuffix("'s")
    cleaned = "".join(c if c.isalnum() or c in "_@" else " " for c in low)
    parts = cleaned.split()
    while parts and parts[0] in ("the", "a", "an"):
        parts = parts[1:]
    return " ".join(parts)
