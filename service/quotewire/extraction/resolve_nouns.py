"""Candidates among the nouns of an article: earlier and later descriptions of the same thing, the
people who hold a role, the organisations of a sort, what "they" may be."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from math import log1p

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions_page import Word
from quotewire.extraction.names_kinds import (
    BODY,
    HE,
    IT,
    MANY,
    ONE,
    PAPER,
    SHE,
    THEY,
    THIS,
    WHICH,
    WHO,
    noun_kind,
)
from quotewire.extraction.names_phrase import phrase_before
from quotewire.extraction.resolve_reading import class_of, match_key
from quotewire.extraction.resolve_search import Search

_HEADS = 4
_LATER = 3
_NEAR_NOUNS = 6
_PLURALS = 4
_OF = frozenset(("of", "for", "by", "from", "on", "to", "in", "with"))
WANTED = {
    THEY: (MANY, BODY),
    THIS: (MANY,),
    IT: (BODY, PAPER),
    WHICH: (BODY, PAPER),
    HE: (ONE,),
    SHE: (ONE,),
    WHO: (ONE, MANY),
}
FAMILIES = ("campaign", "poll", "paper", "law", "group")


def near_nouns(search: Search) -> None:
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
        if noun_kind(words[i].low)[0] not in WANTED[kind] or words[i].low in wrong:
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
        without_verb(search, start, i + 1)
        if words[start].first:
            found.add(text, "near_subject")
        if words[start].low in ("a", "an", "one", "some", "several", "many"):
            found.add(text, "near_indefinite")
        taken += 1


def without_verb(search: Search, start: int, end: int) -> None:
    """What may be read as a verb before the noun phrase is cut off: "rebuked critics"."""
    page = search.reading.page
    low = page.words[start].low
    if end - start > 1 and low.endswith(("ed", "ing")) and len(low) > 4:
        search.found.add(page.slice(start, end), "opens_verb")
        search.found.add(page.slice(start + 1, end), "without_verb")


def pairs(search: Search) -> None:
    """Two people named together, for "they", "both", "the two lawmakers"."""
    phrase = search.query.phrase
    words = search.reading.page.words
    lows = {w.low for w in words[phrase.first : phrase.last]}
    both = bool(lows & lexicon()["pair_words"])
    if phrase.kind not in (THEY, THIS, WHO) and not (phrase.kind == MANY and both):
        return
    joints = search.reading.joints
    at = bisect_left(joints, phrase.first, key=lambda j: j[0])
    for age, (word, text) in enumerate(reversed(joints[max(0, at - 2) : at])):
        sentences = words[phrase.first].sentence - words[word].sentence
        if phrase.kind == WHO and sentences:
            break
        search.found.add(text, "pair", 1.0 / (1 + age))
        if sentences <= 2:
            search.found.add(text, "pair_near")
        if not sentences:
            search.found.add(text, "pair_here")
    if both and search.reading.leading_pair:
        search.found.add(search.reading.leading_pair, "pair_leading")


def same_head(search: Search) -> None:
    """Other noun phrases with the same head ("the poll" after "a new Gallup poll"), and names that
    end with it ("the agreement" after "Paris Climate Agreement")."""
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
    times: Counter[str] = Counter()
    for i in spots:
        start = phrase_before(reading.page, i)
        if phrase.first <= i < phrase.last or start == i:
            continue
        text = reading.page.slice(start, i + 1)
        before = i < phrase.first
        marks = ["same_head_before" if before else "same_head_after"]
        if words[i].low == head:
            marks.append("same_head_exact")
        if any(w.is_capital for w in words[start : i + 1] if not w.first):
            marks.append("same_head_named")
        if before and i == spots[0]:
            marks.append("same_head_first")
        lows = {w.low for w in words[start : i + 1]}
        found.add(text, "same_head_overlap", len(own & lows) / max(1, len(own)))
        key = match_key(text)
        times[key] += 1
        found.add(text, "same_head_times", log1p(times[key]))
        owner = next((n for k in range(start, i) if (n := reading.index.at.get(k))), None)
        if owner is not None:
            marks.append("same_head_owned")
            if len(owner.key) > 1:
                marks.append("owner_full")
            if mine >= 0:
                marks.append("owner_same" if owner.entity == mine else "owner_differs")
            if owner.entity == spoke_last:
                marks.append("owner_spoke_last")
            if owner.entity in near:
                found.add(text, "owner_near", 1.0 / (1 + near.index(owner.entity)))
            # "Clinton campaign" of "the Clinton campaign", as the name it is known by
            found.add(reading.page.slice(owner.first, i + 1), "same_head_bare")
        for mark in marks:
            found.add(text, mark)
        if words[start].low in ("a", "an", "one") or words[start].is_capital:
            for end in _ends_after(words, i):
                found.add(reading.page.slice(start, end), "same_head_long")
    named = [e for h in sorted(heads) for e in reading.by_last_word.get(h, ())[:3]]
    for entity in named[:_HEADS]:
        search.entity(entity, "name_has_head")


def _around(places: list[int], word: int) -> list[int]:
    """The first places and those just before and after ``word``."""
    at = bisect_left(places, word)
    return places[:_HEADS] + places[max(0, at - _HEADS) : at + _LATER]


def _ends_after(words: list[Word], head: int) -> list[int]:
    """Where the noun phrase with the head ``head`` may end when what follows by preposition belongs
    to it: "a report" "by the National Academies" "of Sciences"."""
    lex = lexicon()
    out: list[int] = []
    i = head + 1
    while len(out) < 2 and i < len(words) and words[i].low in _OF:
        k = i + 1
        while (
            k < len(words)
            and k - i < 7
            and words[k].sentence == words[head].sentence
            and (words[k].text[0].isalnum() or words[k].low == "'s")
            and words[k].low not in lex["prepositions"]
            and words[k].low not in lex["relatives"]
            and words[k].low not in lex["speaking"]
        ):
            k += 1
        if k == i + 1:
            break
        out.append(k)
        i = k
    return out


def by_role(search: Search, *, later: bool = False) -> None:
    """People and organisations that the article describes by the head of the phrase: "the Indiana
    governor" after "Indiana Gov. Mike Pence".  ``later``: only those named after the phrase, as in
    a headline."""
    reading, phrase = search.reading, search.query.phrase
    head = reading.page.words[phrase.head].low
    for word in (head, ROLE_FORMS.get(head, head)):
        for entity in reading.roles.get(word, ()):
            if later and reading.entities[entity].places[0] < phrase.first:
                continue
            search.nearby(entity, "role_later" if later else "has_role")


# Roles as they stand before names.
ROLE_FORMS = {
    "senator": "sen.", "governor": "gov.", "representative": "rep.", "congressman": "rep.",
    "congresswoman": "rep.", "general": "gen.", "professor": "prof.", "doctor": "dr.",
    "attorney": "lawyer", "lawyer": "attorney", "judge": "justice", "lawmaker": "rep.",
    "nominee": "candidate", "front-runner": "candidate", "frontrunner": "candidate",
    "contender": "candidate", "hopeful": "candidate",
}  # fmt: skip


def by_class(search: Search) -> None:
    """Organisations of the sort that the head names ("the union" after "United Mine Workers"), and
    the places that "the state" or "the government" may be."""
    reading, phrase = search.reading, search.query.phrase
    sort = class_of(reading.page.words[phrase.head].low)
    if sort is None:
        return
    spots = reading.class_places.get(sort, [])
    at = bisect_left(spots, (phrase.first, -1))
    before = dict.fromkeys(e for _, e in reversed(spots[max(0, at - 8) : at]))
    after = dict.fromkeys(e for w, e in spots[at : at + 6] if w >= phrase.last)
    for age, entity in enumerate(list(before)[:3]):
        search.entity(entity, "class_before", 1.0 / (1 + age))
    for age, entity in enumerate(list(after)[:2]):
        search.entity(entity, "class_after", 1.0 / (1 + age))
    if len({e for _, e in spots[:12]}) == 1:
        search.entity(spots[0][1], "class_only")


def plurals_before(search: Search) -> None:
    """Plural nouns that we do not know shortly before "they": "his returns", "the deals"."""
    page, query = search.reading.page, search.query
    words, lex = page.words, lexicon()
    here = query.phrase.first
    taken = 0
    for i in range(here - 1, max(0, here - 40), -1):
        low = words[i].low
        if words[here].sentence - words[i].sentence > 1 or taken >= _PLURALS:
            break
        if not low.endswith("s") or low.endswith(("ss", "us", "is", "'s")) or len(low) < 4:
            continue
        if not words[i].text[0].islower() or low in lex["speaking"] or low in lex["function"]:
            continue
        if noun_kind(low)[0] == MANY:
            continue
        start = phrase_before(page, i)
        if start == i and words[i - 1].low not in lex["prepositions"]:
            continue
        search.found.add(page.slice(start, i + 1), "near_plural", 1.0 / (1 + taken))
        if words[start].first:
            search.found.add(page.slice(start, i + 1), "near_subject")
        taken += 1


def subject(search: Search) -> None:
    """What the sentence of a statement without a source begins with: "His aides say it is too early
    but noted …"."""
    page, index = search.reading.page, search.reading.index
    words = page.words
    at = min(search.query.word, len(words) - 1)
    start = at
    while start > 0 and at - start < 60 and words[start - 1].sentence == words[at].sentence:
        start -= 1
    for i in range(start, min(start + 7, at)):
        name = index.at.get(i)
        if name is not None:
            if i - start < 4:
                search.entity(name.entity, "opens_sentence")
            return
        if i in search.reading.noun_set:
            search.found.add(page.slice(phrase_before(page, i), i + 1), "opens_sentence")
            return
