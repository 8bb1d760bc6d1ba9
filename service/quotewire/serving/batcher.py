"""One worker thread owns a model and serves windows of many callers in batches.

Windows are grouped by length under a token budget, so that little is padded; there is no wait
timer: when the worker is free it takes what is there.  The queue is bounded in tokens (word
pieces).  Work that nobody awaits any more is dropped before the model sees it, and a batch that
fails takes nobody down but the caller whose window made it fail.
"""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from quotewire.errors import DeadlineError, DrainingError, OverloadedError

logger = logging.getLogger(__name__)


class HasPieces(Protocol):
    """What the batcher must know of a window: its length in word pieces."""

    @property
    def pieces(self) -> int: ...


Window = TypeVar("Window", bound=HasPieces)
Score = TypeVar("Score")

# How fast the estimate of the worker's speed follows the last batch (weight of the new value).
_SPEED_WEIGHT = 0.2
# Bounds of what a refused caller is told to wait (seconds).
_RETRY_AFTER_S = (0.1, 30.0)


@dataclass(eq=False, slots=True)
class _Job(Generic[Window, Score]):
    """One caller's windows."""

    number: int
    windows: Sequence[Window]
    deadline: float | None  # time.monotonic() seconds
    future: Future[list[Score]]
    scores: list[Score | None]
    unscored: int
    # Indices of windows still in the queue, in order (a dict as an ordered set).
    queued: dict[int, None] = field(default_factory=dict)

    def fail(self, error: BaseException) -> None:
        try:
            if not self.future.done():
                self.future.set_exception(error)
        except InvalidStateError:  # cancelled between the two lines
            pass

    def put(self, index: int, score: Score) -> None:
        self.scores[index] = score
        self.unscored -= 1
        try:
            if not self.unscored and not self.future.done():
                self.future.set_result(self.scores)  # type: ignore[arg-type]  # all are filled
        except InvalidStateError:  # cancelled between the two lines
            pass

    @property
    def tokens(self) -> int:
        return sum(self.windows[index].pieces for index in self.queued)


# A queued window: (pieces, number of its job, its index in the job, the job).  The first three
# order the queue by length, then by age; no two entries share them.
_Entry = tuple[int, int, int, _Job[Window, Score]]


class Batcher(Generic[Window, Score]):
    """Serves ``forward`` to many callers.  All methods may be called from any thread.

    ``forward`` takes windows and returns one score a window in the same order; it runs in the
    worker thread only.  ``tokens_per_batch`` bounds windows times longest window of a batch (a
    single longer window goes alone); ``max_queue_tokens`` is how many tokens may wait: one job more
    is accepted as long as fewer do, so that no job is refused for its own size.
    """

    def __init__(
        self,
        forward: Callable[[Sequence[Window]], Sequence[Score]],
        *,
        tokens_per_batch: int,
        max_queue_tokens: int,
        name: str = "model",
    ) -> None:
        self._forward = forward
        self._tokens_per_batch = tokens_per_batch
        self._max_queue_tokens = max_queue_tokens
        self._changed = threading.Condition()
        # All below is guarded by _changed.
        self._entries: list[_Entry[Window, Score]] = []  # ascending
        self._jobs: deque[_Job[Window, Score]] = deque()  # those with queued windows
        self._tokens = 0  # in _entries
        self._next_number = 0
        self._tokens_per_s: float | None = None
        self._room_waiters: list[Future[None]] = []
        self._closed = False
        self._worker = threading.Thread(target=self._work, name=f"batcher-{name}", daemon=True)
        self._worker.start()

    def submit(
        self, windows: Sequence[Window], *, deadline: float | None = None, patient: bool = False
    ) -> Future[list[Score]]:
        """Queues one caller's windows; the future gets their scores in order.

        ``deadline`` is a time.monotonic() value after which nobody wants the answer; cancel the
        future to withdraw.  Raises OverloadedError where the queue is full or, unless ``patient``,
        its predicted wait is longer than the deadline allows; DrainingError after close().  The
        future fails with DeadlineError where the deadline passed in the queue, and with the
        model's own exception where the model failed.
        """
        future: Future[list[Score]] = Future()
        if not windows:
            future.set_result([])
            return future
        with self._changed:
            self._check_room(None if patient else deadline)
            job = _Job[Window, Score](
                number=self._next_number,
                windows=windows,
                deadline=deadline,
                future=future,
                scores=[None] * len(windows),
                unscored=len(windows),
                queued=dict.fromkeys(range(len(windows))),
            )
            self._next_number += 1
            for index, window in enumerate(windows):
                insort(self._entries, (window.pieces, job.number, index, job))
            self._jobs.append(job)
            self._tokens += job.tokens
            self._changed.notify_all()
        return future

    def check_room(self, *, deadline: float | None = None) -> None:
        """Raises what submit() would raise now: ask before paying for tokenisation."""
        with self._changed:
            self._check_room(deadline)

    @property
    def queued_tokens(self) -> int:
        """How many word pieces wait, those in the running batch not counted."""
        with self._changed:
            return self._tokens

    def when_room(self) -> Future[None]:
        """A future that is done when the queue has room, or is closed; ask submit() again then."""
        future: Future[None] = Future()
        with self._changed:
            self._room_waiters.append(future)
            self._tell_waiters()
        return future

    def close(self) -> None:
        """Fails what is queued with DrainingError, waits for the running batch, ends the worker."""
        with self._changed:
            self._closed = True
            jobs = list(self._jobs)
            self._forget(set(jobs))
            self._tell_waiters()
            self._changed.notify_all()
        for job in jobs:
            job.fail(DrainingError("the model is being shut down"))
        self._worker.join()

    # ------------------------------------------------------------ with _changed held

    def _check_room(self, deadline: float | None) -> None:
        if self._closed:
            raise DrainingError("the model is being shut down")
        wait_s = self._tokens / self._tokens_per_s if self._tokens_per_s else 0.0
        retry_after_s = min(max(wait_s, _RETRY_AFTER_S[0]), _RETRY_AFTER_S[1])
        if self._tokens >= self._max_queue_tokens:
            raise OverloadedError(
                f"the queue is full: {self._tokens} tokens wait, the limit is "
                f"{self._max_queue_tokens}",
                retry_after_s=retry_after_s,
            )
        if deadline is not None and wait_s > max(deadline - time.monotonic(), 0.0):
            raise OverloadedError(
                f"the predicted wait of {wait_s:.1f} s is longer than the deadline allows",
                retry_after_s=retry_after_s,
            )

    def _tell_waiters(self) -> None:
        if self._closed or self._tokens < self._max_queue_tokens:
            waiters, self._room_waiters = self._room_waiters, []
            for waiter in waiters:
                if waiter.set_running_or_notify_cancel():
                    waiter.set_result(None)

    def _forget(self, jobs: set[_Job[Window, Score]]) -> None:
        """Takes all queued windows of ``jobs`` out of the queue."""
        if not jobs:
            return
        self._entries = [entry for entry in self._entries if entry[3] not in jobs]
        self._jobs = deque(job for job in self._jobs if job not in jobs)
        self._tokens = sum(entry[0] for entry in self._entries)

    def _drop_unwanted(self) -> None:
        now = time.monotonic()
        late = {job for job in self._jobs if job.deadline is not None and job.deadline <= now}
        self._forget(late | {job for job in self._jobs if job.future.done()})
        for job in late:
            job.fail(DeadlineError("the deadline passed while the article was waiting"))

    def _cut(self) -> list[_Entry[Window, Score]]:
        """Takes the next batch out of the queue; empty if nothing waits.

        The jobs take turns in naming the batch's first window, so a long article does not hold up
        the short ones behind it and nobody starves; the batch is filled up with the windows
        nearest to it in length.
        """
        self._drop_unwanted()
        if not self._jobs:
            return []
        job = self._jobs[0]
        self._jobs.rotate(-1)
        first = next(iter(job.queued))
        low = bisect_left(self._entries, (job.windows[first].pieces, job.number, first, job))
        high, longest = low + 1, self._entries[low][0]
        # Invariant: the batch is entries[low:high]; its longest window comes last.
        while True:
            rows = high - low + 1
            shorter = low > 0 and rows * longest <= self._tokens_per_batch
            longer = (
                high < len(self._entries)
                and rows * self._entries[high][0] <= self._tokens_per_batch
            )
            if longer and (
                not shorter
                or self._entries[high][0] - longest <= longest - self._entries[low - 1][0]
            ):
                longest = self._entries[high][0]
                high += 1
            elif shorter:
                low -= 1
            else:
                break
        batch = self._entries[low:high]
        del self._entries[low:high]
        self._tokens -= sum(entry[0] for entry in batch)
        for _, _, index, owner in batch:
            del owner.queued[index]
        if any(not owner.queued for _, _, _, owner in batch):
            self._jobs = deque(job for job in self._jobs if job.queued)
        self._tell_waiters()
        return batch

    # ------------------------------------------------------------ the worker thread

    def _work(self) -> None:
        while True:
            with self._changed:
                batch = self._cut()
                while not batch and not self._closed:
                    self._changed.wait()
                    batch = self._cut()
            if not batch:
                return
            self._score(batch)

    def _score(self, batch: list[_Entry[Window, Score]]) -> None:
        started = time.monotonic()
        try:
            scores = self._forward([job.windows[index] for _, _, index, job in batch])
            if len(scores) != len(batch):
                raise RuntimeError(f"{len(batch)} windows got {len(scores)} scores")
        # Everything: a worker that dies would hang every caller to come.
        except BaseException as error:
            self._isolate(batch, error)
            return
        for (_, _, index, job), score in zip(batch, scores, strict=True):
            job.put(index, score)
        tokens = sum(pieces for pieces, _, _, _ in batch)
        speed = tokens / max(time.monotonic() - started, 1e-6)
        with self._changed:
            old = self._tokens_per_s
            self._tokens_per_s = speed if old is None else old + _SPEED_WEIGHT * (speed - old)

    def _isolate(self, batch: list[_Entry[Window, Score]], error: BaseException) -> None:
        """After a failed batch: fails its only caller, or tries each caller's part alone."""
        jobs = list(dict.fromkeys(job for _, _, _, job in batch))
        if len(jobs) > 1:
            for job in jobs:
                if not job.future.done():
                    self._score([entry for entry in batch if entry[3] is job])
            return
        logger.warning("a batch of %d windows failed: %s", len(batch), type(error).__name__)
        jobs[0].fail(error)
