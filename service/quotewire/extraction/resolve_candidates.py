"""For each source: which names and descriptions it may stand for, and what speaks for each.

Every candidate gets named features; the ranker (:mod:`quotewire.extraction.resolve_ranker`)
weighs them.  The number of candidates of one source is bounded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log1p

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import (
    DOCUMENT,
    ORGANISATION,
    PERSON,
    PLACE,
    UNKNOWN,
    Name,
    title_gender,
)
from quotewire.extraction.names_phrase import (
    BODY,
    HE,
    IT,
    KINDS,
    LETTER,
    LONG_NAME,
    MANY,
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
    I,
    noun_kind,
    phrase_before,
)
from quotewire.extraction.resolve_context import (
    Answer,
    Query,
    Reading,
    Timeline,
    match_key,
    words_kind,
)

_HISTORY = 6
_HEADS = 4
_NEAR_NOUNS = 6


@dataclass(slots=True)
class Candidate:
    """``text`` None is "nobody to be named"; ``features`` by name, absent ones are 0."""

    text: str | None
    key: str
    entity: int = -1
    features: dict[str, float] = field(default_factory=dict)


# What the entities that were merely mentioned nearby must not be, by the kind of the phrase.
_NO_PERSON = frozenset((PERSON,))
_NOT_HUMAN = frozenset((ORGANISATION, PLACE, DOCUMENT))
_BANNED = {
    HE: _NOT_HUMAN,
    SHE: _NOT_HUMAN,
    I: _NOT_HUMAN,
    YOU: _NOT_HUMAN,
    WHO: _NOT_HUMAN,
    ONE: _NOT_HUMAN,
    IT: _NO_PERSON,
    WHICH: _NO_PERSON,
    BODY: _NO_PERSON,
    PAPER: _NO_PERSON,
    MANY: frozenset((PERSON, PLACE, UNKNOWN)),
}


class Candidates:
    """Collects the candidates of one query; the same name from two sources is one candidate."""

    def __init__(self) -> None:
        self._by_key: dict[str, Candidate] = {}
        self._by_entity: dict[int, Candidate] = {}

    def add(self, text: str | None, mark: str, value: float = 1.0, *, entity: int = -1) -> None:
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


def candidates(
    reading: Reading,
    timeline: Timeline,
    query: Query,
    *,
    history: Sequence[Answer],
    enclosing: Answer | None,
) -> list[Candidate]:
    """All candidates with their features.  ``history`` holds the answers before the query in text
    order (the last ones are enough), ``enclosing`` that of the statement around it."""
    found = Candidates()
    phrase = query.phrase
    kind = phrase.kind
    letter = kind == LETTER
    past = list(history[-_HISTORY:])
    found.add(None, "is_null")
    if kind != NOTHING and not letter and not query.plain:
        _itself(reading, query, found)
    named = kind in (SHORT_NAME, LONG_NAME)
    _own_names(reading, query, found)
    if enclosing is not None and not named:
        found.add(enclosing.text, "encloser", entity=enclosing.entity)
    if not named:
        for age, answer in enumerate(reversed(past)):
            if _may_be(reading, kind, answer):
                found.add(answer.text, "said_before", 1.0 / (1 + age), entity=answer.entity)
        banned = _BANNED.get(kind, frozenset())
        for entity in timeline.latest():
            if reading.entities[entity].kind not in banned:
                _entity(reading, found, entity, "recent")
        for entity in reading.frequent[:3]:
            if reading.entities[entity].kind not in banned:
                _entity(reading, found, entity, "frequent")
        for entity in timeline.next_names(query.phrase.last, 2):
            if reading.entities[entity].kind not in banned:
                _entity(reading, found, entity, "comes_next")
    if kind in (WHO, WHICH, THIS):
        _left(reading, query, found)
    if kind in (THEY, IT, WHICH, THIS, HE, SHE, WHO):
        _near_nouns(reading, query, found)
    if kind in (ONE, BODY, PAPER, MANY, OTHER):
        _same_head(reading, timeline, query, found, past)
    everything = found.all()
    shared = _query_features(reading, query, past, enclosing)
    ranks = _ranks(reading, timeline, query, everything)
    for candidate in everything:
        _describe(reading, timeline, query, candidate, past, ranks)
        candidate.features.update(shared)
    return everything


def _may_be(reading: Reading, kind: str, answer: Answer) -> bool:
    """Whether a phrase of this kind can stand for an earlier speaker, by number and sort."""
    if answer.text is None:
        return False
    if answer.entity >= 0:
        held = reading.entities[answer.entity].kind
        if kind == THEY and held == PERSON:
            return False
        return held not in _BANNED.get(kind, frozenset()) or kind == MANY
    sort, several = words_kind(answer.text)
    if kind in (HE, SHE, I):
        return sort in (ONE, OTHER) and not several
    if kind == ONE:
        return sort in (ONE, OTHER) and not several
    if kind in (IT, PAPER, BODY):
        return sort not in (ONE, MANY)
    if kind == THEY:
        return sort != ONE
    return True


def _entity(
    reading: Reading, found: Candidates, entity: int, mark: str, value: float = 1.0
) -> None:
    found.add(reading.entities[entity].text, mark, value, entity=entity)


def _itself(reading: Reading, query: Query, found: Candidates) -> None:
    """The phrase itself, whole and without what follows its core."""
    phrase = query.phrase
    page = reading.page
    whole = page.slice(phrase.first, phrase.last).strip()
    found.add(whole, "is_self")
    if phrase.core < phrase.last and phrase.kind not in PRONOUN_KINDS:
        trimmed = page.slice(phrase.first, phrase.core)
        if match_key(trimmed) != match_key(whole):
            found.add(trimmed, "is_trim")
    if phrase.kind in (PAPER, BODY, MANY, OTHER, ONE):
        found.add(page.slice(phrase.first, phrase.head + 1), "is_short")
        for name in phrase.inner:
            if name.last <= phrase.head + 1:
                # "a Washington Post-ABC News poll" is known as "Washington Post-ABC News poll"
                found.add(page.slice(name.first, phrase.head + 1), "is_named_core")
                break


def _own_names(reading: Reading, query: Query, found: Candidates) -> None:
    phrase = query.phrase

    def senses(name: Name, mark: str) -> None:
        for e in name.senses:
            _entity(reading, found, e, mark)
            if e == name.entity:
                _entity(reading, found, e, mark + "_first")

    if phrase.name is not None:
        senses(phrase.name, "head_name")
        text = reading.page.slice(phrase.name.first, phrase.name.last)
        found.add(text, "head_form")
    for name in phrase.apposed[:2]:
        senses(name, "apposed")
    for name in phrase.inner[:3]:
        senses(name, "inner")


def _left(reading: Reading, query: Query, found: Candidates) -> None:
    """What a relative pronoun stands after: a name, or a noun phrase."""
    words = reading.page.words
    i = query.phrase.first
    comma = i > 0 and words[i - 1].text in ",)"
    end = i - 1 if comma else i
    if comma and words[i - 1].text == ")":
        while end > 0 and words[end].text != "(" and i - end < 8:
            end -= 1
    if end <= 0:
        return
    name = reading.index.ending.get(end)
    if name is not None:
        for e in name.senses:
            _entity(reading, found, e, "left_name", 1.0 if e == name.entity else 0.5)
        head = name.last - 1
    else:
        head = end - 1
    start = phrase_before(reading.page, head)
    text = reading.page.slice(start, head + 1)
    found.add(text, "left_phrase")
    # "voters in Iowa who", "a lawyer for Mr. Trump who"
    if start > 1 and words[start - 1].low in ("of", "in", "for", "at", "from", "on", "with", "to"):
        before = start - 2
        further = reading.index.ending.get(start - 1)
        if further is not None:
            _entity(reading, found, further.entity, "left_further_name")
        longer = phrase_before(reading.page, before)
        found.add(reading.page.slice(longer, head + 1), "left_longer")
    # "Jane Doe, a lawyer, who"
    if start > 1 and words[start - 1].text == ",":
        apposed = reading.index.ending.get(start - 1)
        if apposed is not None:
            _entity(reading, found, apposed.entity, "left_apposed")


def _near_nouns(reading: Reading, query: Query, found: Candidates) -> None:
    """Noun phrases shortly before a pronoun that may be what it stands for."""
    places = reading.noun_places
    words = reading.page.words
    kind = query.phrase.kind
    at = bisect_left(places, query.phrase.first)
    here = words[query.phrase.first].sentence
    wanted = _WANTED[kind]
    taken = 0
    for i in reversed(places[max(0, at - 40) : at]):
        if here - words[i].sentence > (0 if kind == WHO else 3) or taken >= _NEAR_NOUNS:
            break
        if noun_kind(words[i].low)[0] not in wanted:
            continue
        if kind in (HE, SHE) and words[i].low in (_FEMALE if kind == HE else _MALE):
            continue
        start = phrase_before(reading.page, i)
        text = reading.page.slice(start, i + 1)
        if kind == WHO:
            if query.phrase.first - i < 14:
                whole = reading.page.slice(start, query.phrase.first).rstrip(", ")
                found.add(whole, "near_whole", 1.0 / (1 + taken))
                found.add(text, "near_noun", 1.0 / (1 + taken))
        else:
            found.add(text, "near_noun", 1.0 / (1 + taken))
        if words[start].first:
            found.add(text, "near_subject")
        if words[start].low in ("a", "an", "one", "some", "several", "many"):
            found.add(text, "near_indefinite")
        taken += 1


_WANTED = {
    THEY: (MANY,),
    THIS: (MANY,),
    IT: (BODY, PAPER),
    WHICH: (BODY, PAPER),
    HE: (ONE,),
    SHE: (ONE,),
    WHO: (ONE, MANY),
}
_FAMILIES = ("campaign", "poll", "paper", "law", "group")


def _same_head(
    reading: Reading,
    timeline: Timeline,
    query: Query,
    found: Candidates,
    past: Sequence[Answer],
) -> None:
    """Earlier noun phrases with the same head ("the poll" after "a new Gallup poll")."""
    lex = lexicon()
    phrase = query.phrase
    words = reading.page.words
    head = words[phrase.head].low
    heads = {head}
    for family in _FAMILIES:
        if head in lex[f"synonyms_{family}"]:
            heads |= lex[f"synonyms_{family}"]
    own = {w.low for w in words[phrase.first : phrase.core]}
    spoke_last = past[-1].entity if past else -1
    near = timeline.latest(4)
    spots = sorted({i for h in heads for i in _around(reading.nouns.get(h, []), phrase.first)})
    for i in spots:
        if phrase.first <= i < phrase.last:
            continue
        start = phrase_before(reading.page, i)
        if start == i:
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
            if owner.entity == spoke_last:
                found.add(text, "owner_spoke_last")
            if owner.entity in near:
                found.add(text, "owner_near", 1.0 / (1 + near.index(owner.entity)))
    for entity in timeline_entities_with(reading, heads):
        _entity(reading, found, entity, "name_has_head")


def _around(places: list[int], word: int) -> list[int]:
    """The first places and those just before ``word``."""
    at = bisect_left(places, word)
    return places[: min(at + 1, _HEADS)] + places[max(0, at - _HEADS) : at]


def timeline_entities_with(reading: Reading, heads: set[str]) -> list[int]:
    """Entities whose name ends with one of the nouns ("Paris Climate Agreement")."""
    out: list[int] = []
    for head in heads:
        out.extend(_by_last(reading).get(head, [])[:3])
    return out[:4]


_CACHE: dict[int, tuple[Reading, dict[str, list[int]]]] = {}


def _by_last(reading: Reading) -> dict[str, list[int]]:
    held = _CACHE.get(id(reading))
    if held is not None and held[0] is reading:
        return held[1]
    table: dict[str, list[int]] = {}
    for entity in reading.entities:
        if len(entity.key) > 1:
            table.setdefault(entity.key[-1], []).append(entity.index)
    _CACHE.clear()
    _CACHE[id(reading)] = (reading, table)
    return table


def _query_features(
    reading: Reading, query: Query, past: Sequence[Answer], enclosing: Answer | None
) -> dict[str, float]:
    phrase = query.phrase
    words = reading.page.words
    out = {f"q_{phrase.kind}": 1.0, "bias": 1.0}
    if phrase.kind == LETTER:
        out[f"q_letter_{words[phrase.head].low}"] = 1.0
    if query.quoted:
        out["q_quoted"] = 1.0
    if enclosing is not None:
        out["q_enclosed"] = 1.0
    if phrase.determiner:
        out[f"q_det_{phrase.determiner}"] = 1.0
    if phrase.plural:
        out["q_plural"] = 1.0
    if phrase.name is not None:
        out["q_named"] = 1.0
        if phrase.name.kind == PERSON:
            out["q_named_person"] = 1.0
        if phrase.name.titles:
            out["q_titled"] = 1.0
    if phrase.apposed:
        out["q_apposed"] = 1.0
    if phrase.inner:
        out["q_inner"] = 1.0
    if phrase.core < phrase.last:
        mark = words[phrase.core].text
        out["q_tail_comma" if mark == "," else "q_tail_who" if mark.isalpha() else "q_tail"] = 1.0
    out["q_length"] = log1p(phrase.last - phrase.first)
    if phrase.first < len(words) and words[phrase.first].first:
        out["q_first"] = 1.0
    if phrase.kind in (ONE, BODY, PAPER, MANY, OTHER) and phrase.core - phrase.first > 2:
        out["q_modified"] = 1.0
    if not past:
        out["q_no_past"] = 1.0
    return out


def _gender(reading: Reading, entity: int) -> float:
    """From -1 (surely a man) to 1 (surely a woman); 0 unknown."""
    genders = reading.entities[entity].genders
    m, f = genders["m"], genders["f"]
    return (f - m) / (f + m + 1.0)


def _ranks(
    reading: Reading, timeline: Timeline, query: Query, everything: list[Candidate]
) -> dict[int, int]:
    """How many fitting entities were mentioned since each one was, by entity."""
    want = {HE: -1.0, SHE: 1.0}.get(query.phrase.kind, 0.0)
    ranks: dict[int, int] = {}
    n = 0
    seen = sorted(
        (c.entity for c in everything if c.entity in timeline.last),
        key=lambda e: -timeline.last[e].word,
    )
    for entity in seen:
        ranks[entity] = n
        held = reading.entities[entity]
        if want and (not held.is_personlike or want * _gender(reading, entity) < 0):
            continue
        n += 1
    return ranks


def _describe(
    reading: Reading,
    timeline: Timeline,
    query: Query,
    candidate: Candidate,
    past: Sequence[Answer],
    ranks: dict[int, int],
) -> None:
    out = candidate.features
    words = reading.page.words
    phrase = query.phrase
    at = words[min(query.word, len(words) - 1)]
    if candidate.text is not None:
        for age, answer in enumerate(reversed(past)):
            if answer.key == candidate.key and (answer.text is not None):
                there = words[min(answer.query.word, len(words) - 1)]
                out["spoke"] = 1.0
                out["spoke_age"] = 1.0 / (1 + age)
                if age == 0:
                    out["spoke_last"] = 1.0
                    if there.paragraph == at.paragraph:
                        out["spoke_last_paragraph"] = 1.0
                    if there.sentence == at.sentence:
                        out["spoke_last_sentence"] = 1.0
                out["spoke_distance"] = log1p(max(0, at.sentence - there.sentence))
                if phrase.kind == answer.query.phrase.kind:
                    out["spoke_same_kind"] = 1.0
                if query.content and answer.query.word in range(*query.content[0]):
                    out["spoke_inside"] = 1.0
                break
        out["spoke_times"] = log1p(sum(a.key == candidate.key for a in past))
    if candidate.entity < 0:
        if candidate.text is not None:
            _describe_words(reading, query, candidate)
        return
    entity = reading.entities[candidate.entity]
    kind = entity.kind
    out["is_entity"] = 1.0
    out[f"e_{kind}"] = 1.0
    if entity.headline:
        out["e_headline"] = 1.0
    out["e_count"] = log1p(len(entity.places))
    out["e_words"] = float(len(entity.key) > 1)
    if candidate.entity == (reading.frequent[0] if reading.frequent else -1):
        out["e_most"] = 1.0
    gender = _gender(reading, candidate.entity)
    want = {HE: -1.0, SHE: 1.0}.get(phrase.kind, 0.0)
    if phrase.name is not None and phrase.name.titles:
        want = {"m": -1.0, "f": 1.0}.get(title_gender(phrase.name.titles) or "", 0.0)
    fulls = entity.fulls
    out["full_count"] = log1p(len(fulls))
    before = bisect_left(fulls, query.word)
    if before:
        out["full_before"] = 1.0
        out["full_distance"] = log1p(at.sentence - words[fulls[before - 1]].sentence)
    if any(p < 60 for p in fulls[:1]):
        out["full_early"] = 1.0
    noun = words[phrase.head].low if 0 <= phrase.head < len(words) else ""
    if phrase.kind == ONE:
        if noun in _FEMALE:
            want = 1.0
        elif noun in _MALE:
            want = -1.0
    if want:
        out["gender_fit"] = max(0.0, want * gender)
        out["gender_clash"] = max(0.0, -want * gender)
        out["gender_unknown"] = float(abs(gender) < 0.3)
    last = timeline.last.get(candidate.entity)
    if last is not None:
        out["seen"] = 1.0
        out["distance"] = log1p(max(0, at.sentence - last.sentence))
        out["word_distance"] = log1p(max(0, query.word - last.word)) / 4
        out["same_sentence"] = float(last.sentence == at.sentence)
        out["sentence_before"] = float(last.sentence == at.sentence - 1)
        out["same_paragraph"] = float(last.paragraph == at.paragraph)
        out["paragraph_before"] = float(last.paragraph == at.paragraph - 1)
        out["last_subject"] = float(last.subject)
        out["last_pronoun"] = float(last.pronoun)
        out["last_quoted"] = float(last.quoted)
        out["salience"] = log1p(last.salience * 0.6 ** min(40, at.sentence - last.sentence))
        out["so_far"] = log1p(last.count)
        if any(a <= last.word < b for a, b in query.content):
            out["last_in_content"] = 1.0
        if timeline.leads.get(at.sentence) == candidate.entity:
            out["leads_here"] = 1.0
        if timeline.leads.get(at.sentence - 1) == candidate.entity:
            out["leads_before"] = 1.0
        if timeline.leads.get(at.sentence - 2) == candidate.entity:
            out["leads_before_that"] = 1.0
        if timeline.paragraph_leads.get(at.paragraph) == candidate.entity:
            out["leads_paragraph"] = 1.0
        if timeline.paragraph_leads.get(at.paragraph - 1) == candidate.entity:
            out["leads_paragraph_before"] = 1.0
        if last.subject and last.sentence == at.sentence:
            out["subject_here"] = 1.0
        if last.subject and last.sentence == at.sentence - 1:
            out["subject_before"] = 1.0
        rank = ranks.get(candidate.entity, 9)
        out["rank"] = log1p(rank)
        out["rank_first"] = float(rank == 0)
        out["rank_second"] = float(rank == 1)
    else:
        out["unseen"] = 1.0
    for a, b in query.content:
        place = bisect_left(entity.places, a)
        if place < len(entity.places) and entity.places[place] < b:
            out["in_content"] = 1.0
            break
    if query.intermediary is not None:
        a, b = query.intermediary
        if any(a <= p < b for p in _near(entity.places, a)):
            out["is_intermediary"] = 1.0
    if phrase.kind in (ONE, BODY, MANY, OTHER, PAPER):
        own = [
            w.low
            for w in words[phrase.first : phrase.core]
            if w.low not in lexicon()["determiners"] and w.text[0].isalnum()
        ]
        roles = entity.roles
        hit = sum(1 for w in own if w in roles or _role(w) in roles)
        out["role_overlap"] = hit / max(1, len(own))
        out["role_head"] = float(noun in roles or _role(noun) in roles)
        out["role_known"] = float(bool(roles))
    if phrase.kind in (ONE, HE, SHE, WHO):
        out["person_fit"] = float(kind == PERSON)
        out["person_maybe"] = float(kind == UNKNOWN)
    if phrase.kind in (BODY, IT, WHICH):
        out["body_fit"] = float(kind == ORGANISATION)
    if kind == PLACE:
        out["e_place"] = 1.0


def _near(places: list[int], word: int) -> list[int]:
    at = bisect_left(places, word)
    return places[max(0, at - 1) : at + 8]


_ROLE_FORMS = {
    "sen.": "senator", "sen": "senator", "gov.": "governor", "gov": "governor",
    "rep.": "representative", "rep": "representative", "gen.": "general", "lt.": "lieutenant",
}  # fmt: skip
_ROLE_SHORT = {long: short for short, long in _ROLE_FORMS.items() if short.endswith(".")}
_FEMALE = frozenset(["woman", "girl", "mother", "daughter", "sister", "wife", "widow", "aunt", "niece", "lady", "queen", "princess", "congresswoman", "chairwoman", "spokeswoman", "businesswoman", "actress"])  # fmt: skip
_MALE = frozenset(["man", "boy", "father", "son", "brother", "husband", "uncle", "nephew", "guy", "king", "prince", "gentleman", "congressman", "chairman", "spokesman", "businessman", "actor"])  # fmt: skip


def _role(word: str) -> str:
    return _ROLE_SHORT.get(word, _ROLE_FORMS.get(word, word))


def _describe_words(reading: Reading, query: Query, candidate: Candidate) -> None:
    """Features of a candidate that is a description, from its words."""
    out = candidate.features
    text = candidate.text or ""
    parts = candidate.key.split()
    out["is_words"] = 1.0
    out["words_length"] = log1p(len(parts))
    best, several = words_kind(text)
    out[f"w_{best}"] = 1.0
    if several:
        out["w_several"] = 1.0
    if " and " in text:
        out["w_joint"] = 1.0
    if text[:4].lower() == "the ":
        out["w_definite"] = 1.0
    if candidate.text is not None and candidate.text[:1].isupper():
        out["w_capital"] = 1.0
    kind = query.phrase.kind
    if (kind in (THEY, THIS, WHO) and best == MANY) or (
        kind in (IT, WHICH) and best in (BODY, PAPER)
    ):
        out["w_fits"] = 1.0
    if kind in PRONOUN_KINDS and parts[0] in _PRONOUN_WORDS:
        out["w_pronoun"] = 1.0


_PRONOUN_WORDS = frozenset(k for k in KINDS)
