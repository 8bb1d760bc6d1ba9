"""CSV and TSV, plain, gzip or zstd, with a header line."""

from __future__ import annotations

import csv
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence

from quotewire.batch.readers.articles import check_columns
from quotewire.batch.readers.sequential import Found, Place, Problem, SequentialReader
from quotewire.batch.readers.streams import Line
from quotewire.batch.readers.text_lines import TextLines
from quotewire.batch.records import BadRecord, Reason, Record, SourceRef
from quotewire.errors import InputError

# Whichever of them the header holds most of stands between fields.
_DELIMITERS = ",\t;|"


class CsvReader(SequentialReader):
    """One record for every row that is not blank.

    Quotation marks are taken strictly (RFC 4180): a field that opens one and does not close it well
    makes its row a bad record, and reading goes on with the line after the row's first, so that an
    unclosed mark does not swallow what follows.  Empty fields are absent ones.
    """

    loose = True

    def _find(self, place: Place | None, passed_over: Counter[str]) -> Generator[Found]:
        # The module's own bound, for fields over many lines; ours, by characters, comes after.
        csv.field_size_limit(self._byte_limit)
        with TextLines(self.file.url, place=None, limit=self._byte_limit) as lines:
            source = _Rows(iter(lines))
            delimiter = source.guess_delimiter()
            try:
                header = next(csv.reader(source, delimiter=delimiter), [])
            except (csv.Error, _OverLongError) as error:
                raise InputError(
                    field=self.file.url, value=f"a first line that is none: {error}", allowed="CSV"
                ) from error
            if header:
                check_columns(header, self.options, url=self.file.url)
            if place is None:
                yield from self._rows(lines, source, header, delimiter)
        if place is not None:
            with TextLines(self.file.url, place=place, limit=self._byte_limit) as lines:
                yield from self._rows(lines, _Rows(iter(lines)), header, delimiter)

    def _rows(
        self, lines: TextLines, source: _Rows, header: Sequence[str], delimiter: str
    ) -> Generator[Found]:
        reader = csv.reader(source, delimiter=delimiter, strict=True)
        while True:
            source.taken.clear()
            data: Problem | dict[str, str]
            try:
                row = next(reader)
            except StopIteration:
                break
            except _OverLongError as error:
                data = lines.too_long(error.line)
            except csv.Error as error:
                data = Problem(Reason.SYNTAX, f"no CSV row begins here: {error}")
            else:
                if not row:
                    continue
                if len(row) != len(header):
                    detail = f"{len(row)} fields, where the header has {len(header)}"
                    data = Problem(Reason.SYNTAX, detail)
                else:
                    data = dict(zip(header, row, strict=True))
            first, *rest = source.taken
            size = first.size
            if isinstance(data, Problem):
                source.give_back(rest)
            else:
                size += sum(line.size for line in rest)
            yield Found(first.number, size, data, lines.place(first))
        if lines.broken:
            yield Found(lines.number, 0, lines.broken)

    def _parse(self, found: Found, ref: SourceRef) -> Record | BadRecord:
        fields: dict[str, str] = found.data
        text_name = self.options.text  # alone may be empty
        values = {name: v for name, v in fields.items() if v or name == text_name}
        for name, value in values.items():
            for at, character in enumerate(value if not value.isascii() else ""):
                if "\udc80" <= character <= "\udcff":  # what surrogateescape makes of a byte
                    byte = f"byte 0x{ord(character) - 0xDC00:02x} at character {at} of {name!r}"
                    article_id = self._mapper.id_of(values)
                    return BadRecord(ref, Reason.ENCODING, f"not UTF-8: {byte}", article_id)
        return self._mapper.record(values, ref)


class _OverLongError(Exception):
    def __init__(self, line: Line) -> None:
        self.line = line
        super().__init__(f"{line.size:,} bytes long")


class _Rows:
    """Lines for the csv module, which can be given back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._ahead: deque[Line] = deque()
        self.taken: list[Line] = []

    def __iter__(self) -> _Rows:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else next(self._lines)
        self.taken.append(line)
        if line.over_long:
            raise _OverLongError(line)
        return line.data.decode("utf-8", "surrogateescape")

    def give_back(self, lines: Sequence[Line]) -> None:
        self._ahead.extendleft(reversed(lines))

    def guess_delimiter(self) -> str:
        first = next(self._lines, None)
        if first is None:
            return ","
        self.give_back([first])
        header = first.data.decode("utf-8", "replace")
        return max(_DELIMITERS, key=header.count)
