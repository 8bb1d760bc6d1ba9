"""The processor's cores, shared out among the batches that a server's models compute at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """``threads`` for the next batch, which is to hold one of ``parts`` of what waits.

    What is not ``counted`` is lent beside the others' shares.
    """

    threads: int
    parts: int
    counted: bool = True


class Cores:
    """Counts what is in use; all methods from any thread.

    What waits alone gets every core that is free: its answer is there soonest.  What can be cut
    into even parts is computed part beside part, each with a share of the cores: small products
    gain less from a second thread than from a second batch (docs/performance.md).  The shares of
    all models together never exceed the cores, but for one thing: a model with nothing in work
    always gets the least share, so that no model waits for another one.
    """

    def __init__(self, count: int = 1, *, batches: int = 1) -> None:
        """At most ``batches`` of one model at once, and no more than there are cores."""
        self.count = count
        self._least = -(-count // min(batches, count))
        self._free = count
        self._lock = threading.Lock()

    @property
    def batches(self) -> int:
        """How many batches of one model there can be at once."""
        return self.count // self._least

    def take(self, *, parts: int, idle: bool, all_of_them: bool) -> Share | None:
        """Cores for one of ``parts`` (one at least) into which a model could evenly cut what waits
        for it; None where none are free for it.  ``idle``: the model has nothing in work.
        ``all_of_them``: whether the asker may have all cores.  give() them back."""
        with self._lock:
            free = max(self._free, self._least if idle else 0)
            if free < self._least:
                return None
            parts = max(min(parts, free // self._least), 1)
            threads = free // parts
            if threads == self.count > self._least and not all_of_them:
                return None
            self._free -= threads
            return Share(threads, parts)

    @property
    def aside(self) -> Share:
        """The least share, for background work, which stands back by itself."""
        return Share(threads=self._least, parts=1, counted=False)

    def give(self, share: Share) -> None:
        if share.counted:
            with self._lock:
                self._free += share.threads
