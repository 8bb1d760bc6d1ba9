"""For each source: which names and descriptions it may stand for, and what speaks for each.

Every candidate gets named features; the ranker (:mod:`quotewire.extraction.resolve_ranker`)
weighs them.  The number of candidates of one source is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log1p

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import ORGANISATION, PERSON, PLACE, UNKNOWN, Name
from quotewire.extraction.names_phrase import (
    BODY,
    HE,
    IT,
    KINDS,
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
    noun_kind,
    phrase_before,
)
from quotewire.extraction.resolve_context import Answer, Query, Reading, Timeline, match_key

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
    past = list(history[-_HISTORY:])
    found.add(None, "is_null")
    if kind not in (NOTHING,):
        _itself(reading, query, found)
    named = kind in (SHORT_NAME, LONG_NAME)
    _own_names(reading, query, found)
    if enclosing is not None and not named:
        found.add(enclosing.text, "encloser", entity=enclosing.entity)
    if not named:
        for age, answer in enumerate(reversed(past)):
            found.add(answer.text, "said_before", 1.0 / (1 + age), entity=answer.entity)
        for entity in timeline.latest():
            _entity(reading, found, entity, "recent")
        for entity in reading.frequent[:3]:
            _entity(reading, found, entity, "frequent")
        for entity in timeline.next_names(query.phrase.last, 2):
            _entity(reading, found, entity, "comes_next")
    if kind in (WHO, WHICH, THIS):
        _left(reading, query, found)
    if kind in (THEY, IT, WHICH, THIS):
        _near_nouns(reading, query, found)
    if kind in (ONE, BODY, PAPER, MANY, OTHER):
        _same_head(reading, query, found)
    everything = found.all()
    shared = _query_features(reading, query, past, enclosing)
    ranks = _ranks(reading, timeline, query, everything)
    for candidate in everything:
        _describe(reading, timeline, query, candidate, past, ranks)
        candidate.features.update(shared)
    return everything


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
    from bisect import bisect_left

    places = reading.noun_places
    words = reading.page.words
    at = bisect_left(places, query.phrase.first)
    taken = 0
    wanted = (MANY,) if query.phrase.kind in (THEY, THIS) else (BODY, PAPER)
    for i in reversed(places[max(0, at - 40) : at]):
        if words[query.phrase.first].sentence - words[i].sentence > 3 or taken >= _NEAR_NOUNS:
            break
        kind, _ = noun_kind(words[i].low)
        if kind not in wanted:
            continue
        start = phrase_before(reading.page, i)
        found.add(reading.page.slice(start, i + 1), "near_noun", 1.0 / (1 + taken))
        if words[start].first:
            found.add(reading.page.slice(start, i + 1), "near_subject")
        taken += 1


_FAMILIES = ("campaign", "poll", "paper", "law", "group")


def _same_head(reading: Reading, query: Query, found: Candidates) -> None:
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
    for entity in timeline_entities_with(reading, heads):
        _entity(reading, found, entity, "name_has_head")


def _around(places: list[int], word: int) -> list[int]:
    """The first places and those just before ``word``."""
    from bisect import bisect_left

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
        out["q_tail"] = 1.0
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
            if answer.key == candidate.key:
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
    from bisect import bisect_left

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
    parts = candidate.key.split()
    out["is_words"] = 1.0
    out["words_length"] = log1p(len(parts))
    tail = noun_kind(parts[-1])[0]
    best = next((noun_kind(p)[0] for p in reversed(parts) if noun_kind(p)[0] != OTHER), OTHER)
    out[f"w_{best}"] = 1.0
    if tail == OTHER:
        out["w_tail_other"] = 1.0
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
