"""When a candidate spoke and where it was last mentioned, as named features for the ranker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log1p

from quotewire.extraction.mentions import PERSON
from quotewire.extraction.names_kinds import HE, ONE, SHE, WHO
from quotewire.extraction.resolve_candidates import DESCRIPTIONS
from quotewire.extraction.resolve_context import Answer, Query, Timeline
from quotewire.extraction.resolve_reading import Reading
from quotewire.extraction.resolve_search import Candidate


def of_history(
    reading: Reading,
    query: Query,
    candidate: Candidate,
    past: Sequence[Answer],
    spoken: Mapping[str, int],
) -> None:
    """Whether and when the candidate spoke before; ``spoken`` counts ``past`` by key."""
    out = candidate.features
    words = reading.page.words
    times = spoken.get(candidate.key, 0)
    if not times:
        return
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
    out["spoke_times"] = log1p(times)


def ranks(
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


def rivals(
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
    return low in ("he", "she", "they", "it", "who") or query.phrase.kind in DESCRIPTIONS


def of_place(
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
    if rank == 0:
        out["rank_first"] = 1.0
    elif rank == 1:
        out["rank_second"] = 1.0
    if sentences == 0:
        out["same_sentence"] = 1.0
        if query.word - last.word <= 3:
            out["right_before"] = 1.0
    elif sentences == 1:
        out["sentence_before"] = 1.0
    if last.paragraph == at.paragraph:
        out["same_paragraph"] = 1.0
    elif last.paragraph == at.paragraph - 1:
        out["paragraph_before"] = 1.0
    if last.subject:
        out["last_subject"] = 1.0
        if sentences == 0:
            out["subject_here"] = 1.0
        elif sentences == 1:
            out["subject_before"] = 1.0
        if query.word < len(words) and _is_subject(query, at.low):
            out["parallel"] = 1.0
    if last.pronoun:
        out["last_pronoun"] = 1.0
    if last.possessive:
        out["last_possessive"] = 1.0
    if last.oblique:
        out["last_oblique"] = 1.0
    if last.quoted:
        out["last_quoted"] = 1.0
    for a, b in query.content:
        if a <= last.word < b:
            out["last_in_content"] = 1.0
            break
    leads, paragraphs = timeline.leads, timeline.paragraph_leads
    if leads.get(at.sentence) == entity:
        out["leads_here"] = 1.0
    if leads.get(at.sentence - 1) == entity:
        out["leads_before"] = 1.0
    if leads.get(at.sentence - 2) == entity:
        out["leads_before_that"] = 1.0
    if paragraphs.get(at.paragraph) == entity:
        out["leads_paragraph"] = 1.0
    if paragraphs.get(at.paragraph - 1) == entity:
        out["leads_paragraph_before"] = 1.0
