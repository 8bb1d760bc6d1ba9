"""Opens both logs by where they are: a folder, or ``postgresql://…``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quotewire.errors import InputError
from quotewire.experiments.exposures import Sink
from quotewire.experiments.feedback import FeedbackStore
from quotewire.experiments.jsonl import FEEDBACK_FILE, JsonLinesFeedback, JsonLinesSink
from quotewire.experiments.postgres import SCHEMES, PostgresFeedback, PostgresSink, read_rows
from quotewire.experiments.records import (
    Exposure,
    Feedback,
    exposure_from_json,
    feedback_from_json,
)


def open_sink(where: str, *, max_file_bytes: int) -> Sink:
    """Where exposures go.  Raises ConfigError."""
    if where.startswith(SCHEMES):
        return PostgresSink(where)
    return JsonLinesSink(Path(where), max_bytes=max_file_bytes)


def open_feedback(where: str) -> FeedbackStore:
    """Where feedback goes.  Raises ConfigError."""
    return PostgresFeedback(where) if where.startswith(SCHEMES) else JsonLinesFeedback(Path(where))


def read_exposures(where: str) -> Iterator[Exposure]:
    """All rows of an exposure log: of a folder (``exposures-*.jsonl``), of one file, or of
    PostgreSQL.

    Raises InputError naming file, line and field of a line that is no row.  A last line without its
    end is being written, or its writer crashed: it is no row.
    """
    for at, row in _rows(where, "exposures-*.jsonl", "quotewire_exposures"):
        try:
            yield exposure_from_json(row)
        except InputError as error:
            raise _located(error, at) from None


def read_feedback(where: str) -> Iterator[Feedback]:
    """Likewise, of the feedback log (``feedback.jsonl``)."""
    for at, row in _rows(where, FEEDBACK_FILE, "quotewire_feedback"):
        try:
            yield feedback_from_json(row)
        except InputError as error:
            raise _located(error, at) from None


def _rows(where: str, pattern: str, table: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if where.startswith(SCHEMES):
        yield from ((table, row) for row in read_rows(where, table))
        return
    path = Path(where)
    for file in sorted(path.glob(pattern)) if path.is_dir() else [path]:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    break
                at = f"{file}, line {number}"
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise InputError(
                        field=at, value=str(error), allowed="one JSON object"
                    ) from None
                if not isinstance(row, dict):
                    raise InputError(field=at, value=type(row).__name__, allowed="one JSON object")
                yield at, row


def _located(error: InputError, at: str) -> InputError:
    return InputError(field=f"{at}: {error.field}", value=error.value, allowed=error.allowed)
