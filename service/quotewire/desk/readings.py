"""What was read, kept for a while in memory, so that a page can be loaded again, filtered and taken
away without asking a model twice.  Nothing is written to disk."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from quotewire.types import Article, Extraction

# How long a reading is kept after it was last looked at (seconds).
LIFETIME_S = 3600.0
# How much all readings together may hold: a count, and code points of their articles' texts.
CAPACITY = 200
CAPACITY_CODE_POINTS = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """One article and the answers of one or two models to it.

    ``owner`` is the id of the visitor who may see it; ``verdicts`` maps a statement's id to the
    last verdict on it that was recorded.
    """

    id: str
    owner: str
    article: Article
    extractions: tuple[Extraction, ...]
    verdicts: dict[str, str] = field(default_factory=dict)


class Readings:
    """The latest readings.  One event loop only."""

    def __init__(
        self,
        *,
        lifetime_s: float = LIFETIME_S,
        capacity: int = CAPACITY,
        capacity_code_points: int = CAPACITY_CODE_POINTS,
    ) -> None:
        self._lifetime_s = lifetime_s
        self._capacity = capacity
        self._capacity_code_points = capacity_code_points
        self._code_points = 0
        # Oldest use first; each with when it is forgotten (time.monotonic() seconds).
        self._kept: OrderedDict[str, tuple[Reading, float]] = OrderedDict()

    def add(self, article: Article, extractions: tuple[Extraction, ...], *, owner: str) -> Reading:
        """Keeps them, under an id that nobody can guess; drops what there is no room for."""
        reading = Reading(secrets.token_urlsafe(16), owner, article, extractions)
        self._kept[reading.id] = reading, self._end()
        self._code_points += len(article.text)
        while len(self._kept) > 1 and (
            len(self._kept) > self._capacity or self._code_points > self._capacity_code_points
        ):
            self._drop(next(iter(self._kept)))
        return reading

    def get(self, id_: str, *, owner: str) -> Reading | None:
        """That visitor's reading; None where it is no longer kept, or somebody else's."""
        for old in [key for key, (_, ends) in self._kept.items() if ends <= time.monotonic()]:
            self._drop(old)
        reading, _ = self._kept.get(id_, (None, 0.0))
        if reading is None or not secrets.compare_digest(reading.owner, owner):
            return None
        self._kept[id_] = reading, self._end()
        self._kept.move_to_end(id_)
        return reading

    def _drop(self, id_: str) -> None:
        reading, _ = self._kept.pop(id_)
        self._code_points -= len(reading.article.text)

    def _end(self) -> float:
        return time.monotonic() + self._lifetime_s
