"""What speaks for each candidate of a source, as named features for the ranker."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import log1p

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import ORGANISATION, PERSON, UNKNOWN
from quotewire.extraction.mentions_entities import title_gender
from quotewire.extraction.names_kinds import (
    BODY,
    HE,
    IT,
    KINDS,
    LETTER,
    MANY,
    ONE,
    OTHER,
    PAPER,
    SHE,
    THEY,
    THIS,
    WHICH,
    WHO,
)
from quotewire.extraction.resolve_candidates import HISTORY, collect
from quotewire.extraction.resolve_context import Answer, Query, Timeline
from quotewire.extraction.resolve_nouns import FAMILIES, ROLE_FORMS
from quotewire.extraction.resolve_reading import Reading, words_kind
from quotewire.extraction.resolve_search import Candidate

_PRONOUN_WORDS = frozenset(KINDS)
_NOUNS = (ONE, BODY, PAPER, MANY, OTHER)
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
    everything = collect(reading, timeline, query, past=past, enclosing=enclosing, echo=echo)
    shared = _of_query(reading, query, past, enclosing)
    ranks = _ranks(reading, timeline, query, everything)
    rivals = _rivals(reading, timeline, query, everything)
    for candidate in everything:
        if candidate.text is not None:
            _of_history(reading, query, candidate, past)
            if candidate.entity < 0:
                _of_words(query, candidate)
            else:
                _of_entity(reading, query, candidate)
                _of_place(reading, timeline, query, candidate, ranks)
                if candidate.entity in rivals:
                    candidate.features["in_sight"] = 1.0
                    candidate.features["only_in_sight"] = float(len(rivals) == 1)
                    candidate.features["rivals"] = log1p(len(rivals) - 1)
        candidate.features.update(shared)
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
        "q_modified": phrase.kind in _NOUNS and phrase.core - phrase.first > 2,
        "q_no_past": not past,
        "q_relation": 0 <= phrase.head < len(words)
        and words[phrase.head].low in lexicon()["relations"],
        "q_lead": phrase.first < len(words) and words[phrase.first].paragraph < 3,
        "q_headline": phrase.first < len(words)
        and (words[phrase.first].headline or words[phrase.first].paragraph == 0),
    }
    out.update({name: 1.0 for name, held in flags.items() if held})
    _of_cue(reading, query, out)
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
    if phrase.kind in _NOUNS and 0 <= phrase.head < len(words):
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
    flags = {
        "q_cue_ing": any(w.low.endswith("ing") for w in words[first : min(last, first + 2)]),
        "q_cue_be": low in ("is", "was", "are", "were", "be", "been", "being"),
        "q_cue_to": low == "to",
        "q_cue_mark": not low[0].isalnum(),
        "q_cue_verb": low.endswith(("ed", "s")) or low in lexicon()["speaking"],
        "q_cue_capital": words[first].is_capital,
        "q_cue_after_and": before in ("and", "but", "or"),
        "q_cue_after_comma": before == ",",
    }
    out.update({name: 1.0 for name, held in flags.items() if held})


def _of_history(
    reading: Reading, query: Query, candidate: Candidate, past: Sequence[Answer]
) -> None:
    """Whether and when the candidate spoke before."""
    out = candidate.features
    words = reading.page.words
    at = words[min(query.word, len(words) - 1)]
    for age, answer in enumerate(reversed(past)):
        if answer.key != candidate.key or answer.text is None:
            continue
        there = words[min(answer.query.word, len(words) - 1)]
        out["spoke"] = 1.0
        out["spoke_age"] = 1.0 / (1 + age)
        if age == 0:
            out["spoke_last"] = 1.0
            out["spoke_last_paragraph"] = float(there.paragraph == at.paragraph)
            out["spoke_last_sentence"] = float(there.sentence == at.sentence)
        out["spoke_distance"] = log1p(max(0, at.sentence - there.sentence))
        out["spoke_same_kind"] = float(query.phrase.kind == answer.query.phrase.kind)
        if query.content and answer.query.word in range(*query.content[0]):
            out["spoke_inside"] = 1.0
        break
    out["spoke_times"] = log1p(sum(a.key == candidate.key for a in past))


def _of_words(query: Query, candidate: Candidate) -> None:
    """Features of a candidate that is a description, from its words."""
    out = candidate.features
    text = candidate.text or ""
    parts = candidate.key.split()
    best, several = words_kind(text)
    out["is_words"] = 1.0
    out["words_length"] = log1p(len(parts))
    out[f"w_{best}"] = 1.0
    kind = query.phrase.kind
    fits = (
        (kind in (THEY, THIS) and best == MANY)
        or (kind in (IT, WHICH) and best in (BODY, PAPER))
        or (kind in (HE, SHE) and best == ONE)
        or (kind == WHO and best in (ONE, MANY))
    )
    flags = {
        "w_several": several,
        "w_joint": " and " in text,
        "w_definite": text[:4].lower() == "the ",
        "w_capital": text[:1].isupper(),
        "w_fits": fits,
        "w_pronoun": parts[0] in _PRONOUN_WORDS,
    }
    out.update({name: 1.0 for name, held in flags.items() if held})


def _of_entity(reading: Reading, query: Query, candidate: Candidate) -> None:
    """Features of a candidate that is a named entity: what it is, and whether that fits."""
    out = candidate.features
    words = reading.page.words
    phrase = query.phrase
    entity = reading.entities[candidate.entity]
    kind = entity.kind
    out["is_entity"] = 1.0
    out[f"e_{kind}"] = 1.0
    out["e_headline"] = float(entity.headline)
    out["e_count"] = log1p(len(entity.places))
    out["e_words"] = float(len(entity.key) > 1)
    out["e_most"] = float(candidate.entity in reading.frequent[:1])
    out["full_count"] = log1p(len(entity.fulls))
    out["full_early"] = float(bool(entity.fulls) and entity.fulls[0] < _EARLY)
    before = bisect_left(entity.fulls, query.word)
    if before:
        at = words[min(query.word, len(words) - 1)]
        out["full_before"] = 1.0
        out["full_distance"] = log1p(max(0, at.sentence - words[entity.fulls[before - 1]].sentence))
    noun = words[phrase.head].low if 0 <= phrase.head < len(words) else ""
    want = _wanted_gender(query, noun)
    if want:
        out["gender_fit"] = max(0.0, want * entity.gender)
        out["gender_clash"] = max(0.0, -want * entity.gender)
        out["gender_unknown"] = float(abs(entity.gender) < 0.3)
    if phrase.name is not None and not want:
        after = bisect_left(reading.pronouns, (query.word, -2.0))
        if after < len(reading.pronouns) and reading.pronouns[after][0] - query.word < _REACH:
            gender = reading.pronouns[after][1] * entity.gender
            out["pronoun_fit"] = max(0.0, gender)
            out["pronoun_clash"] = max(0.0, -gender)
    for a, b in query.content:
        place = bisect_left(entity.places, a)
        if place < len(entity.places) and entity.places[place] < b:
            out["in_content"] = 1.0
            break
    if query.intermediary is not None:
        a, b = query.intermediary
        place = bisect_left(entity.places, a)
        out["is_intermediary"] = float(place < len(entity.places) and entity.places[place] < b)
    if phrase.kind in _NOUNS:
        determiners = lexicon()["determiners"]
        own = [
            w.low
            for w in words[phrase.first : phrase.core]
            if w.low not in determiners and w.text[0].isalnum()
        ]
        hit = sum(1 for w in own if w in entity.roles or _role(w) in entity.roles)
        out["role_overlap"] = hit / max(1, len(own))
        out["role_head"] = float(noun in entity.roles or _role(noun) in entity.roles)
        out["role_known"] = float(bool(entity.roles))
        modifiers = [low for low in own if low != noun]
        named = sum(low in entity.key for low in modifiers)
        out["modifiers_named"] = named / max(1, len(modifiers))
        out["modifiers_strange"] = float(bool(modifiers) and not named and not hit)
        out["head_in_name"] = float(noun in entity.key)
    if phrase.kind in (ONE, HE, SHE, WHO):
        out["person_fit"] = float(kind == PERSON)
        out["person_maybe"] = float(kind == UNKNOWN)
    if phrase.kind in (BODY, IT, WHICH, THEY):
        out["body_fit"] = float(kind == ORGANISATION)


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
        if not (want and (not held.is_personlike or want * held.gender < 0)):
            n += 1
    return ranks


def _rivals(
    reading: Reading, timeline: Timeline, query: Query, everything: list[Candidate]
) -> set[int]:
    """The people of the phrase's gender that were mentioned in this sentence or the one before."""
    if query.phrase.kind not in (HE, SHE, WHO, ONE) or query.word >= len(reading.page.words):
        return set()
    want = {HE: -1.0, SHE: 1.0}.get(query.phrase.kind, 0.0)
    here = reading.page.words[query.word].sentence
    return {
        c.entity
        for c in everything
        if c.entity in timeline.last
        and reading.entities[c.entity].kind == PERSON
        and want * reading.entities[c.entity].gender >= 0
        and here - timeline.last[c.entity].sentence <= 1
    }


def _is_subject(query: Query, low: str) -> bool:
    return low in ("he", "she", "they", "it", "who") or query.phrase.kind in _NOUNS


def _of_place(
    reading: Reading,
    timeline: Timeline,
    query: Query,
    candidate: Candidate,
    ranks: dict[int, int],
) -> None:
    """Where the entity was last mentioned before the query, and how it stood there."""
    out = candidate.features
    entity = candidate.entity
    last = timeline.last.get(entity)
    if last is None:
        out["unseen"] = 1.0
        return
    words = reading.page.words
    at = words[min(query.word, len(words) - 1)]
    sentences = max(0, at.sentence - last.sentence)
    rank = ranks.get(entity, 9)
    out["seen"] = 1.0
    out["distance"] = log1p(sentences)
    out["word_distance"] = log1p(max(0, query.word - last.word)) / 4
    out["salience"] = log1p(timeline.faded(entity, at.sentence))
    out["so_far"] = log1p(last.count)
    out["rank"] = log1p(rank)
    leads, paragraphs = timeline.leads, timeline.paragraph_leads
    flags = {
        "same_sentence": sentences == 0,
        "sentence_before": sentences == 1,
        "same_paragraph": last.paragraph == at.paragraph,
        "paragraph_before": last.paragraph == at.paragraph - 1,
        "last_subject": last.subject,
        "last_pronoun": last.pronoun,
        "last_possessive": last.possessive,
        "last_oblique": last.oblique,
        "parallel": last.subject and query.word < len(words) and _is_subject(query, at.low),
        "last_quoted": last.quoted,
        "last_in_content": any(a <= last.word < b for a, b in query.content),
        "subject_here": last.subject and sentences == 0,
        "subject_before": last.subject and sentences == 1,
        "leads_here": leads.get(at.sentence) == entity,
        "leads_before": leads.get(at.sentence - 1) == entity,
        "leads_before_that": leads.get(at.sentence - 2) == entity,
        "leads_paragraph": paragraphs.get(at.paragraph) == entity,
        "leads_paragraph_before": paragraphs.get(at.paragraph - 1) == entity,
        "right_before": query.word - last.word <= 3 and sentences == 0,
        "rank_first": rank == 0,
        "rank_second": rank == 1,
    }
    out.update({name: 1.0 for name, held in flags.items() if held})
