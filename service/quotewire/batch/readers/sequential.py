"""What all readers share whose records are found one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from quotewire.batch.readers.articles import Mapper
from quotewire.batch.records import (
    BadRecord,
    InputFile,
    ReadOptions,
    Reason,
    Record,
    SourceRef,
)

Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something that was found is no article."""

    reason: Reason
    detail: str
    article_id: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A record that was found, not yet taken apart.

    ``line``, ``file`` and ``place`` are those of its :class:`SourceRef` and reader; ``size`` is in
    bytes; ``data`` is whatever the reader's ``_parse`` understands.
    """

    line: int
    size: int
    data: Any
    place: Place | None = None
    file: str | None = None


class SequentialReader(ABC):
    """A :class:`~quotewire.batch.records.RecordReader`; formats say how to find and to parse."""

    # Whether numbers and times may stand for strings.
    loose = False

    def __init__(self, file: InputFile, options: ReadOptions) -> None:
        self.file = file
        self.options = options
        self.place: Place | None = None
        self.passed_over: Mapping[str, int] = {}
        self._mapper = Mapper(options, loose=self.loose)
        self._finding: Generator[Found] | None = None
        self._next = 0

    @property
    def _byte_limit(self) -> int:
        """No record of more bytes is ever held: one within ``max_text_characters`` is shorter,
        whatever its escapes, unless its other fields are huge."""
        return 12 * self.options.max_text_characters + (1 << 20)

    @abstractmethod
    def _find(self, place: Place | None, passed_over: Counter[str]) -> Generator[Found]:
        """The records from ``place`` (None: from the beginning) on; opens and closes the file.

        Raises OSError where the file cannot be opened or the disk fails.
        """

    @abstractmethod
    def _parse(self, found: Found, ref: SourceRef) -> Record | BadRecord: ...

    def sizes(self) -> Iterator[int]:
        self.passed_over = passed_over = Counter[str]()
        for found in self._find(None, passed_over):
            self.place = found.place
            yield found.size
        self.place = None

    def read(
        self, start: int, stop: int, *, place: Place | None = None
    ) -> Iterator[Record | BadRecord]:
        if self._finding is None or start < self._next or (place and start > self._next):
            self.close()
            self._finding = self._find(place, Counter())
            self._next = start if place else 0
        while self._next < stop:
            if (found := next(self._finding, None)) is None:
                return
            number = self._next
            self._next += 1
            if number >= start:
                yield self._read(found, number)

    def _read(self, found: Found, number: int) -> Record | BadRecord:
        ref = SourceRef(found.file or self.file.url, number, found.line)
        problem = found.data if isinstance(found.data, Problem) else None
        if problem is not None:
            return BadRecord(ref, problem.reason, problem.detail, problem.article_id)
        return self._parse(found, ref)

    def close(self) -> None:
        if self._finding is not None:
            self._finding.close()
            self._finding = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
