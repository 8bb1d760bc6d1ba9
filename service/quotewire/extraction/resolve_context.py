"""Who was mentioned how long ago: the reader's place in an article while sources are resolved.

Every question looks at a bounded number of entities, so the whole is linear in the length of the
article.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, field

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import PLACE
from quotewire.extraction.names_phrase import Phrase
from quotewire.extraction.resolve_reading import Reading

RECENT = 12  # entities looked at by recency
_UNLIKE = 0.3  # a gender (-1 man … 1 woman) up to here says little
_DECAY = 0.6  # of salience, a sentence


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
    source: str = ""  # the source exactly as it was marked


@dataclass(slots=True)
class Answer:
    """What a query was resolved to: ``text`` None for nobody, ``entity`` -1 for descriptions."""

    query: Query
    text: str | None
    key: str
    entity: int = -1


@dataclass(slots=True)
class Last:
    """The last mention of an entity: word, sentence, paragraph, and how it stood."""

    word: int
    sentence: int
    paragraph: int
    quoted: bool
    subject: bool
    pronoun: bool
    possessive: bool  # "Clinton’s"
    oblique: bool  # after a preposition
    count: int  # mentions so far
    salience: float


@dataclass(slots=True)
class Timeline:
    """Moves through the mentions of a reading, the resolved pronouns among them."""

    reading: Reading
    pronouns: list[tuple[int, int]] = field(default_factory=list)  # (word, entity), ascending
    sources: frozenset[int] = frozenset()  # words of pronouns that are resolved as sources
    last: dict[int, Last] = field(default_factory=dict)
    recent: OrderedDict[int, None] = field(default_factory=OrderedDict)
    # Who is mentioned first, outside of quotes, in each sentence and paragraph so far.
    leads: dict[int, int] = field(default_factory=dict)
    paragraph_leads: dict[int, int] = field(default_factory=dict)
    _next: int = 0
    _next_pronoun: int = 0
    _next_plain: int = 0

    def advance(self, word: int) -> None:
        """Takes in all names and pronouns before ``word``, in text order."""
        names, plain = self.reading.names, self.reading.pronouns
        while True:
            name_at = names[self._next].first if self._next < len(names) else word
            known_at, entity = (
                self.pronouns[self._next_pronoun]
                if self._next_pronoun < len(self.pronouns)
                else (word, -1)
            )
            plain_at, want = (
                plain[self._next_plain] if self._next_plain < len(plain) else (word, 0.0)
            )
            if min(name_at, known_at, plain_at) >= word:
                return
            if known_at <= min(name_at, plain_at):
                self._next_pronoun += 1
                self.mention(entity, known_at, known_at + 1, pronoun=True)
                continue
            if plain_at < name_at:
                self._next_plain += 1
                if plain_at not in self.sources:
                    self._follow(plain_at, want)
                continue
            name = names[self._next]
            self._next += 1
            if self.reading.entities[name.entity].kind != PLACE:
                self.mention(name.entity, name.begin, name.last, pronoun=False)

    def _follow(self, word: int, want: float) -> None:
        """Takes a pronoun that is no source for the most salient person of its gender."""
        sentence = self.reading.page.words[word].sentence
        best, top = -1, 0.0
        for entity in self.latest():
            held = self.reading.entities[entity]
            fit = want * held.gender
            if not held.is_personlike or fit < -_UNLIKE:
                continue
            worth = self.faded(entity, sentence) + (0.5 if fit > _UNLIKE else 0.0)
            if worth > top:
                best, top = entity, worth
        if best >= 0:
            self.mention(best, word, word + 1, pronoun=True)

    def _subject(self, word: int) -> bool:
        """Whether a mention stands where subjects stand: at the start of its sentence or clause."""
        words = self.reading.page.words
        if word == 0 or words[word].first:
            return True
        before = words[word - 1]
        if before.sentence != words[word].sentence or before.text in ',“"':
            return True
        return before.low in lexicon()["clause_starts"]

    def mention(self, entity: int, word: int, end: int, *, pronoun: bool) -> None:
        """Takes in a mention over the words ``[word, end)``."""
        words = self.reading.page.words
        at = words[word]
        possessive = end < len(words) and words[end].low == "'s"
        if pronoun:
            possessive = at.low in lexicon()["possessives"]
        subject = not possessive and self._subject(word)
        before = words[word - 1].low if word else ""
        old = self.last.get(entity)
        salience = 1.0 + subject
        count = 1
        if old is not None:
            if old.word > word:
                return
            salience += old.salience * _DECAY ** min(40, at.sentence - old.sentence)
            count = old.count + 1
        self.last[entity] = Last(
            word=word,
            sentence=at.sentence,
            paragraph=at.paragraph,
            quoted=at.quoted,
            subject=subject,
            pronoun=pronoun,
            possessive=possessive,
            oblique=before in lexicon()["prepositions"],
            count=count,
            salience=salience,
        )
        self.recent.pop(entity, None)
        self.recent[entity] = None
        if not at.quoted and not possessive and self.reading.entities[entity].is_personlike:
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

    def faded(self, entity: int, sentence: int) -> float:
        """The salience of a mentioned entity, seen from ``sentence``."""
        last = self.last[entity]
        return last.salience * _DECAY ** min(40, max(0, sentence - last.sentence))
