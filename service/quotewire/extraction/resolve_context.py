"""What stands where on a page while its sources are resolved: who was mentioned how long ago.

The timeline holds, for every entity, where it was last mentioned, and moves forward with the
reader; every question looks at a bounded number of entities, so the whole is linear in the length
of the article.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache

from quotewire.extraction.lexicon import fold, lexicon
from quotewire.extraction.mentions import PLACE, Entity, Name, find_names, join_entities
from quotewire.extraction.mentions_page import Page, read_page
from quotewire.extraction.names_phrase import (
    MANY,
    OTHER,
    PREPOSITIONS,
    RELATIVES,
    Names,
    Phrase,
    noun_kind,
    pronoun_kinds,
)
from quotewire.types import Article

RECENT = 12  # entities looked at by recency


@dataclass(slots=True)
class Reading:
    """An article read once: words, names, entities and where each noun stands."""

    page: Page
    names: list[Name]
    index: Names
    entities: list[Entity]
    nouns: dict[str, list[int]]  # folded head noun -> word indices
    noun_places: list[int]  # word indices of all known nouns, ascending
    frequent: list[int]  # the entities mentioned most, at most five


def read(article: Article) -> Reading:
    page = read_page(article)
    names = find_names(page)
    entities = join_entities(page, names)
    nouns: dict[str, list[int]] = {}
    places: list[int] = []
    inside = set()
    for name in names:
        inside.update(range(name.first, name.last))
    for i, word in enumerate(page.words):
        if i not in inside and word.text[0].islower() and noun_kind(word.low)[0] != OTHER:
            nouns.setdefault(word.low, []).append(i)
            places.append(i)
    _appositions(page, names, entities)
    _genders(page, names, entities)
    frequent = sorted(
        (e for e in entities if e.kind != PLACE), key=lambda e: (-len(e.places), e.index)
    )
    return Reading(
        page=page,
        names=names,
        index=Names(names),
        entities=entities,
        nouns=nouns,
        noun_places=places,
        frequent=[e.index for e in frequent[:5]],
    )


def _appositions(page: Page, names: list[Name], entities: list[Entity]) -> None:
    """Collects what the article says an entity is: "X, the Y of Z," and "the Y X"."""
    lex = lexicon()
    words = page.words
    for name in names:
        roles = entities[name.entity].roles
        i = name.begin - 1
        steps = 0
        while i >= 0 and steps < 4 and words[i].sentence == words[name.first].sentence:
            low = words[i].low
            if low in lex["function"] or not words[i].text[0].isalnum():
                break
            if low in lex["determiners"]:
                break
            roles[low] += 1
            i -= 1
            steps += 1
        if i >= 0 and words[i].text == "," and i + 1 == name.begin:
            # "the party chairman, Kelly Armstrong,"
            for k in range(i - 1, max(i - 6, -1), -1):
                low = words[k].low
                if low in lex["function"] or not words[k].text[0].isalnum():
                    break
                if noun_kind(low)[0] != OTHER and name.last < len(words):
                    roles[low] += 1
        i = name.last
        if i < len(words) and words[i].text == ",":
            i += 1
            steps = 0
            while i < len(words) and steps < 9 and words[i].text not in ".,;:—":
                low = words[i].low
                if low in ("who", "said", "says", "told") or low in pronoun_kinds():
                    break
                if noun_kind(low)[0] != OTHER or low in lex["places"] or low == "former":
                    roles[low] += 1
                i += 1
                steps += 1
        elif i + 2 < len(words) and words[i].low in ("is", "was", "becomes", "became"):
            for k in range(i + 1, min(i + 7, len(words))):
                if words[k].text in ".,;:—":
                    break
                if noun_kind(words[k].low)[0] != OTHER:
                    roles[words[k].low] += 1


def _genders(page: Page, names: list[Name], entities: list[Entity]) -> None:
    """Adds what pronouns near a name's mentions say of its gender: the first he or she after it in
    its sentence, or at the start of the next, when no other person stands between."""
    kinds = pronoun_kinds()
    words = page.words
    votes: dict[int, list[int]] = {}
    for n, name in enumerate(names):
        entity = entities[name.entity]
        if not entity.is_personlike or words[name.first].headline:
            continue
        end = names[n + 1].first if n + 1 < len(names) else len(words)
        for i in range(name.last, min(end, name.last + 25)):
            if words[i].sentence > words[name.first].sentence + 1:
                break
            kind = kinds.get(words[i].low)
            if kind in ("he", "she"):
                votes.setdefault(entity.index, [0, 0])[kind == "she"] += 1
                break
    for e, (he, she) in votes.items():
        # Never more than what a given name says.
        total = he + she
        entities[e].genders["m"] += min(4, total) * he // total
        entities[e].genders["f"] += min(4, total) * she // total


@dataclass(slots=True)
class Last:
    """The last mention of an entity: word, sentence, paragraph, and how it stood."""

    word: int
    sentence: int
    paragraph: int
    quoted: bool
    subject: bool
    pronoun: bool
    count: int  # mentions so far
    salience: float  # halves with each sentence


@dataclass(slots=True)
class Timeline:
    """Moves through the mentions of a reading, the resolved pronouns among them."""

    reading: Reading
    last: dict[int, Last] = field(default_factory=dict)
    recent: OrderedDict[int, None] = field(default_factory=OrderedDict)
    # The entities first mentioned, outside of quotes, in the latest sentences and paragraphs.
    leads: dict[int, int] = field(default_factory=dict)
    paragraph_leads: dict[int, int] = field(default_factory=dict)
    pronouns: list[tuple[int, int]] = field(default_factory=list)  # (word, entity), ascending
    _next: int = 0
    _next_pronoun: int = 0

    def advance(self, word: int) -> None:
        """Takes in all names and known pronouns before ``word``."""
        names = self.reading.names
        while True:
            name_at = names[self._next].first if self._next < len(names) else word
            if self._next_pronoun < len(self.pronouns):
                at, entity = self.pronouns[self._next_pronoun]
                if at < word and at < name_at:
                    self._next_pronoun += 1
                    self.mention(entity, at, subject=True, pronoun=True)
                    continue
            if name_at >= word:
                return
            name = names[self._next]
            self._next += 1
            if self.reading.entities[name.entity].kind != PLACE:
                self.mention(name.entity, name.begin, subject=self._subject(name), pronoun=False)

    def _subject(self, name: Name) -> bool:
        """Whether the name stands like a subject: a lower-case word that is no preposition or a
        comma after it, and nothing but an adverb or conjunction before it."""
        words = self.reading.page.words
        before = words[name.begin - 1] if name.begin else None
        if before is None or words[name.begin].first:
            return True
        if before.sentence != words[name.begin].sentence or before.text in ',“"':
            return True
        return before.low in ("and", "but", "that", "as", "when", "while", "if", "because", "said")

    def mention(self, entity: int, word: int, *, subject: bool, pronoun: bool) -> None:
        at = self.reading.page.words[word]
        old = self.last.get(entity)
        salience = 1.0 + subject
        count = 1
        if old is not None:
            if old.word > word:
                return
            salience += old.salience * 0.6 ** min(40, at.sentence - old.sentence)
            count = old.count + 1
        self.last[entity] = Last(
            word, at.sentence, at.paragraph, at.quoted, subject, pronoun, count, salience
        )
        self.recent.pop(entity, None)
        self.recent[entity] = None
        if not at.quoted and self.reading.entities[entity].is_personlike:
            self.leads.setdefault(at.sentence, entity)
            self.paragraph_leads.setdefault(at.paragraph, entity)

    def latest(self, limit: int = RECENT) -> list[int]:
        """The entities mentioned last, newest first."""
        out: list[int] = []
        for entity in reversed(self.recent):
            out.append(entity)
            if len(out) == limit:
                break
        return out

    def next_names(self, word: int, limit: int = 2) -> list[int]:
        """The first entities named after ``word``."""
        names = self.reading.names
        out: list[int] = []
        i = bisect_left(names, word, key=lambda n: n.first)
        for name in names[i : i + 6]:
            if name.entity not in out and self.reading.entities[name.entity].kind != PLACE:
                out.append(name.entity)
            if len(out) == limit:
                break
        return out


@dataclass(slots=True)
class Query:
    """One attribution as a question to the ranker; word indices throughout."""

    number: int  # which attribution
    phrase: Phrase
    word: int  # where the source (or, without one, the cue) starts
    cue: tuple[int, int]
    content: list[tuple[int, int]]
    enclosing: int | None  # the attribution in whose content this one stands
    intermediary: tuple[int, int] | None
    quoted: bool = False
    plain: bool = False  # a pronoun that is no source, resolved only to follow who is spoken of


@dataclass(slots=True)
class Answer:
    """What a query was resolved to; ``entity`` is -1 for descriptions and None-names."""

    query: Query
    text: str | None
    key: str
    entity: int = -1


@lru_cache(maxsize=8192)
def words_kind(text: str) -> tuple[str, bool]:
    """What a description speaks of (see :func:`noun_kind`) and whether of several: read from its
    head, the last known noun before a preposition, relative pronoun or mark."""
    best: tuple[str, bool] = (OTHER, False)
    for n, raw in enumerate(text.split()):
        low = fold(raw.strip(',;:()[]"“”')).removesuffix("'s")
        if n and (low in PREPOSITIONS or low in RELATIVES):
            break
        if low == "and" and n:
            return MANY, True
        kind = noun_kind(low)
        if kind[0] != OTHER or (kind[1] and best[0] == OTHER):
            best = kind
        if raw[-1] in ",;:":
            break
    return best


def match_key(text: str) -> str:
    """The form in which two names are the same: no case, accents, marks, articles, possessives."""
    low = fold(text).replace("'s ", " ")
    if low.endswith("'s"):
        low = low[:-2]
    cleaned = "".join(c if c.isalnum() or c in "_@" else " " for c in low)
    parts = cleaned.split()
    while parts and parts[0] in ("the", "a", "an"):
        parts = parts[1:]
    return " ".join(parts)
