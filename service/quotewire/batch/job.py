"""What a worker must know of a run, and where a run keeps its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from quotewire.batch.records import ReadOptions, Shard, ShardCounts
from quotewire.batch.writers import JsonLinesPart, PartWriter
from quotewire.extraction.extractor import Extractor
from quotewire.types import ExtractOptions

JSONL_SUFFIX = ".jsonl"


class Duplicates(StrEnum):
    """What becomes of an article that an earlier one of the same run has been printed as."""

    IGNORE = "ignore"  # nobody looks for any
    MARK = "mark"  # scored like any other, and points to the earlier one
    ONCE = "once"  # not scored: points to the earlier one


class Phase(StrEnum):
    """The passes over a run's shards."""

    SIGN = "sign"  # write the signatures that duplicates are found by
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run keeps what: ``out`` is what the user asked for, the rest lies in ``run``.

    A path ending in ``.jsonl`` is one file, with ``run`` beside it; any other is a folder of
    tables, with ``run`` in it.
    """

    out: Path

    @property
    def is_file(self) -> bool:
        return self.out.suffix == JSONL_SUFFIX

    @property
    def run(self) -> Path:
        return self.out.with_name(self.out.name + ".run") if self.is_file else self.out / "_run"

    @property
    def manifest(self) -> Path:
        return self.run / "manifest.json"

    @property
    def finished(self) -> Path:
        return self.run / "finished.json"

    @property
    def dead_letters(self) -> Path:
        """One JSON line for each record that could not be answered."""
        return self.run / "dead_letters.jsonl"

    @property
    def copies(self) -> Path:
        """Which article is a copy of which (batch.duplicates)."""
        return self.run / "copies.parquet"

    @property
    def poison(self) -> Path:
        """Articles that killed their workers."""
        return self.run / "poison.jsonl"

    @property
    def lock(self) -> Path:
        return self.run / "lock"

    def folders(self) -> list[Path]:
        """All folders that parts are written to."""
        inner = [self.run / name for name in ("receipts", "dead_letters", "signatures", "at")]
        outer = (
            [self.run / "lines"]
            if self.is_file
            else [self.out / "statements", self.out / "articles"]
        )
        return [self.run, *inner, *outer]

    def receipt(self, shard: Shard, phase: Phase) -> Path:
        suffix = ".json" if phase is Phase.SCORE else f".{phase}.json"
        return self.run / "receipts" / (shard.name + suffix)

    def dead_part(self, shard: Shard) -> Path:
        return self.run / "dead_letters" / f"{shard.name}.jsonl"

    def signatures(self, shard: Shard) -> Path:
        return self.run / "signatures" / f"{shard.name}.parquet"

    def at(self, shard: Shard) -> Path:
        """Where a careful worker notes which record it is about to read."""
        return self.run / "at" / shard.name

    def lines(self, shard: Shard) -> Path:
        return self.run / "lines" / f"{shard.name}.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Sent to every worker once; ``load`` makes its model and ``identify`` tells which one that is
    (its tag and a digest: ``model``, if nobody changed it), both functions that pickle; inputs'
    paths may be relative to ``folder``."""

    places: Places
    folder: Path
    load: Callable[[], Extractor]
    identify: Callable[[], tuple[str, str]]
    model: tuple[str, str]
    options: ExtractOptions
    reading: ReadOptions
    duplicates: Duplicates = Duplicates.IGNORE
    similarity: float = 1.0
    with_text: bool = False

    def part_writer(self, shard: Shard) -> PartWriter:
        if self.places.is_file:
            return JsonLinesPart(self.places.lines(shard))
        # Here, as it brings pyarrow: a quarter of a second that JSON lines can do without.
        from quotewire.batch.tables import ParquetPart

        name = f"{shard.name}.parquet"
        return ParquetPart(
            self.places.out / "statements" / name,
            self.places.out / "articles" / name,
            with_text=self.with_text,
        )


@dataclass(frozen=True, slots=True)
class Task:
    """One shard to do.  ``careful``: workers died on it, so try each record by itself first;
    ``poison`` are the records (numbers in their file) that are not to be touched any more."""

    shard: Shard
    phase: Phase = Phase.SCORE
    careful: bool = False
    poison: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has its model."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a worker has done of its shard so far."""

    counts: ShardCounts


@dataclass(frozen=True, slots=True)
class Done:
    """The shard's output and receipt are on disk."""

    counts: ShardCounts


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker lives, but could not do it; ``hopeless``: nor could any other worker do any
    shard (no model, a full disk, a changed input)."""

    why: str
    hopeless: bool = False


Message = Progress | Done | Failed
