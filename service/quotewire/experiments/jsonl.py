"""Both logs as JSON lines in a folder: the default, for one machine."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from quotewire.errors import ConfigError, InputError
from quotewire.experiments.feedback import content_of, identity, known_before
from quotewire.experiments.records import (
    Exposure,
    Feedback,
    exposure_to_json,
    feedback_from_json,
    feedback_to_json,
    to_line,
)

FEEDBACK_FILE = "feedback.jsonl"


class JsonLinesSink:
    """Exposures, appended to ``exposures-TIME-….jsonl`` in ``folder``.

    A file is one process's own, so that several may write side by side; a new one is begun after
    ``max_bytes`` or with a new day (UTC).  Nothing is ever deleted or changed.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._file: int | None = None
        self._size = 0
        self._day = ""

    def write(self, rows: Sequence[Exposure]) -> int:
        day = datetime.now(UTC).date().isoformat()
        if self._file is not None and (self._size >= self._max_bytes or day != self._day):
            self.close()
        if self._file is None:
            self._file, self._size, self._day = self._begin(), 0, day
        data = "".join(to_line(exposure_to_json(row)) + "\n" for row in rows).encode()
        _append(self._file, data, end=self._size)
        self._size += len(data)
        return 0

    def close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            try:
                os.fsync(file)
            finally:
                os.close(file)

    def _begin(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self._folder / f"exposures-{now}-{secrets.token_hex(3)}.jsonl"
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640)


class JsonLinesFeedback:
    """Feedback in ``feedback.jsonl`` of a folder: on disk before record() returns.

    Several processes may write it: each takes a lock on the file and first reads what the others
    have added.
    """

    def __init__(self, folder: Path) -> None:
        """Reads the keys that are there.  Raises ConfigError where it cannot."""
        self._path = folder / FEEDBACK_FILE
        self._known: dict[tuple[str, str], str] = {}  # identity -> content
        self._read_to = 0  # bytes
        self._one_at_a_time = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._locked() as file:
                self._catch_up(file)
        except OSError as error:
            raise ConfigError(f"experiments_log: {self._path}: {error.strerror}") from None

    def record(self, rows: Sequence[Feedback]) -> list[bool]:
        """For each row whether it was known before; the others are on disk now.

        Raises InputError for a key that is known with another content, OSError or ConfigError where
        the file cannot be used; then nothing is recorded.
        """
        with self._one_at_a_time, self._locked() as file:
            self._catch_up(file)
            known = known_before(rows, self._known)
            new = [row for row, before in zip(rows, known, strict=True) if not before]
            if new:
                data = "".join(to_line(feedback_to_json(row)) + "\n" for row in new).encode()
                _append(file, data, end=self._read_to, sync=True)
                self._read_to += len(data)
                self._known |= {identity(row): content_of(row) for row in new}
            return known

    def close(self) -> None:
        """Nothing stays open between calls."""

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)  # the lock goes with it

    def _catch_up(self, file: int) -> None:
        """Reads what was added since; cuts off what a crashed writer left of a line, which nobody
        was told is recorded."""
        size = os.fstat(file).st_size
        if size < self._read_to:
            raise ConfigError(f"{self._path}: shorter than it was: it was changed from outside")
        data = os.pread(file, size - self._read_to, self._read_to)
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.ftruncate(file, self._read_to + len(whole))
        known = {}
        for line in whole.splitlines():
            try:
                row = feedback_from_json(json.loads(line))
            except (ValueError, InputError) as error:
                raise ConfigError(f"{self._path}: a line that is no feedback: {error}") from None
            known[identity(row)] = content_of(row)
        self._known |= known
        self._read_to += len(whole)


def _append(file: int, data: bytes, *, end: int, sync: bool = False) -> None:
    """All of ``data`` behind byte ``end``, or, raising OSError, nothing of it."""
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(file, left) :]
        if sync:
            os.fsync(file)
    except OSError:
        os.ftruncate(file, end)
        raise
