"""The lines of a text file that may be packed, may break off, and may be enormous."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from quotewire.batch.readers import streams
from quotewire.batch.readers.sequential import Place, Problem
from quotewire.batch.readers.streams import Line
from quotewire.batch.records import Reason

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PACKED_NAMES = (".gz", ".zst", ".zstd")


class TextLines:
    """Iterates over lines; use as a context manager.

    Where a packed stream breaks, iteration ends and ``broken`` says so: what follows cannot be
    known, what came before stands.  ``number`` is that of the line to come, counted from 1.
    """

    def __init__(self, url: str, *, place: Place | None, limit: int) -> None:
        self._limit = limit
        self.broken: Problem | None = None
        offset, self.number = place or (0, 1)
        with ExitStack() as stack:
            file = stack.enter_context(streams.open_bytes(url))
            self._packed = streams.is_packed(file)
            self._stream = stack.enter_context(streams.unpacked(file))
            if offset:
                self._stream.seek(offset)
            elif url.endswith(_PACKED_NAMES) and not self._stream.peek(1):  # type: ignore[attr-defined]
                self.broken = Problem(Reason.UNREADABLE, "an empty file is no packed file")
            self._offset = offset
            self._files = stack.pop_all()

    def __iter__(self) -> Iterator[Line]:
        found = streams.lines(
            self._stream, limit=self._limit, offset=self._offset, number=self.number
        )
        try:
            for line in found:
                self.number += 1
                if line.number == 1 and line.data.startswith(_BYTE_ORDER_MARK):
                    line = line._replace(data=line.data[3:], size=line.size - 3)
                yield line
        except streams.BROKEN as error:
            detail = f"the packed stream is broken from here on: {error}"
            self.broken = Problem(Reason.UNREADABLE, detail)

    def place(self, line: Line) -> Place | None:
        """Where reading can begin again at ``line``; None in packed files."""
        return None if self._packed else (line.offset, line.number)

    def too_long(self, line: Line) -> Problem:
        detail = f"a line of {line.size:,} bytes; allowed: at most {self._limit:,}"
        return Problem(Reason.TOO_LONG, detail)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.close()
