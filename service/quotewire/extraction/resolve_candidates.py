"""For each source: which names and descriptions of the article it may stand for.

The number of candidates of one source is bounded; :mod:`quotewire.extraction.resolve_features`
says what speaks for each, :mod:`quotewire.extraction.resolve_ranker` weighs it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import (
    DOCUMENT,
    ORGANISATION,
    PERSON,
    PLACE,
    UNKNOWN,
    Name,
)
from quotewire.extraction.names_kinds import (
    BODY,
    HE,
    IT,
    LETTER,
    LONG_NAME,
    MANY,
    ME,
    NOTHING,
    ONE,
    OTHER,
    PAPER,
    PRONOUN_KINDS,
    SHE,
    SHORT_NAME,
    THEY,
    THIS,
    WHICH,
    WHO,
    YOU,
    noun_kind,
)
from quotewire.extraction.names_phrase import phrase_before
from quotewire.extraction.resolve_context import Answer, Query, Timeline
from quotewire.extraction.resolve_reading import Reading, match_key, words_kind

_EDGES = " \t\u00a0,;:."  # stripped off a source that stands for itself
HISTORY = 6  # earlier answers looked at
_HEADS = 4
_NEAR_NOUNS = 6
_SURE = 0.6  # from here on a gender (-1 man … 1 woman) is taken as certain

# What the entities that were merely mentioned nearby must not be, by the kind of the phrase.
_NO_PERSON = frozenset((PERSON,))
_NOT_HUMAN = frozenset((ORGANISATION, PLACE, DOCUMENT))
_BANNED = {
    HE: _NOT_HUMAN,
    SHE: _NOT_HUMAN,
    ME: _NOT_HUMAN,
    YOU: _NOT_HUMAN,
    WHO: _NOT_HUMAN,
    ONE: _NOT_HUMAN,
    LETTER: _NOT_HUMAN,
    IT: _NO_PERSON,
    WHICH: _NO_PERSON,
    BODY: _NO_PERSON,
    PAPER: _NO_PERSON,
    THEY: frozenset((PERSON, PLACE)),
    MANY: frozenset((PERSON, PLACE, UNKNOWN)),
}
_WANTED = {
    THEY: (MANY,),
    THIS: (MANY,),
    IT: (BODY, PAPER),
    WHICH: (BODY, PAPER),
    HE: (ONE,),
    SHE: (ONE,),
    WHO: (ONE, MANY),
}
FAMILIES = ("campaign", "poll", "paper", "law", "group")


@dataclass(slots=True)
class Candidate:
    """``text`` None is "nobody to be named"; ``features`` by name, absent ones are 0."""

    text: str | None
    key: str
    entity: int = -1
    features: dict[str, float] = field(default_factory=dict)


class Candidates:
    """Collects the candidates of one query; the same name from two sources is one candidate."""

    def __init__(self) -> None:
        self._by_key: dict[str, Candidate] = {}
        self._by_entity: dict[int, Candidate] = {}

    def add(self, text: str | None, mark: str, value: float = 1.0, *, entity: int = -1) -> None:
        """Adds a candidate, or one more reason (``mark``) for it."""
        found = self._by_entity.get(entity) if entity >= 0 else None
        if found is None:
            key = "" if text is None else match_key(text)
            if text is not None and not key:
                return
            found = self._by_key.get(key)
            if found is None:
                found = self._by_key[key] = Candidate(text, key, entity)
            if entity >= 0:
                self._by_entity[entity] = found
                if found.entity < 0:
                    found.entity, found.text = entity, text
        found.features[mark] = max(value, found.features.get(mark, 0.0))

    def all(self) -> list[Candidate]:
        return list(self._by_key.values())


@dataclass(slots=True)
class _Search:
    """What one query's search needs at hand."""

    reading: Reading
    timeline: Timeline
    query: Query
    past: Sequence[Answer]
    found: Candidates = field(default_factory=Candidates)

    def entity(self, entity: int, mark: str, value: float = 1.0) -> None:
        self.found.add(self.reading.entities[entity].text, mark, value, entity=entity)

    def nearby(self, entity: int, mark: str) -> None:
        """Adds an entity that was merely mentioned, when its sort and gender fit the phrase."""
        kind = self.query.phrase.kind
        if self.reading.entities[entity].kind in _BANNED.get(kind, frozenset()):
            return
        want = {HE: -1.0, SHE: 1.0}.get(kind, 0.0)
        if want * self.reading.entities[entity].gender <= -_SURE:
            return
        self.entity(entity, mark)


def collect(
    reading: Reading,
    timeline: Timeline,
    query: Query,
    *,
    past: Sequence[Answer],
    enclosing: Answer | None,
) -> list[Candidate]:
    """The candidates, each with the marks of where it came from.  ``past`` are the answers before
    the query in text order, ``enclosing`` that of the statement around it."""
    search = _Search(reading, timeline, query, past)
    found = search.found
    kind = query.phrase.kind
    found.add(None, "is_null")
    if kind not in (NOTHING, LETTER):
        _itself(search)
        _own_names(search)
    if kind in (SHORT_NAME, LONG_NAME):
        return found.all()
    if kind == ONE and query.phrase.determiner == "a":
        # "A spokesman" is nobody that was named before.
        return found.all()
    if enclosing is not None:
        found.add(enclosing.text, "encloser", entity=enclosing.entity)
    for age, answer in enumerate(reversed(past)):
        if _may_be(reading, kind, answer):
            found.add(answer.text, "said_before", 1.0 / (1 + age), entity=answer.entity)
    for entity in timeline.latest():
        search.nearby(entity, "recent")
    for entity in reading.frequent[:3]:
        search.nearby(entity, "frequent")
    for entity in timeline.next_names(query.phrase.last):
        search.nearby(entity, "comes_next")
    if kind in (WHO, WHICH, THIS):
        _left(search)
    if kind in _WANTED:
        _near_nouns(search)
    if kind in (ONE, BODY, PAPER, MANY, OTHER):
        _same_head(search)
    _pairs(search)
    return found.all()


def _may_be(reading: Reading, kind: str, answer: Answer) -> bool:
    """Whether a phrase of this kind can stand for an earlier speaker, by number, sort, gender."""
    if answer.text is None:
        return False
    if answer.entity >= 0:
        held = reading.entities[answer.entity]
        want = {HE: -1.0, SHE: 1.0}.get(kind, 0.0)
        if want * held.gender <= -_SURE:
            return False
        return held.kind not in _BANNED.get(kind, frozenset()) or kind == MANY
    sort, several = words_kind(answer.text)
    if kind in (HE, SHE, ME, ONE):
        named = answer.text[:1].isupper() and sort == OTHER
        return (sort == ONE or named) and not several
    if kind in (IT, PAPER, BODY):
        return sort not in (ONE, MANY)
    if kind == THEY:
        return sort != ONE
    return True


def _itself(search: _Search) -> None:
    """The phrase itself: whole, without what follows its core, and from its first name on."""
    query, page, found = search.query, search.reading.page, search.found
    phrase = query.phrase
    whole = query.source.strip(_EDGES) or page.slice(phrase.first, phrase.last)
    found.add(whole, "is_self")
    found.add(page.slice(phrase.first, phrase.last), "is_bare")
    if phrase.kind in PRONOUN_KINDS:
        return
    if phrase.core < phrase.last:
        found.add(page.slice(phrase.first, phrase.core), "is_trim")
    if phrase.kind in (PAPER, BODY, MANY, OTHER, ONE):
        found.add(page.slice(phrase.first, phrase.head + 1), "is_short")
        for name in phrase.inner:
            if name.last <= phrase.head + 1:
                # "a Washington Post-ABC News poll" is known as "Washington Post-ABC News poll"
                found.add(page.slice(name.first, phrase.head + 1), "is_named_core")
                break


def _own_names(search: _Search) -> None:
    """The names in the phrase, by their place in it."""
    phrase = search.query.phrase

    def senses(name: Name, mark: str) -> None:
        for e in name.senses:
            search.entity(e, mark)
        search.entity(name.entity, mark + "_first")

    if phrase.name is not None:
        senses(phrase.name, "head_name")
        text = search.reading.page.slice(phrase.name.first, phrase.name.last)
        search.found.add(text, "head_form")
        if phrase.name.kind == PLACE and len(phrase.name.key) == 1:
            # "Paris, who used to work on Capitol Hill"
            for e in search.reading.by_last_word.get(phrase.name.key[0], ())[:2]:
                if search.reading.entities[e].kind == PERSON:
                    search.entity(e, "head_namesake")
    for name in phrase.apposed[:2]:
        senses(name, "apposed")
    for name in phrase.inner[:3]:
        senses(name, "inner")


def _left(search: _Search) -> None:
    """What a relative pronoun stands after: a name, a noun phrase, or somebody further left."""
    reading, query, found = search.reading, search.query, search.found
    page = reading.page
    words = page.words
    i = query.phrase.first
    comma = i > 0 and words[i - 1].text in ",)"
    end = i - 1 if comma else i
    if comma and words[i - 1].text == ")":
        while end > 0 and words[end].text != "(" and i - end < 8:
            end -= 1
    if end <= 0:
        return
    name = reading.index.ending.get(end)
    head = end - 1 if name is None else name.last - 1
    if name is not None and name.kind != PLACE:
        for e in name.senses:
            search.entity(e, "left_name", 1.0 if e == name.entity else 0.5)
    start = phrase_before(page, head)
    found.add(page.slice(start, head + 1), "left_phrase")
    if start > 1 and words[start - 1].low in ("of", "in", "for", "at", "from", "on", "with", "to"):
        # "voters in Iowa who", "Alan Berger of Englewood, who"
        further = reading.index.ending.get(start - 1)
        if further is not None:
            search.entity(further.entity, "left_further_name")
        longer = phrase_before(page, start - 2)
        found.add(page.slice(longer, head + 1), "left_longer")
    k = i
    while k > 0 and i - k < 25 and words[k - 1].sentence == words[min(i, len(words) - 1)].sentence:
        person = reading.index.ending.get(k)
        if person is not None and reading.entities[person.entity].is_personlike:
            search.entity(person.entity, "left_person")
            if k < i and words[k].text == ",":
                search.entity(person.entity, "left_apposed")  # "Jane Doe, a lawyer, who"
            break
        k -= 1


def _near_nouns(search: _Search) -> None:
    """Noun phrases shortly before a pronoun that may be what it stands for."""
    reading, query, found = search.reading, search.query, search.found
    page = reading.page
    words = page.words
    kind = query.phrase.kind
    at = bisect_left(reading.noun_places, query.phrase.first)
    here = words[query.phrase.first].sentence
    lex = lexicon()
    wrong = lex["nouns_female"] if kind == HE else lex["nouns_male"] if kind == SHE else ()
    taken = 0
    for i in reversed(reading.noun_places[max(0, at - 40) : at]):
        if here - words[i].sentence > (0 if kind == WHO else 3) or taken >= _NEAR_NOUNS:
            break
        if noun_kind(words[i].low)[0] not in _WANTED[kind] or words[i].low in wrong:
            continue
        start = phrase_before(page, i)
        if (
            start > 1
            and words[start - 1].low == "of"
            and words[start - 2].low in lexicon()["quantities"]
        ):
            start = phrase_before(page, start - 2)  # "a lot of Americans"
        text = page.slice(start, i + 1)
        if kind == WHO:
            if query.phrase.first - i > 14:
                break
            whole = page.slice(start, query.phrase.first).rstrip(", ")
            found.add(whole, "near_whole", 1.0 / (1 + taken))
        found.add(text, "near_noun", 1.0 / (1 + taken))
        if words[start].first:
            found.add(text, "near_subject")
        if words[start].low in ("a", "an", "one", "some", "several", "many"):
            found.add(text, "near_indefinite")
        taken += 1


def _pairs(search: _Search) -> None:
    """Two people named together, for "they", "both", "the two lawmakers"."""
    phrase = search.query.phrase
    words = search.reading.page.words
    lows = {w.low for w in words[phrase.first : phrase.last]}
    if phrase.kind not in (THEY, THIS) and not (
        phrase.kind == MANY and lows & lexicon()["pair_words"]
    ):
        return
    joints = search.reading.joints
    at = bisect_left(joints, phrase.first, key=lambda j: j[0])
    for age, (word, text) in enumerate(reversed(joints[max(0, at - 2) : at])):
        search.found.add(text, "pair", 1.0 / (1 + age))
        if words[phrase.first].sentence - words[word].sentence <= 2:
            search.found.add(text, "pair_near")


def _same_head(search: _Search) -> None:
    """Earlier noun phrases with the same head ("the poll" after "a new Gallup poll"), and names
    that end with it ("the agreement" after "Paris Climate Agreement")."""
    reading, query, found = search.reading, search.query, search.found
    lex = lexicon()
    phrase = query.phrase
    words = reading.page.words
    head = words[phrase.head].low
    heads = {head}
    for family in FAMILIES:
        if head in lex[f"synonyms_{family}"]:
            heads |= lex[f"synonyms_{family}"]
    own = {w.low for w in words[phrase.first : phrase.core]}
    spoke_last = search.past[-1].entity if search.past else -1
    near = search.timeline.latest(4)
    mine = phrase.inner[0].entity if phrase.inner else -1
    spots = sorted({i for h in heads for i in _around(reading.nouns.get(h, []), phrase.first)})
    for i in spots:
        start = phrase_before(reading.page, i)
        if phrase.first <= i < phrase.last or start == i:
            continue
        text = reading.page.slice(start, i + 1)
        before = i < phrase.first
        found.add(text, "same_head_before" if before else "same_head_after")
        if words[i].low == head:
            found.add(text, "same_head_exact")
        lows = {w.low for w in words[start : i + 1]}
        found.add(text, "same_head_overlap", len(own & lows) / max(1, len(own)))
        if any(w.is_capital for w in words[start : i + 1] if not w.first):
            found.add(text, "same_head_named")
        if before and i == spots[0]:
            found.add(text, "same_head_first")
        owner = next((n for k in range(start, i) if (n := reading.index.at.get(k))), None)
        if owner is not None:
            found.add(text, "same_head_owned")
            if mine >= 0:
                found.add(text, "owner_same" if owner.entity == mine else "owner_differs")
            if owner.entity == spoke_last:
                found.add(text, "owner_spoke_last")
            if owner.entity in near:
                found.add(text, "owner_near", 1.0 / (1 + near.index(owner.entity)))
            # "Clinton campaign" of "the Clinton campaign", as the name it is known by
            bare = reading.page.slice(owner.first, i + 1)
            found.add(bare, "same_head_bare")
    named = [e for h in sorted(heads) for e in reading.by_last_word.get(h, ())[:3]]
    for entity in named[:_HEADS]:
        search.entity(entity, "name_has_head")


def _around(places: list[int], word: int) -> list[int]:
    """The first places and those just before ``word``."""
    at = bisect_left(places, word)
    return places[: min(at + 1, _HEADS)] + places[max(0, at - _HEADS) : at]
