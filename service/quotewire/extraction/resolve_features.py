"""What speaks for each candidate of a source, as named features for the ranker."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from math import log1p

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import ORGANISATION, PERSON, UNKNOWN, Entity
from quotewire.extraction.mentions_entities import title_gender
from quotewire.extraction.mentions_page import Word
from quotewire.extraction.names_kinds import (
    BODY,
    HE,
    IT,
    LETTER,
    ONE,
    SHE,
    THEY,
    WHICH,
    WHO,
)
from quotewire.extraction.resolve_candidates import DESCRIPTIONS, HISTORY, collect
from quotewire.extraction.resolve_context import Answer, Query, Timeline
from quotewire.extraction.resolve_nouns import FAMILIES, ROLE_FORMS
from quotewire.extraction.resolve_place import of_history, of_place, ranks, rivals
from quotewire.extraction.resolve_reading import Reading
from quotewire.extraction.resolve_search import Candidate
from quotewire.extraction.resolve_wording import Wording, of_noun, of_words, wording

_REACH = 20  # words after a name in which a pronoun tells whom it means
_EARLY = 60  # words that count as the beginning of an article


def candidates(
    reading: Reading,
    timeline: Timeline,
    query: Query,
    *,
    history: Sequence[Answer],
    enclosing: Answer | None,
    echo: Answer | None = None,
) -> list[Candidate]:
    """All candidates of a query with their features.  ``history`` holds the answers before the
    query in text order (the last ones are enough), ``enclosing`` that of the statement around,
    ``echo`` that of the last source with the same head."""
    past = list(history[-HISTORY:])
    spoken = Counter(answer.key for answer in past)
    everything = collect(reading, timeline, query, past=past, enclosing=enclosing, echo=echo)
    asked = wording(reading, query)
    shared = _of_query(reading, query, past, enclosing)
    of_noun(query, asked, shared)
    by_recency = ranks(reading, timeline, query, everything)
    others = rivals(reading, timeline, query, everything)
    for candidate in everything:
        if candidate.text is not None:
            of_history(reading, query, candidate, past, spoken)
            if candidate.entity < 0:
                of_words(query, asked, candidate)
            else:
                _of_entity(reading, query, asked, candidate)
                of_place(reading, timeline, query, candidate, by_recency)
                if candidate.entity in others:
                    candidate.features["in_sight"] = 1.0
                    candidate.features["only_in_sight"] = float(len(others) == 1)
                    candidate.features["rivals"] = log1p(len(others) - 1)
        candidate.shared = shared
    return everything


def _of_query(
    reading: Reading, query: Query, past: Sequence[Answer], enclosing: Answer | None
) -> dict[str, float]:
    """Features that all candidates of a query share: what kind of question it is."""
    phrase = query.phrase
    words = reading.page.words
    out = {f"q_{phrase.kind}": 1.0, "bias": 1.0, "q_length": log1p(phrase.last - phrase.first)}
    flags = {
        "q_quoted": query.quoted,
        "q_enclosed": enclosing is not None,
        "q_plural": phrase.plural,
        "q_named": phrase.name is not None,
        "q_apposed": bool(phrase.apposed),
        "q_inner": bool(phrase.inner),
        "q_first": phrase.first < len(words) and words[phrase.first].first,
        "q_modified": phrase.kind in DESCRIPTIONS and phrase.core - phrase.first > 2,
        "q_no_past": not past,
        "q_relation": 0 <= phrase.head < len(words)
        and words[phrase.head].low in lexicon()["relations"],
        "q_lead": phrase.first < len(words) and words[phrase.first].paragraph < 3,
        "q_headline": phrase.first < len(words)
        and (words[phrase.first].headline or words[phrase.first].paragraph == 0),
    }
    out.update({name: 1.0 for name, held in flags.items() if held})
    _of_cue(reading, query, out)
    _of_content(reading, query, out)
    if phrase.kind in (HE, SHE, THEY, IT) and phrase.first < len(words):
        low = words[phrase.first].low
        possessive = low in lexicon()["possessives"]
        before = words[phrase.first - 1].low if phrase.first else ""
        out["q_possessive"] = float(possessive)
        out["q_object"] = float(low in ("him", "them") or (low == "her" and not possessive))
        out["q_oblique"] = float(before in lexicon()["prepositions"])
        out["q_clause"] = float(before in lexicon()["clause_starts"])
    if phrase.kind == LETTER:
        out[f"q_letter_{words[phrase.head].low}"] = 1.0
    if phrase.kind in DESCRIPTIONS and 0 <= phrase.head < len(words):
        for family in FAMILIES:
            if words[phrase.head].low in lexicon()[f"synonyms_{family}"]:
                out[f"q_head_{family}"] = 1.0
    if phrase.determiner:
        out[f"q_det_{phrase.determiner}"] = 1.0
    if phrase.name is not None:
        out["q_named_person"] = float(phrase.name.kind == PERSON)
        out["q_titled"] = float(bool(phrase.name.titles))
    if phrase.core < phrase.last:
        mark = words[phrase.core].text
        after = words[phrase.core + 1].low if phrase.core + 1 < phrase.last else ""
        if mark == "," and after in ("who", "which", "whose"):
            out["q_tail_comma_who"] = 1.0
        out["q_tail_comma" if mark == "," else "q_tail_who" if mark.isalpha() else "q_tail"] = 1.0
    return out


def _of_cue(reading: Reading, query: Query, out: dict[str, float]) -> None:
    """The shape of the cue: "…, adding" goes on with the speaker before, "was asked" has none."""
    words = reading.page.words
    first, last = query.cue
    if first >= last:
        return
    low = words[first].low
    before = words[first - 1].low if first else ""
    speaking = lexicon()["speaking"]
    flags = {
        "q_cue_ing": any(w.low.endswith("ing") for w in words[first : min(last, first + 2)]),
        "q_cue_be": low in ("is", "was", "are", "were", "be", "been", "being"),
        "q_cue_to": low == "to",
        "q_cue_mark": not low[0].isalnum(),
        "q_cue_verb": low.endswith(("ed", "s")) or low in lexicon()["speaking"],
        "q_cue_speaks": any(w.low in speaking for w in words[first : min(last, first + 6)]),
        "q_cue_capital": words[first].is_capital,
        "q_cue_after_and": before in ("and", "but", "or"),
        "q_cue_after_comma": before == ",",
    }
    out.update({name: 1.0 for name, held in flags.items() if held})


def _of_content(reading: Reading, query: Query, out: dict[str, float]) -> None:
    """Where what is said stands, and whether the paragraph opens with this sentence."""
    words = reading.page.words
    if query.content and query.content[0][0] < len(words):
        first = words[query.content[0][0]]
        out["q_content_before"] = float(query.content[0][0] < query.word)
        out["q_content_quoted"] = float(first.quoted or not first.text[0].isalnum())
    if query.word < len(words):
        at = words[query.word]
        start = bisect_left(words, at.paragraph, key=_paragraph)
        out["q_paragraph_first"] = float(words[start].sentence == at.sentence)


def _paragraph(word: Word) -> int:
    return word.paragraph


def _of_entity(reading: Reading, query: Query, asked: Wording, candidate: Candidate) -> None:
    """Features of a candidate that is a named entity: what it is, and whether that fits."""
    out = candidate.features
    words = reading.page.words
    phrase = query.phrase
    entity = reading.entities[candidate.entity]
    kind = entity.kind
    out["is_entity"] = 1.0
    out[f"e_{kind}"] = 1.0
    if entity.headline:
        out["e_headline"] = 1.0
    mentions = len(entity.places)
    out["e_count"] = log1p(mentions)
    if len(entity.key) > 1:
        out["e_words"] = 1.0
        if entity.key[0] in lexicon().gender:
            out["e_given"] = 1.0
    if mentions:
        if entity.speaks:
            out["e_speaks"] = min(1.0, entity.speaks / mentions * 2)
        if entity.after_the:
            out["e_after_the"] = entity.after_the / mentions
        if entity.after_in:
            out["e_after_in"] = entity.after_in / mentions
    if len(entity.text) > 4 and entity.text.isupper():
        out["e_shouted"] = 1.0
    if candidate.entity in reading.frequent[:1]:
        out["e_most"] = 1.0
    if entity.fulls:
        out["full_count"] = log1p(len(entity.fulls))
        if entity.fulls[0] < _EARLY:
            out["full_early"] = 1.0
        before = bisect_left(entity.fulls, query.word)
        if before:
            at = words[min(query.word, len(words) - 1)]
            there = words[entity.fulls[before - 1]]
            out["full_before"] = 1.0
            out["full_distance"] = log1p(max(0, at.sentence - there.sentence))
    want = _wanted_gender(query, asked.noun)
    if want:
        gender = want * entity.gender
        if gender > 0:
            out["gender_fit"] = gender
        else:
            out["gender_clash"] = -gender
        if abs(gender) < 0.3:
            out["gender_unknown"] = 1.0
    elif phrase.name is not None:
        after = bisect_left(reading.pronouns, (query.word, -2.0))
        if after < len(reading.pronouns) and reading.pronouns[after][0] - query.word < _REACH:
            gender = reading.pronouns[after][1] * entity.gender
            if gender > 0:
                out["pronoun_fit"] = gender
            else:
                out["pronoun_clash"] = -gender
    for a, b in query.content:
        if _stands_in(entity, a, b):
            out["in_content"] = 1.0
            break
    if query.intermediary is not None and _stands_in(entity, *query.intermediary):
        out["is_intermediary"] = 1.0
    if phrase.kind in DESCRIPTIONS:
        _of_roles(entity, asked, out)
    if phrase.kind in (ONE, HE, SHE, WHO):
        if kind == PERSON:
            out["person_fit"] = 1.0
        elif kind == UNKNOWN:
            out["person_maybe"] = 1.0
    elif phrase.kind in (BODY, IT, WHICH, THEY) and kind == ORGANISATION:
        out["body_fit"] = 1.0


def _stands_in(entity: Entity, first: int, last: int) -> bool:
    """Whether the entity is named among the words ``[first, last)``."""
    place = bisect_left(entity.places, first)
    return place < len(entity.places) and entity.places[place] < last


def _of_roles(entity: Entity, asked: Wording, out: dict[str, float]) -> None:
    """What the article calls the entity, and whether a description calls it the same."""
    noun, modifiers, roles = asked.noun, asked.modifiers, entity.roles
    head = noun in roles or _role(noun) in roles
    hit = sum(1 for w in modifiers if w in roles or _role(w) in roles) + head
    if hit:
        out["role_overlap"] = hit / (len(modifiers) + 1)
    if head:
        out["role_head"] = 1.0
    if roles:
        out["role_known"] = 1.0
    named = sum(low in entity.key for low in modifiers)
    if named:
        out["modifiers_named"] = named / len(modifiers)
    elif modifiers and not hit:
        out["modifiers_strange"] = 1.0
    if noun in entity.key:
        out["head_in_name"] = 1.0


def _wanted_gender(query: Query, noun: str) -> float:
    """-1 for a man, 1 for a woman, 0 where the phrase does not say."""
    phrase = query.phrase
    if phrase.name is not None and phrase.name.titles:
        return {"m": -1.0, "f": 1.0}.get(title_gender(phrase.name.titles) or "", 0.0)
    if phrase.kind == ONE:
        lex = lexicon()
        return 1.0 if noun in lex["nouns_female"] else -1.0 if noun in lex["nouns_male"] else 0.0
    return {HE: -1.0, SHE: 1.0}.get(phrase.kind, 0.0)


def _role(word: str) -> str:
    return ROLE_FORMS.get(word, word)
