"""Files -> records: every line of the input becomes an article or says why it is none."""

from __future__ import annotations

import gzip
import json
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from quotewire.errors import InputError
from quotewire.lines import article_from_line
from quotewire.types import Article

_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Deepest nesting of a line's JSON, in arrays and objects.
_MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Record:
    """One line of an input: an article, or the problem that makes it none.

    Exactly one of ``article`` and ``problem`` (one sentence) is set.  ``line`` counts from 1;
    ``article_id`` is the line's id, None where none could be read.
    """

    source: str
    line: int
    article_id: str | None
    article: Article | None = None
    problem: str | None = None


class JsonLinesReader:
    """Articles from one file of JSON lines, plain or gzip (told by its first bytes, not its name).

    Iterating gives one record for every line that is not blank; no line ends the iteration but the
    last.  ``size`` and ``position`` are bytes of the file on disk, for progress bars.
    Raises OSError on opening when the file is missing or unreadable.
    """

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        self._file: IO[bytes] = open(path, "rb")  # noqa: SIM115 - closed by close()
        self.size = os.fstat(self._file.fileno()).st_size

    @property
    def position(self) -> int:
        """Bytes of the file that were read so far; ``size`` once it is closed."""
        return self.size if self._file.closed else self._file.tell()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> JsonLinesReader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Record]:
        number = 0
        try:
            for number, line in enumerate(self._lines(), start=1):
                if number == 1:
                    line = line.removeprefix(_BYTE_ORDER_MARK)
                if line.strip():
                    yield self._record(number, line)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            # What follows cannot be known; what came before stands.
            yield self._problem(number + 1, f"the gzip stream is broken from here on: {error}")

    def _lines(self) -> Iterator[bytes]:
        if self._file.peek(2)[:2] == _GZIP_MAGIC:  # type: ignore[attr-defined]
            return iter(gzip.GzipFile(fileobj=self._file))
        return iter(self._file)

    def _record(self, number: int, line: bytes) -> Record:
        """The article of one line, or why there is none."""
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            # The damage often sits inside the text: the id may still be readable.
            return self._problem(
                number,
                f"not UTF-8: byte 0x{line[error.start]:02x} at byte {error.start} of the line",
                article_id=_id_of(line.decode("utf-8", "replace")),
            )
        try:
            value = _parse(text)
        except ValueError as error:
            return self._problem(number, f"not JSON: {error}")
        except RecursionError:
            return self._problem(number, f"nested deeper than {_MAX_DEPTH} levels")
        try:
            article = article_from_line(value)
        except InputError as error:
            return self._problem(number, str(error), article_id=_readable_id(value))
        return Record(self.name, number, article.id, article=article)

    def _problem(self, number: int, problem: str, *, article_id: str | None = None) -> Record:
        return Record(self.name, number, article_id, problem=problem)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON value")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"{number[:40]} is out of range")
    return value


def _parse(text: str) -> Any:
    """``text`` as JSON that can be written again.

    Raises ValueError for anything else (also NaN, Infinity and numbers that are not finite) and
    RecursionError for nesting that no writer can be trusted with.
    """
    value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    if text.count("[") + text.count("{") > _MAX_DEPTH and _depth(value) > _MAX_DEPTH:
        raise RecursionError
    return value


def _depth(value: Any) -> int:
    """How many arrays and objects stand inside each other."""
    depth, level = 0, [value]
    while level := [inner for inner in level if isinstance(inner, (dict, list))]:
        depth += 1
        level = [
            item
            for inner in level
            for item in (inner.values() if isinstance(inner, dict) else inner)
        ]
    return depth


def _readable_id(value: Any) -> str | None:
    """The id of a line that is no article, if it has one that an output line can carry."""
    article_id = value.get("id") if isinstance(value, Mapping) else None
    return article_id if isinstance(article_id, str) and article_id else None


def _id_of(text: str) -> str | None:
    try:
        article_id = _readable_id(_parse(text))
    except (ValueError, RecursionError):
        return None
    return None if article_id is None or "\ufffd" in article_id else article_id
