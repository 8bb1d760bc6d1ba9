"""One worker thread owns a model and serves windows of many callers in batches.

Windows are grouped by length under a token budget, so that little is padded; there is no wait
timer: when the worker is free it takes what is there.  The queue is bounded in tokens (word
pieces); room in it is reserved before an article is tokenised, so that what waits for a tokeniser
is bounded, too.  Work that nobody awaits any more is dropped before the model sees it, and a batch
that fails takes nobody down but the caller whose window made it fail.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Generic

from quotewire.errors import DeadlineError, DrainingError, OverloadedError
from quotewire.serving.jobs import BatchFacts, Job, Score, Window

logger = logging.getLogger(__name__)


# The worker's speed is tokens by seconds over its last batches: what a batch weighs, compared with
# the one after it.
_SPEED_MEMORY = 0.9
# A batch takes some time however little is in it, so it counts as this share of a full one at
# least: a few tiny ones say nothing of how long a long article takes.
_LEAST_SHARE = 1 / 8
# Bounds of what a refused caller is told to wait (seconds).
_RETRY_AFTER_S = (0.1, 30.0)


# A queued window: (pieces, number of its job, its index in the job, the job).  The first three
# order the queue by length, then by age; no two entries share them.
_Entry = tuple[int, int, int, Job[Window, Score]]


class Batcher(Generic[Window, Score]):
    """Serves ``forward`` to many callers.  All methods may be called from any thread.

    ``forward`` takes windows and returns one score a window in the same order; it runs in the
    worker thread only.  ``tokens_per_batch`` bounds windows times longest window of a batch (a
    single longer window goes alone); ``max_queue_tokens`` is how many tokens may wait: one job more
    is accepted as long as fewer do, so that no job is refused for its own size.  Patient callers
    (streams) may fill half of it, so that they never shut out those who cannot wait.
    ``on_batch`` is told of every batch, in the worker thread.

    Background jobs get a window at a time, while nothing else waits and ``may_idle`` says that
    nobody's article is in work elsewhere; call nudge() when that becomes true.
    """

    def __init__(
        self,
        forward: Callable[[Sequence[Window]], Sequence[Score]],
        *,
        tokens_per_batch: int,
        max_queue_tokens: int,
        name: str = "model",
        on_batch: Callable[[BatchFacts], None] | None = None,
        may_idle: Callable[[], bool] = lambda: True,
    ) -> None:
        self._forward = forward
        self._may_idle = may_idle
        self._tokens_per_batch = tokens_per_batch
        self._max_queue_tokens = max_queue_tokens
        self._max_patient_tokens = max(max_queue_tokens // 2, 1)
        self._on_batch = on_batch
        self._changed = threading.Condition()
        # All below is guarded by _changed.
        self._entries: list[_Entry[Window, Score]] = []  # ascending
        self._jobs: deque[Job[Window, Score]] = deque()  # those with queued windows
        self._background: deque[Job[Window, Score]] = deque()  # likewise; not in _entries
        self._tokens = 0  # in _entries
        self._reserved = 0  # tokens of those admitted, but not yet in _entries
        self._running = 0  # tokens in the model
        self._next_number = 0
        self._done_tokens = self._done_s = 0.0  # of the last batches, the older the less
        self._room_waiters: list[Future[None]] = []
        self._closed = False
        self._worker = threading.Thread(target=self._work, name=f"batcher-{name}", daemon=True)
        self._worker.start()

    @contextmanager
    def reserve(
        self, tokens: int, *, deadline: float | None = None, patient: bool = False
    ) -> Iterator[None]:
        """Holds room for about ``tokens`` while an article is being tokenised; submit it inside,
        as ``admitted``.

        Raises OverloadedError where the queue is full, or where others are served and the predicted
        wait is longer than ``deadline`` (a time.monotonic() value) allows; DrainingError after
        close().
        """
        with self._changed:
            self._check_room(tokens, deadline=deadline, patient=patient)
            self._reserved += tokens
        try:
            yield
        finally:
            with self._changed:
                self._reserved -= tokens
                self._tell_waiters()

    def submit(
        self,
        windows: Sequence[Window],
        *,
        deadline: float | None = None,
        admitted: bool = False,
        background: bool = False,
        on_batch: Callable[[float], None] | None = None,
    ) -> Future[list[Score]]:
        """Queues one caller's windows; the future gets their scores in order.

        ``deadline`` is a time.monotonic() value after which nobody wants the answer; cancel the
        future to withdraw.  Raises what reserve() raises, unless ``admitted`` by it.  The future
        fails with DeadlineError where the deadline passed in the queue, and with the model's own
        exception where the model failed.  ``background`` needs no room, and takes none.
        ``on_batch`` is told the seconds of each batch that held some of the windows, in the worker
        thread, before the future is done.
        """
        future: Future[list[Score]] = Future()
        if not windows:
            future.set_result([])
            return future
        with self._changed:
            if not admitted and not background:
                tokens = sum(window.pieces for window in windows)
                self._check_room(tokens, deadline=deadline, patient=False)
            elif self._closed:
                raise DrainingError("the model is being shut down")
            job = Job[Window, Score](
                number=self._next_number,
                windows=windows,
                deadline=deadline,
                future=future,
                scores=[None] * len(windows),
                unscored=len(windows),
                since=time.monotonic(),
                on_batch=on_batch,
                queued=dict.fromkeys(range(len(windows))),
            )
            self._next_number += 1
            if background:
                self._background.append(job)
            else:
                for index, window in enumerate(windows):
                    insort(self._entries, (window.pieces, job.number, index, job))
                self._jobs.append(job)
                self._tokens += job.tokens
            self._changed.notify_all()
        # What is withdrawn makes room at once, not when its turn comes.
        future.add_done_callback(lambda _: self._withdraw(job))
        return future

    def nudge(self) -> None:
        """Background work may go on."""
        if self._background:  # read without the lock: who adds some notifies, too
            with self._changed:
                self._changed.notify_all()

    def check_room(self, *, deadline: float | None = None) -> None:
        """Raises what reserve() would raise now."""
        with self._changed:
            self._check_room(0, deadline=deadline, patient=False)

    @property
    def queued_tokens(self) -> int:
        """How many word pieces wait, those in the running batch not counted."""
        with self._changed:
            return self._tokens

    @property
    def max_queue_tokens(self) -> int:
        return self._max_queue_tokens

    @property
    def oldest_wait_s(self) -> float:
        """How long the oldest job with windows in the queue has waited (seconds); 0 for none."""
        with self._changed:
            since = min((job.since for job in self._jobs), default=None)
        return 0.0 if since is None else time.monotonic() - since

    def when_room(self) -> Future[None]:
        """A future that is done when patient callers find room, or the batcher is closed; try
        reserve() again then."""
        future: Future[None] = Future()
        with self._changed:
            self._room_waiters.append(future)
            self._tell_waiters()
        return future

    def close(self) -> None:
        """Fails what is queued with DrainingError, waits for the running batch, ends the worker."""
        with self._changed:
            self._closed = True
            jobs = [*self._jobs, *self._background]
            self._forget(set(jobs))
            self._tell_waiters()
            self._changed.notify_all()
        for job in jobs:
            job.fail(DrainingError("the model is being shut down"))
        self._worker.join()

    # ------------------------------------------------------------ with _changed held

    def _check_room(self, tokens: int, *, deadline: float | None, patient: bool) -> None:
        if self._closed:
            raise DrainingError("the model is being shut down")
        waiting = self._tokens + self._reserved
        speed = self._done_tokens / self._done_s if self._done_s else math.inf
        wait_s = (self._running + waiting + tokens) / speed
        retry_after_s = min(max(wait_s, _RETRY_AFTER_S[0]), _RETRY_AFTER_S[1])
        limit = self._max_patient_tokens if patient else self._max_queue_tokens
        if waiting >= limit:
            raise OverloadedError(
                f"the queue is full: {waiting} tokens wait, the limit is {limit}",
                retry_after_s=retry_after_s,
            )
        # With nothing before it a call is let in: coming again would not help it, and a speed that
        # was measured in a bad moment could never be mended if it kept everybody out.
        is_idle = not self._running + waiting
        if not is_idle and deadline is not None and wait_s > max(deadline - time.monotonic(), 0.0):
            raise OverloadedError(
                f"the predicted wait of {wait_s:.1f} s is longer than the deadline allows",
                retry_after_s=retry_after_s,
            )

    def _tell_waiters(self) -> None:
        if self._closed or self._tokens + self._reserved < self._max_patient_tokens:
            waiters, self._room_waiters = self._room_waiters, []
            for waiter in waiters:
                if waiter.set_running_or_notify_cancel():
                    waiter.set_result(None)

    def _withdraw(self, job: Job[Window, Score]) -> None:
        if not job.future.cancelled():
            return
        with self._changed:
            if job.queued:
                self._forget({job})
                self._tell_waiters()

    def _forget(self, jobs: set[Job[Window, Score]]) -> None:
        """Takes all queued windows of ``jobs`` out of the queue."""
        if not jobs:
            return
        self._entries = [entry for entry in self._entries if entry[3] not in jobs]
        self._jobs = deque(job for job in self._jobs if job not in jobs)
        self._background = deque(job for job in self._background if job not in jobs)
        self._tokens = sum(entry[0] for entry in self._entries)

    def _drop_unwanted(self) -> None:
        now = time.monotonic()
        late = {job for job in self._jobs if job.deadline is not None and job.deadline <= now}
        done = {job for job in (*self._jobs, *self._background) if job.future.done()}
        self._forget(late | done)
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
            return self._cut_background()
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
        self._running = sum(entry[0] for entry in batch)
        self._tokens -= self._running
        for _, _, index, owner in batch:
            del owner.queued[index]
        if any(not owner.queued for _, _, _, owner in batch):
            self._jobs = deque(job for job in self._jobs if job.queued)
        self._tell_waiters()
        return batch

    def _cut_background(self) -> list[_Entry[Window, Score]]:
        """One window: a caller who comes now waits for no more than that."""
        if not self._background or not self._may_idle():
            return []
        job = self._background[0]
        index = next(iter(job.queued))
        del job.queued[index]
        if not job.queued:
            self._background.popleft()
        self._running = job.windows[index].pieces
        return [(self._running, job.number, index, job)]

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
            with self._changed:
                self._running = 0

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
        seconds = max(time.monotonic() - started, 1e-6)
        facts = BatchFacts(
            tokens=sum(pieces for pieces, _, _, _ in batch),
            windows=len(batch),
            longest=batch[-1][0],
            seconds=seconds,
        )
        counted = max(facts.tokens, self._tokens_per_batch * _LEAST_SHARE)
        with self._changed:
            self._done_tokens = _SPEED_MEMORY * self._done_tokens + counted
            self._done_s = _SPEED_MEMORY * self._done_s + seconds
            self._running = max(self._running - facts.tokens, 0)  # before anybody gets an answer
        if self._on_batch:
            self._on_batch(facts)
        for job in dict.fromkeys(job for _, _, _, job in batch):
            if job.on_batch:
                job.on_batch(seconds)
        for (_, _, index, job), score in zip(batch, scores, strict=True):
            job.put(index, score)

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
