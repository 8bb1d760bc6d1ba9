"""The seam between reading an archive and scoring it: inputs, their records, shards of them.

Every input file is a run of records, numbered from 0 without gaps: each number in
``range(count)`` gives exactly one :class:`Record` or :class:`BadRecord`, the same one every time
as long as the file's fingerprint is the same.  So a shard is a file and a range of numbers, and
any worker anywhere can read it.

``batch.readers`` provides, for every format::

    find_inputs(arguments, *, options) -> list[InputFile]    # opens nothing but folders
    open_input(file, *, options) -> RecordReader
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from quotewire.types import Article


class InputFormat(StrEnum):
    """What an input is, told by its name or its first bytes or said by ``--format``.

    Compression (gzip, zstd) is no format of its own: every text format may be compressed.
    """

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    TEXT = "text"  # a folder of .txt files
    HTML = "html"  # a folder of .html files
    WARC = "warc"  # plain or gzip
    WACZ = "wacz"


class Reason(StrEnum):
    """Why a record could not be answered; the report counts by these."""

    ENCODING = "encoding"  # bytes that are not what they claim to be (UTF-8)
    SYNTAX = "syntax"  # no JSON, no CSV row, no WARC record
    MISSING = "missing"  # no id, no text
    TYPE = "type"  # a field of the wrong type
    TOO_LONG = "too long"  # over max_text_characters, or a record nobody can hold in memory
    NO_TEXT = "no text"  # a web page without main text
    UNREADABLE = "unreadable"  # the file breaks off or cannot be read (any further)
    EXTRACTOR = "extractor"  # the extractor raised on the article
    WORKER = "worker"  # a worker process died on the article, several times


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How inputs are read.  Part of what a run remembers: another mapping is another run.

    ``format`` None: told by name and first bytes.  The next six name the input's column or field
    (dotted for nested ones) for each field of an article; one that is None, or absent from the
    input, is left empty; an ``id`` of None gives ids made of file name and record number.
    A text over ``max_text_characters`` code points is a bad record.
    """

    format: InputFormat | None = None
    id: str | None = "id"
    text: str = "text"
    title: str | None = "title"
    publisher: str | None = "publisher"
    published: str | None = "published"
    language: str | None = "language"
    max_text_characters: int = 2_000_000


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input: a file, or a folder of text or HTML files (whose files are its records).

    ``url`` is a local path or an fsspec URL, as it stands in outputs; ``size`` is bytes on disk;
    ``fingerprint`` changes when the content may have changed (size and time of change, an ETag;
    for a folder: of all its files).
    """

    url: str
    format: InputFormat
    size: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SourceRef:
    """Where a record stands: in ``file`` (for a folder, the file in it) at ``line``, which people
    can find it by: the line of a text file, the row of a table, the record of a web archive,
    counted from 1.  ``record`` is its number in its :class:`InputFile`, counted from 0."""

    file: str
    record: int
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Record:
    """A record that is an article."""

    article: Article
    ref: SourceRef


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that is none: ``detail`` is one sentence (never a whole text); ``article_id`` is its
    id where one could be read."""

    ref: SourceRef
    reason: Reason
    detail: str
    article_id: str | None = None


class RecordReader(Protocol):
    """One open input file; use as a context manager.  Not for several threads at once.

    Both methods raise OSError where the input cannot be opened at all; what goes wrong within it
    becomes BadRecords (a file that breaks off: one, the last).
    """

    place: tuple[int, ...] | None
    """While :meth:`sizes` runs: where the record stands that it gave last, for :meth:`read` in
    whatever process; None where nothing is gained by it (packed files can only be read from their
    beginning, tables find their rows by themselves)."""

    passed_over: Mapping[str, int]
    """What the input holds beside articles (a web archive's images, requests, redirects; other
    files of a folder), counted by kind in words; complete once :meth:`sizes` ran through.  These
    are no records and have no numbers."""

    def sizes(self) -> Iterator[int]:
        """About how many bytes each record's text takes, in order, without parsing more than
        finding the records takes.  Cutting into shards goes by it; their number is the count."""

    def read(
        self, start: int, stop: int, *, place: tuple[int, ...] | None = None
    ) -> Iterator[Record | BadRecord]:
        """The records ``start <= record < stop``, one at a time (memory holds a few).

        ``place`` is what :attr:`place` was at record ``start``: reading begins there.  Without it,
        a ``start`` at or behind the last ``stop`` goes on from there and skips without parsing;
        with an earlier one, the file is read from its beginning.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Shard:
    """A piece of the work: records ``start <= record < stop`` of ``file``; ``number`` counts all
    shards of a run from 0, in the order of inputs and records; ``first_row`` counts the records
    before it in the whole run; ``place`` is where ``start`` stands (:attr:`RecordReader.place`)."""

    number: int
    file: InputFile
    start: int
    stop: int
    first_row: int = 0
    place: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """What its output parts are called, without their suffix."""
        return f"part-{self.number:06d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardCounts:
    """What became of a shard; sums of these are a run's.  Kept beside the shard's part.

    ``records`` = ``answered`` + ``copies`` (articles not scored as they are copies of others) + the
    sum of ``failed``, which counts by :class:`Reason`.  ``tokens`` are word pieces that the model
    read, windows' overlaps included; ``seconds`` is the wall time of the scoring worker;
    ``by_kind`` counts statements by the quote's kind.
    """

    records: int = 0
    answered: int = 0
    copies: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    statements: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    characters: int = 0
    tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: ShardCounts) -> ShardCounts:
        def both(mine: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
            names = sorted({*mine, *theirs})
            return {name: mine.get(name, 0) + theirs.get(name, 0) for name in names}

        return ShardCounts(
            records=self.records + other.records,
            answered=self.answered + other.answered,
            copies=self.copies + other.copies,
            failed=both(self.failed, other.failed),
            statements=self.statements + other.statements,
            by_kind=both(self.by_kind, other.by_kind),
            characters=self.characters + other.characters,
            tokens=self.tokens + other.tokens,
            seconds=self.seconds + other.seconds,
        )

    @property
    def dead(self) -> int:
        """How many records could not be answered."""
        return sum(self.failed.values())
