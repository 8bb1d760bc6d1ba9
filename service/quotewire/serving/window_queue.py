"""What waits for a model: the windows of many callers, in order of their length."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic

from quotewire.serving.jobs import Job, Score, Window

# A queued window: (pieces, number of its job, its index in the job, the job).  The first three
# order the queue by length, then by age; no two entries share them.
Entry = tuple[int, int, int, Job[Window, Score]]

# By what share of the longest window batches side by side may differ: beyond it, the core that is
# done first has nothing to do for longer than it gained.
_UNEVEN = 0.25


class WindowQueue(Generic[Window, Score]):
    """Not for several threads at once.  ``tokens`` (word pieces) are those of callers' windows;
    background jobs have no part in them."""

    def __init__(self) -> None:
        self.tokens = 0
        self._entries: list[Entry[Window, Score]] = []  # ascending
        self._jobs: deque[Job[Window, Score]] = deque()  # those with queued windows
        self._background: deque[Job[Window, Score]] = deque()  # likewise; not in _entries

    @property
    def jobs(self) -> Iterable[Job[Window, Score]]:
        """Callers' jobs with queued windows."""
        return self._jobs

    @property
    def background(self) -> Iterable[Job[Window, Score]]:
        return self._background

    @property
    def parts(self) -> int:
        """Into how many batches of about even work the windows of callers could be cut."""
        return int(self.tokens / self._entries[-1][0] + _UNEVEN) if self._entries else 0

    def add(self, job: Job[Window, Score], *, background: bool) -> None:
        if background:
            self._background.append(job)
            return
        for index, window in enumerate(job.windows):
            insort(self._entries, (window.pieces, job.number, index, job))
        self._jobs.append(job)
        self.tokens += job.tokens

    def forget(self, unwanted: Callable[[Job[Window, Score]], bool]) -> None:
        """Takes all queued windows of unwanted jobs out."""
        gone = {job for job in (*self._jobs, *self._background) if unwanted(job)}
        if gone:
            self._entries = [entry for entry in self._entries if entry[3] not in gone]
            self._jobs = deque(job for job in self._jobs if job not in gone)
            self._background = deque(job for job in self._background if job not in gone)
            self.tokens = sum(entry[0] for entry in self._entries)

    def cut(self, budget: int) -> list[Entry[Window, Score]]:
        """Takes the next batch out, longest window last: windows times longest window are within
        ``budget``, or it is a single one.  There must be one.

        The jobs take turns in naming the batch's first window, so a long article does not hold up
        the short ones behind it and nobody starves; the batch is filled up with the windows
        nearest to it in length.
        """
        job = self._jobs[0]
        self._jobs.rotate(-1)
        first = next(iter(job.queued))
        low = bisect_left(self._entries, (job.windows[first].pieces, job.number, first, job))
        high, longest = low + 1, self._entries[low][0]
        # Invariant: the batch is entries[low:high]; its longest window comes last.
        while True:
            rows = high - low + 1
            shorter = low > 0 and rows * longest <= budget
            longer = high < len(self._entries) and rows * self._entries[high][0] <= budget
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
        self.tokens -= sum(entry[0] for entry in batch)
        for _, _, index, owner in batch:
            del owner.queued[index]
        if any(not owner.queued for _, _, _, owner in batch):
            self._jobs = deque(job for job in self._jobs if job.queued)
        return batch

    def cut_background(self) -> list[Entry[Window, Score]]:
        """One window: a caller who comes now waits for no more than that.  There must be one."""
        job = self._background[0]
        index = next(iter(job.queued))
        del job.queued[index]
        if not job.queued:
            self._background.popleft()
        return [(job.windows[index].pieces, job.number, index, job)]
