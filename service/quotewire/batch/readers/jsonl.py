"""JSON lines, plain, gzip or zstd."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Generator
from typing import Any

from quotewire.batch.readers.sequential import Found, Place, SequentialReader
from quotewire.batch.readers.text_lines import TextLines
from quotewire.batch.records import BadRecord, Reason, Record, SourceRef

# Deepest nesting of a line's JSON, in arrays and objects.
_MAX_DEPTH = 100


class JsonLinesReader(SequentialReader):
    """One record for every line that is not blank."""

    def _find(self, place: Place | None, passed_over: Counter[str]) -> Generator[Found]:
        with TextLines(self.file.url, place=place, limit=self._byte_limit) as lines:
            for line in lines:
                if line.over_long:
                    yield Found(line.number, line.size, lines.too_long(line), lines.place(line))
                elif line.data.strip():
                    yield Found(line.number, line.size, line.data, lines.place(line))
            if lines.broken:
                yield Found(lines.number, 0, lines.broken)

    def _parse(self, found: Found, ref: SourceRef) -> Record | BadRecord:
        line: bytes = found.data
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = f"byte 0x{line[error.start]:02x} at byte {error.start} of the line"
            # The damage often sits inside the text: the id may still be readable.
            article_id = self._id_of(line.decode("utf-8", "replace"))
            return BadRecord(ref, Reason.ENCODING, f"not UTF-8: {byte}", article_id)
        try:
            value = _parse(text)
        except ValueError as error:
            return BadRecord(ref, Reason.SYNTAX, f"not JSON: {error}")
        except RecursionError:
            return BadRecord(ref, Reason.SYNTAX, f"nested deeper than {_MAX_DEPTH} levels")
        if not isinstance(value, dict):
            detail = f"line: got {type(value).__name__}; allowed: a JSON object with id and text"
            return BadRecord(ref, Reason.TYPE, detail)
        return self._mapper.record(value, ref)

    def _id_of(self, text: str) -> str | None:
        try:
            return self._mapper.id_of(_parse(text))
        except (ValueError, RecursionError):
            return None


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
