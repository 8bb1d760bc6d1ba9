"""The exposure log: rows go in without ever waiting, a thread of its own writes them.

A slow or failing sink costs rows, never a call: the queue is bounded, what finds no room is dropped
and counted, and the thread tries again until the sink works.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from quotewire.experiments.records import Exposure

logger = logging.getLogger(__name__)

# How many rows a sink is given at once.
_BATCH_ROWS = 256
# How long more rows are waited for when some have come (seconds): one write for all of them, and
# none while the answer that the first one is of is being sent.
_GATHER_S = 0.05
# Waits between tries of a failing sink: doubled from the first to the last (seconds).
_FIRST_RETRY_S, _LAST_RETRY_S = 0.1, 30.0


class Sink(Protocol):
    """Where rows go; used by one thread only."""

    def write(self, rows: Sequence[Exposure]) -> int:
        """Writes all rows or, raising any exception, none; the same rows come again then.

        Returns how many of them can never be written there (0 nearly always)."""
        ...

    def close(self) -> None: ...


class ExposureLog:
    """Takes rows from any thread; ``max_rows`` may wait.

    ``count`` is told of rows that were ``written``, ``dropped`` (no room, or not written before the
    end) or ``unwritable``, from any thread.
    """

    def __init__(
        self, sink: Sink, *, max_rows: int, count: Callable[[str, int], None] | None = None
    ) -> None:
        self._sink = sink
        self._max_rows = max_rows
        self._count = count or (lambda outcome, rows: None)
        self._changed = threading.Condition()
        # Guarded by _changed: rows with the time.monotonic() seconds at which they came.
        self._waiting: deque[tuple[float, Exposure]] = deque()
        self._closed = False
        self._failing = False
        self._thread = threading.Thread(target=self._work, name="exposures", daemon=True)
        self._thread.start()

    def put(self, row: Exposure) -> bool:
        """Whether there was room for it.  Never waits, never raises."""
        with self._changed:
            taken = not self._closed and len(self._waiting) < self._max_rows
            if taken:
                self._waiting.append((time.monotonic(), row))
                if len(self._waiting) == 1:  # else the thread knows that there is something
                    self._changed.notify()
        if not taken:
            self._count("dropped", 1)
        return taken

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        with self._changed:
            return len(self._waiting)

    @property
    def oldest_s(self) -> float:
        """How long the oldest of them has waited (seconds); 0 for none."""
        with self._changed:
            return time.monotonic() - self._waiting[0][0] if self._waiting else 0.0

    @property
    def failing(self) -> bool:
        """Whether the sink's last try failed."""
        return self._failing

    def close(self, *, timeout_s: float) -> None:
        """Takes no more, lets what waits be written for ``timeout_s`` seconds, drops the rest."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout_s)
        with self._changed:
            left = len(self._waiting)
            self._waiting.clear()
        if left:
            self._count("dropped", left)
            logger.error("%d rows of the exposure log could not be written: dropped", left)

    # ------------------------------------------------------------ the thread

    def _work(self) -> None:
        retry_s = _FIRST_RETRY_S
        while rows := self._next():
            try:
                unwritable = self._sink.write(rows)
            # Everything: a thread that dies would end the log in silence.
            except Exception as error:
                # Of a driver's error only its kind: a message may quote rows or a password.
                if not self._failing:
                    logger.error("the exposure log cannot be written: %s", type(error).__name__)
                self._failing = True
                with self._changed:
                    if self._closed:
                        break
                    self._changed.wait_for(lambda: self._closed, timeout=retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)
                continue
            if self._failing:
                logger.info("the exposure log can be written again")
            self._failing, retry_s = False, _FIRST_RETRY_S
            self._written(len(rows), unwritable)
        try:
            self._sink.close()
        except Exception as error:
            logger.warning("the exposure log did not close: %s", type(error).__name__)

    def _next(self) -> list[Exposure]:
        """The next rows, which stay in the queue; waits for some; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if len(self._waiting) < _BATCH_ROWS:
                self._changed.wait_for(lambda: self._closed, timeout=_GATHER_S)
            return [row for _, row in list(self._waiting)[:_BATCH_ROWS]]

    def _written(self, rows: int, unwritable: int) -> None:
        with self._changed:
            for _ in range(min(rows, len(self._waiting))):
                self._waiting.popleft()
        self._count("written", rows - unwritable)
        if unwritable:
            self._count("unwritable", unwritable)
            logger.error("%d rows can never be written to the exposure log", unwritable)
