"""Whether anybody's article is in work: background work (shadows) waits until none is."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# How long nothing must have been in work until a server counts as idle (seconds): what is left to
# do for an article when it has been answered (its message, its rows in the logs) takes one or two
# thousandths, and is done by then.
SETTLE_S = 0.01
# How long a step of background work stands still in all (seconds): callers may wait for something
# that it holds, such as a lock.
LONGEST_PAUSE_S = 0.25
# How often a thread that stands still looks whether it had better go on (seconds).
_LOOK_S = 0.002


class Foreground:
    """Counts callers' articles in work, over all models of a server.  It is *idle* once none has
    been for ``settle_s`` seconds, and no longer from the moment at which the next one comes.

    One event loop only, but for ``idle`` and ``standing_back``, which any thread may use.
    """

    def __init__(
        self, *, settle_s: float = SETTLE_S, longest_pause_s: float = LONGEST_PAUSE_S
    ) -> None:
        self._settle_s = settle_s
        self._longest_pause_s = longest_pause_s
        self._articles = 0
        self._settled_at = 0.0  # the loop's time, while none is in work
        self._timer: asyncio.TimerHandle | None = None
        # The same for the event loop and for threads.
        self._idle, self._idle_threads = asyncio.Event(), threading.Event()
        self._become_idle()
        self._listeners: set[Callable[[], None]] = set()

    @property
    def idle(self) -> bool:
        return self._idle_threads.is_set()

    @contextmanager
    def article(self) -> Iterator[None]:
        """Counts one."""
        self._articles += 1
        self._idle.clear()
        self._idle_threads.clear()
        try:
            yield
        finally:
            self._articles -= 1
            if not self._articles:
                loop = asyncio.get_running_loop()
                self._settled_at = loop.time() + self._settle_s
                # One timer for however many articles: under load it costs next to nothing.
                if self._timer is None:
                    self._timer = loop.call_at(self._settled_at, self._settle)

    async def wait_idle(self) -> None:
        """Until it is idle, at this moment at least."""
        while not self.idle:
            await self._idle.wait()

    def listen(self, when_idle: Callable[[], None]) -> None:
        """``when_idle`` is called each time it becomes idle; it must not wait."""
        self._listeners.add(when_idle)

    def unlisten(self, when_idle: Callable[[], None]) -> None:
        self._listeners.discard(when_idle)

    @contextmanager
    def standing_back(self, *, unless: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """For background work in a thread of its own: in the middle of whatever it does inside, the
        thread stands still while the server is not idle, for ``longest_pause_s`` in all at most,
        and not while ``unless`` holds.  A caller who comes finds interpreter and cores free.

        Python calls a profile function (sys.setprofile) at each call and return of a function in
        this thread: a point to stop at every few microseconds, in code that knows nothing of it.
        """
        left_s = self._longest_pause_s
        idle, wait = self._idle_threads.is_set, self._idle_threads.wait

        def give_way(frame: FrameType, event: str, argument: Any) -> None:
            nonlocal left_s
            if idle() or left_s <= 0 or unless():
                return
            began = time.monotonic()
            while not wait(_LOOK_S) and time.monotonic() - began < left_s and not unless():
                pass
            left_s -= time.monotonic() - began

        before = sys.getprofile()
        sys.setprofile(give_way)
        try:
            yield
        finally:
            sys.setprofile(before)

    # ------------------------------------------------------------ in the event loop

    def _settle(self) -> None:
        self._timer = None
        if self._articles:
            return  # the last one to end sets the timer
        loop = asyncio.get_running_loop()
        if loop.time() < self._settled_at:
            self._timer = loop.call_at(self._settled_at, self._settle)
            return
        self._become_idle()
        for listener in list(self._listeners):
            listener()

    def _become_idle(self) -> None:
        self._idle_threads.set()
        self._idle.set()
