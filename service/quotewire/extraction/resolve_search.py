"""What a source may stand for: the candidates of one question, collected from several sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from quotewire.extraction.mentions import (
    DOCUMENT,
    ORGANISATION,
    PERSON,
    PLACE,
    UNKNOWN,
)
from quotewire.extraction.names_kinds import (
    BODY,
    HE,
    IT,
    LETTER,
    MANY,
    ME,
    ONE,
    PAPER,
    SHE,
    THEY,
    WHICH,
    WHO,
    YOU,
)
from quotewire.extraction.resolve_context import Answer, Query, Timeline
from quotewire.extraction.resolve_reading import Reading, match_key

SURE = 0.6  # from here on a gender (-1 man … 1 woman) is taken as certain

# What the entities that were merely mentioned nearby must not be, by the kind of the phrase.
_NO_PERSON = frozenset((PERSON,))
_NOT_HUMAN = frozenset((ORGANISATION, PLACE, DOCUMENT))
BANNED = {
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


@dataclass(slots=True)
class Candidate:
    """``text`` None is "nobody to be named"; ``features`` by name, absent ones are 0; ``shared``
    are those of the question, the same for all its candidates."""

    text: str | None
    key: str
    entity: int = -1
    features: dict[str, float] = field(default_factory=dict)
    shared: dict[str, float] = field(default_factory=dict)

    @property
    def everything(self) -> dict[str, float]:
        """Its own features and the shared ones."""
        return self.features | self.shared


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
class Search:
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
        if self.reading.entities[entity].kind in BANNED.get(kind, frozenset()):
            return
        want = {HE: -1.0, SHE: 1.0}.get(kind, 0.0)
        if want * self.reading.entities[entity].gender <= -SURE:
            return
        self.entity(entity, mark)
