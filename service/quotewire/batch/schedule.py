"""Which shard is next, and what becomes of one whose worker died: the same for every engine.

A worker's death costs its shard an attempt.  The first may have been bad luck and the shard is
simply done again; from the second on it is done carefully: first every article by itself, noted
before it is touched, then all as ever.  The article on which a careful worker dies twice is poison:
it becomes a dead letter, on disk, so that nobody ever touches it again, and the rest of its shard
is scored.  All of it is bounded: a shard on which workers go on dying is set aside and the others
are done.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from quotewire.batch.job import Failed, Message, Phase, Places, Progress, Task
from quotewire.batch.records import Shard, ShardCounts
from quotewire.batch.writers import whole_file
from quotewire.errors import QuotewireError

# Deaths on a shard before it is done carefully; deaths on one article before it is poison.
_CARELESS_DEATHS = 2
_DEATHS_OF_POISON = 2
# A shard is set aside after so many deaths, or so many failures (an input that cannot be read).
_MAX_DEATHS = 20
_MAX_FAILURES = 3
# So many workers may die before they begin, or on careful work, without any getting anywhere.
# Deaths on careless work say little (every worker may have met a poisonous article, twice) and end
# by themselves: shards in trouble come first and are soon done carefully.
_MAX_UNBEGUN_DEATHS, _MAX_CAREFUL_DEATHS = 4, 6


class CannotGoOnError(QuotewireError):
    """No shard can be done any more: a full disk, no model, workers that die before they begin.
    What is done stays done."""


class Watcher(Protocol):
    """Told by the engines what happens."""

    def counts(self, shard: Shard, counts: ShardCounts) -> None:
        """What is done of a shard so far (in this attempt)."""

    def done(self, shard: Shard, counts: ShardCounts) -> None: ...

    def note(self, message: str) -> None:
        """Something that a person should read: one line."""


class _Stage(Enum):
    """What a worker was at when it died."""

    UNBEGUN = auto()
    CARELESS = auto()
    CAREFUL = auto()


@dataclass(slots=True)
class _Trouble:
    """What went wrong with a shard so far."""

    deaths: int = 0
    failures: int = 0
    deaths_at: Counter[int] = field(default_factory=Counter)


class Schedule:
    """Hands out shards and decides about those that come back undone.  For one thread."""

    def __init__(
        self, shards: Iterable[Shard], *, phase: Phase, places: Places, watcher: Watcher
    ) -> None:
        self.phase = phase
        self.watcher = watcher
        self.set_aside: dict[Shard, str] = {}
        self._places = places
        self._waiting: dict[str, deque[Shard]] = defaultdict(deque)
        for shard in shards:
            self._waiting[shard.file.url].append(shard)
        self._again: deque[Shard] = deque()
        self._busy: Counter[str] = Counter()
        self._trouble: dict[int, _Trouble] = defaultdict(_Trouble)
        self._poison = read_poison(places)
        self._idle_deaths: Counter[_Stage] = Counter()  # since anything got done

    @property
    def waiting(self) -> int:
        """Shards that nobody works on yet."""
        return len(self._again) + sum(len(shards) for shards in self._waiting.values())

    @property
    def working(self) -> int:
        """Shards that somebody works on."""
        return self._busy.total()

    def take(self, *, near: Shard | None = None) -> Task | None:
        """The next shard to do, of the file of ``near`` if there is one: that file is open already.

        Otherwise of a file that few others read.  None when nothing waits.
        """
        if self._again:
            shard = self._again.popleft()
        else:
            files = [url for url, shards in self._waiting.items() if shards]
            if not files:
                return None
            own = near.file.url if near is not None else None
            url = own if own in files else min(files, key=lambda url: self._busy[url])
            shard = self._waiting[url].popleft()
        self._busy[shard.file.url] += 1
        careful = (
            self._trouble[shard.number].deaths >= _CARELESS_DEATHS or shard.number in self._poison
        )
        with suppress(FileNotFoundError):  # what an earlier worker noted
            self._places.at(shard).unlink()
        return Task(
            shard,
            phase=self.phase,
            careful=careful,
            poison=frozenset(self._poison.get(shard.number, ())),
        )

    def tell(self, task: Task | None, message: Message) -> None:
        """What a worker says about ``task`` (None: about its beginning).

        CannotGoOnError where no other worker could do better.
        """
        if isinstance(message, Failed):
            if message.hopeless:
                raise CannotGoOnError(message.why)
            self._failed(task, message.why)
        elif task is not None and isinstance(message, Progress):
            if message.counts.answered or message.counts.copies:
                self._idle_deaths.clear()
            self.watcher.counts(task.shard, message.counts)
        elif task is not None:
            self._idle_deaths.clear()
            self._busy[task.shard.file.url] -= 1
            self.watcher.done(task.shard, message.counts)

    def _failed(self, task: Task | None, why: str) -> None:
        if task is None:  # the worker ends, which is told as a death
            self.watcher.note(f"a worker could not begin: {why}")
            return
        trouble = self._trouble[task.shard.number]
        trouble.failures += 1
        self._back(task, why, give_up=trouble.failures >= _MAX_FAILURES)

    def died(self, task: Task | None, how: str) -> None:
        """A worker died, on ``task`` or before it had any.

        CannotGoOnError if that goes on and on while nothing gets done.
        """
        if task is None:
            stage = _Stage.UNBEGUN
            self.watcher.note(f"a worker died before it began ({how}); a new one takes its place")
        else:
            stage = _Stage.CAREFUL if task.careful else _Stage.CARELESS
            self._died_on(task, how)
        self._idle_deaths[stage] += 1
        if (
            self._idle_deaths[_Stage.UNBEGUN] >= _MAX_UNBEGUN_DEATHS
            or self._idle_deaths[_Stage.CAREFUL] >= _MAX_CAREFUL_DEATHS
        ):
            raise CannotGoOnError(
                f"{self._idle_deaths.total()} workers died one after the other ({how}) and nothing "
                "got done; is there too little memory for so many? What was done before is kept"
            )

    def _died_on(self, task: Task, how: str) -> None:
        shard, trouble = task.shard, self._trouble[task.shard.number]
        trouble.deaths += 1
        if task.careful and (record := self._noted(shard)) is not None:
            trouble.deaths_at[record] += 1
            if trouble.deaths_at[record] >= _DEATHS_OF_POISON:
                self._poison[shard.number].add(record)
                write_poison(self._places, self._poison)
                self.watcher.note(
                    f"{shard.file.url}: record {record} killed its worker "
                    f"{trouble.deaths_at[record]} times ({how}): it becomes a dead letter"
                )
        self._back(
            task,
            f"its worker died ({how}), by now {trouble.deaths} of them",
            give_up=trouble.deaths >= _MAX_DEATHS,
        )

    def _back(self, task: Task, why: str, *, give_up: bool) -> None:
        shard = task.shard
        self._busy[shard.file.url] -= 1
        where = f"{shard.file.url}, records {shard.start}-{shard.stop - 1}"
        self.watcher.counts(shard, ShardCounts())
        if give_up:
            self.set_aside[shard] = why
            self.watcher.note(f"{where}: set aside: {why}")
        else:
            self._again.append(shard)
            self.watcher.note(f"{where}: {why}; it is done again")

    def _noted(self, shard: Shard) -> int | None:
        with suppress(OSError, ValueError):
            return int(self._places.at(shard).read_text(encoding="ascii"))
        return None


def read_poison(places: Places) -> dict[int, set[int]]:
    """The numbers of the records that nobody may touch any more, by shard number."""
    poison: dict[int, set[int]] = defaultdict(set)
    if places.poison.exists():
        for line in places.poison.read_text(encoding="ascii").splitlines():
            value = json.loads(line)
            poison[value["shard"]].add(value["record"])
    return poison


def write_poison(places: Places, poison: dict[int, set[int]]) -> None:
    with whole_file(places.poison) as file:
        for shard, records in sorted(poison.items()):
            for record in sorted(records):
                line = json.dumps({"shard": shard, "record": record})
                file.write(line.encode("ascii") + b"\n")
