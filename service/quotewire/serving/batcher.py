"""The worker threads of a model, which serve windows of many callers in batches.

Windows are grouped by length under a token budget, so that little is padded; there is no wait
timer: when a worker is free it takes what is there.  Alone, a batch gets all cores; where more
waits, the workers compute batches side by side with fewer threads each (cores.py).  The queue is
bounded in tokens (word pieces); room in it is reserved before an article is tokenised, so that what
waits for a tokeniser is bounded, too.  Work that nobody awaits any more is dropped before the model
sees it, and a batch that fails takes nobody down but the caller whose window made it fail.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic

from quotewire.errors import DeadlineError, DrainingError, OverloadedError
from quotewire.serving.cores import Cores, Share
from quotewire.serving.jobs import BatchFacts, Job, Score, Window
from quotewire.serving.window_queue import Entry, WindowQueue

logger = logging.getLogger(__name__)


# The model's speed is tokens by seconds over its last batches: what a batch weighs, compared with
# the one after it.
_SPEED_MEMORY = 0.9
# A batch takes some time however little is in it, so it counts as this share of a full one at
# least: a few tiny ones say nothing of how long a long article takes.
_LEAST_SHARE = 1 / 8
# Bounds of what a refused caller is told to wait (seconds).
_RETRY_AFTER_S = (0.1, 30.0)


@dataclass(frozen=True, slots=True)
class _Batch(Generic[Window, Score]):
    """Never empty; the longest window comes last."""

    entries: list[Entry[Window, Score]]
    share: Share


class Batcher(Generic[Window, Score]):
    """Serves ``forward`` to many callers.  All methods may be called from any thread.

    ``forward`` takes windows and how many threads it may use, and returns one score a window in the
    same order; it runs in the worker threads only, in as many at once as ``cores`` (the server's;
    without them, in one) let it.  ``tokens_per_batch`` bounds windows times longest window of a
    batch (a single longer window goes alone); ``max_queue_tokens`` is how many tokens may wait: one
    job more is accepted as long as fewer do, so that no job is refused for its own size.  Patient
    callers (streams) may fill half of it, so that they never shut out those who cannot wait.
    ``on_batch`` is told of every batch, in a worker thread.

    Background jobs get a window at a time, while nothing else waits and ``may_idle`` says that
    nobody's article is in work elsewhere; call nudge() when that becomes true.
    """

    def __init__(
        self,
        forward: Callable[[Sequence[Window], int], Sequence[Score]],
        *,
        tokens_per_batch: int,
        max_queue_tokens: int,
        cores: Cores | None = None,
        name: str = "model",
        on_batch: Callable[[BatchFacts], None] | None = None,
        may_idle: Callable[[], bool] = lambda: True,
    ) -> None:
        self._forward = forward
        self._cores = cores or Cores()
        self._may_idle = may_idle
        self._tokens_per_batch = tokens_per_batch
        self._max_queue_tokens = max_queue_tokens
        self._max_patient_tokens = max(max_queue_tokens // 2, 1)
        self._on_batch = on_batch
        self._changed = threading.Condition()
        # All below is guarded by _changed.
        self._queue: WindowQueue[Window, Score] = WindowQueue()
        self._reserved = 0  # tokens of those admitted, but not yet queued
        self._running = 0  # tokens in the model
        self._batches = 0  # of callers, in work
        self._next_number = 0
        self._done_tokens = self._done_s = 0.0  # of the last batches, the older the less
        self._room_waiters: list[Future[None]] = []
        self._closed = False
        self._workers = [
            threading.Thread(
                target=self._work, args=(number,), name=f"batcher-{name}-{number}", daemon=True
            )
            for number in range(self._cores.batches)
        ]
        for worker in self._workers:
            worker.start()

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
        on_batch: Callable[[float, float], None] | None = None,
    ) -> Future[list[Score]]:
        """Queues one caller's windows; the future gets their scores in order.

        ``deadline`` is a time.monotonic() value after which nobody wants the answer; cancel the
        future to withdraw.  Raises what reserve() raises, unless ``admitted`` by it.  The future
        fails with DeadlineError where the deadline passed in the queue, and with the model's own
        exception where the model failed.  ``background`` needs no room, and takes none.
        ``on_batch`` is told when each batch that held some of the windows began and ended
        (time.monotonic() values; two may overlap), in a worker thread, before the future is done.
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
                background=background,
                queued=dict.fromkeys(range(len(windows))),
            )
            self._next_number += 1
            self._queue.add(job, background=background)
            self._changed.notify_all()
        # What is withdrawn makes room at once, not when its turn comes.
        future.add_done_callback(lambda _: self._withdraw(job))
        return future

    def nudge(self) -> None:
        """Background work may go on."""
        if self._queue.background:  # read without the lock: who adds some notifies, too
            with self._changed:
                self._changed.notify_all()

    def check_room(self, *, deadline: float | None = None) -> None:
        """Raises what reserve() would raise now."""
        with self._changed:
            self._check_room(0, deadline=deadline, patient=False)

    @property
    def queued_tokens(self) -> int:
        """How many word pieces wait, those in running batches not counted."""
        with self._changed:
            return self._queue.tokens

    @property
    def max_queue_tokens(self) -> int:
        return self._max_queue_tokens

    @property
    def oldest_wait_s(self) -> float:
        """How long the oldest job with windows in the queue has waited (seconds); 0 for none."""
        with self._changed:
            since = min((job.since for job in self._queue.jobs), default=None)
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
        """Fails what is queued with DrainingError, waits for running batches, ends the workers."""
        with self._changed:
            self._closed = True
            jobs = [*self._queue.jobs, *self._queue.background]
            self._queue.forget(lambda job: True)
            self._tell_waiters()
            self._changed.notify_all()
        for job in jobs:
            job.fail(DrainingError("the model is being shut down"))
        for worker in self._workers:
            worker.join()

    # ------------------------------------------------------------ with _changed held

    def _check_room(self, tokens: int, *, deadline: float | None, patient: bool) -> None:
        if self._closed:
            raise DrainingError("the model is being shut down")
        waiting = self._queue.tokens + self._reserved
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
        if self._closed or self._queue.tokens + self._reserved < self._max_patient_tokens:
            waiters, self._room_waiters = self._room_waiters, []
            for waiter in waiters:
                if waiter.set_running_or_notify_cancel():
                    waiter.set_result(None)

    def _withdraw(self, job: Job[Window, Score]) -> None:
        if not job.future.cancelled():
            return
        with self._changed:
            if job.queued:
                self._queue.forget(lambda one: one is job)
                self._tell_waiters()

    def _drop_unwanted(self) -> None:
        now = time.monotonic()
        late = [job for job in self._queue.jobs if job.deadline is not None and job.deadline <= now]
        self._queue.forget(lambda job: job in late or job.future.done())
        for job in late:
            job.fail(DeadlineError("the deadline passed while the article was waiting"))

    def _cut(self, worker: int) -> _Batch[Window, Score] | None:
        """Takes the next batch for a worker out of the queue; None if nothing waits or no core is
        free for it."""
        self._drop_unwanted()
        queue = self._queue
        if not queue.tokens:
            return self._cut_background(worker)
        # One worker only computes with all cores: OpenMP keeps a team of threads for each that ever
        # did, and lets none of them wait awake for the next product once they outnumber the cores.
        share = self._cores.take(
            parts=max(queue.parts, 1), idle=not self._batches, all_of_them=worker == 0
        )
        if share is None:
            return None
        even = -(-queue.tokens // share.parts) if share.parts > 1 else self._tokens_per_batch
        entries = queue.cut(min(even, self._tokens_per_batch))
        self._batches += 1
        self._running += sum(entry[0] for entry in entries)
        self._tell_waiters()
        return _Batch(entries, share)

    def _cut_background(self, worker: int) -> _Batch[Window, Score] | None:
        """Only the last worker's, so that another one is there for a caller who comes; a batch that
        stands back for callers keeps no core from them."""
        last = len(self._workers) - 1
        if worker != last or not self._queue.background or not self._may_idle():
            return None
        entries = self._queue.cut_background()
        self._running += entries[0][0]
        return _Batch(entries, self._cores.aside)

    # ------------------------------------------------------------ the worker threads

    def _work(self, number: int) -> None:
        while True:
            with self._changed:
                while (batch := self._cut(number)) is None and not self._closed:
                    self._changed.wait()
            if batch is None:
                return
            try:
                self._score(batch.entries, batch.share)
            finally:
                with self._changed:
                    self._batches -= batch.share.counted
                    self._cores.give(batch.share)
                    self._changed.notify_all()

    def _score(self, batch: list[Entry[Window, Score]], share: Share) -> None:
        started = time.monotonic()
        try:
            windows = [job.windows[index] for _, _, index, job in batch]
            scores = self._forward(windows, share.threads)
            if len(scores) != len(batch):
                raise RuntimeError(f"{len(batch)} windows got {len(scores)} scores")
        # Everything: a worker that dies would hang every caller to come.
        except BaseException as error:
            self._isolate(batch, share, error)
            return
        ended = time.monotonic()
        facts = BatchFacts(
            tokens=sum(pieces for pieces, _, _, _ in batch),
            windows=len(batch),
            longest=batch[-1][0],
            seconds=max(ended - started, 1e-6),
        )
        counted = max(facts.tokens, self._tokens_per_batch * _LEAST_SHARE)
        with self._changed:
            if not batch[0][3].background:  # whose time is that of standing back, too
                self._done_tokens = _SPEED_MEMORY * self._done_tokens + counted
                # What it would have taken with all cores.
                seconds = facts.seconds * share.threads / self._cores.count
                self._done_s = _SPEED_MEMORY * self._done_s + seconds
            self._running -= facts.tokens  # before anybody gets an answer
        if self._on_batch:
            self._on_batch(facts)
        jobs = list(dict.fromkeys(job for _, _, _, job in batch))
        for job in jobs:
            if job.on_batch:
                job.on_batch(started, ended)
        with self._changed:  # another worker may have other windows of the same job
            for (_, _, index, job), score in zip(batch, scores, strict=True):
                job.put(index, score)
            finished = [job for job in jobs if not job.unscored]
        for job in finished:
            job.finish()

    def _isolate(
        self, batch: list[Entry[Window, Score]], share: Share, error: BaseException
    ) -> None:
        """After a failed batch: fails its only caller, or tries each caller's part alone."""
        jobs = list(dict.fromkeys(job for _, _, _, job in batch))
        if len(jobs) > 1:
            for job in jobs:
                part = [entry for entry in batch if entry[3] is job]
                if job.future.done():
                    self._give_up(part)
                else:
                    self._score(part, share)
            return
        logger.warning("a batch of %d windows failed: %s", len(batch), type(error).__name__)
        self._give_up(batch)
        jobs[0].fail(error)

    def _give_up(self, batch: list[Entry[Window, Score]]) -> None:
        with self._changed:
            self._running -= sum(entry[0] for entry in batch)
