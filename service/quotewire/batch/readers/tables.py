"""Parquet: rows in their order, a few at a time, found by row group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from quotewire.batch.readers import streams
from quotewire.batch.readers.articles import Mapper, check_columns, plain
from quotewire.batch.records import BadRecord, InputFile, ReadOptions, Reason, Record, SourceRef

# So many rows are decoded at once.
_ROWS = 32
_BUFFER_BYTES = 1 << 20


class ParquetReader:
    """A :class:`~quotewire.batch.records.RecordReader`: one record a row.

    A file that is no Parquet is one bad record; so is each row of a row group that is broken.
    """

    def __init__(self, file: InputFile, options: ReadOptions) -> None:
        self.file = file
        self.place: tuple[int, ...] | None = None
        self.passed_over: Mapping[str, int] = {}
        self._options = options
        self._mapper = Mapper(options, loose=True)
        self._stack = ExitStack()
        self._table: pq.ParquetFile | None = None
        self._rows: Iterator[Record | BadRecord] = iter(())
        self._next = -1  # the row that comes next from _rows

    def _open(self) -> pq.ParquetFile:
        """Raises OSError, InputError for columns that are missing, and ArrowException or
        UnicodeDecodeError for a file that is no Parquet."""
        if self._table is None:
            raw = self._stack.enter_context(streams.open_bytes(self.file.url))
            try:
                table = pq.ParquetFile(raw, buffer_size=_BUFFER_BYTES, pre_buffer=False)
            except OSError as error:  # Arrow's word for broken contents, too
                if error.errno is not None:
                    raise
                raise pa.ArrowInvalid(str(error)) from error
            check_columns(table.schema_arrow.names, self._options, url=self.file.url)
            self._table = table
        return self._table

    def sizes(self) -> Iterator[int]:
        try:
            metadata = self._open().metadata
        except (pa.ArrowException, UnicodeDecodeError):
            yield 0
            return
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            chunks = (group.column(column) for column in range(group.num_columns))
            text = [c for c in chunks if c.path_in_schema == self._options.text]
            size = sum(c.total_uncompressed_size for c in text) or group.total_byte_size
            yield from [size // max(group.num_rows, 1)] * group.num_rows

    def read(
        self, start: int, stop: int, *, place: tuple[int, ...] | None = None
    ) -> Iterator[Record | BadRecord]:
        if start != self._next:
            self._rows, self._next = self._from(start), start
        while self._next < stop:
            if (record := next(self._rows, None)) is None:
                return
            self._next += 1
            yield record

    def _from(self, start: int) -> Iterator[Record | BadRecord]:
        try:
            table = self._open()
        except (pa.ArrowException, UnicodeDecodeError) as error:
            if start == 0:
                yield self._bad(0, Reason.UNREADABLE, f"no Parquet file: {_short(error)}")
            return
        begin = 0
        for number in range(table.metadata.num_row_groups):
            end = begin + table.metadata.row_group(number).num_rows
            if start < end:
                yield from self._group(table, number, range(max(start, begin), end), begin)
            begin = end

    def _group(
        self, table: pq.ParquetFile, number: int, rows: range, begin: int
    ) -> Iterator[Record | BadRecord]:
        """Rows ``rows`` of the row group whose first row is ``begin``."""
        at = begin
        try:
            for batch in table.iter_batches(_ROWS, row_groups=[number], use_threads=False):
                skip = max(rows.start - at, 0)
                for values in _values(batch.slice(min(skip, len(batch)))):
                    row = at + skip
                    skip += 1
                    yield self._record(values, row)
                at += len(batch)
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            detail = f"row group {number} is broken: {_short(error)}"
            for row in range(max(at, rows.start), rows.stop):
                yield self._bad(row, Reason.UNREADABLE, detail)

    def _record(self, values: dict[str, Any], row: int) -> Record | BadRecord:
        for name, value in values.items():
            if isinstance(value, UnicodeDecodeError):
                article_id = self._mapper.id_of(values)
                return self._bad(row, Reason.ENCODING, f"column {name!r}: {value}", article_id)
        fields = {name: value for name, value in values.items() if value is not None}
        meta = {name: plain(value) for name, value in fields.items() if name not in self._taken}
        return self._mapper.record({**fields, **meta}, SourceRef(self.file.url, row, row + 1))

    @property
    def _taken(self) -> set[str]:
        names = (getattr(self._options, name) for name in ("id", "published"))
        return {name for name in names if name}

    def _bad(
        self, row: int, reason: Reason, detail: str, article_id: str | None = None
    ) -> BadRecord:
        return BadRecord(SourceRef(self.file.url, row, row + 1), reason, detail, article_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rows, self._next, self._table = iter(()), -1, None
        self._stack.close()


def _values(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """The rows of a batch; a string that is no UTF-8 is the error that says so."""
    try:
        yield from batch.to_pylist()
        return
    except UnicodeDecodeError:
        pass
    for row in range(len(batch)):
        values: dict[str, Any] = {}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            try:
                values[name] = column[row].as_py()
            except UnicodeDecodeError as error:
                values[name] = error
        yield values


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
