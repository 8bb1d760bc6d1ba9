"""Whether anybody's article is in work: background work (shadows) waits until none is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Foreground:
    """Counts callers' articles in work, over all models of a server.

    One event loop only, but for ``idle``, which any thread may read.
    """

    def __init__(self) -> None:
        self._articles = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._listeners: set[Callable[[], None]] = set()

    @property
    def idle(self) -> bool:
        return self._articles == 0

    @contextmanager
    def article(self) -> Iterator[None]:
        """Counts one."""
        self._articles += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._articles -= 1
            if not self._articles:
                self._idle.set()
                for listener in self._listeners:
                    listener()

    async def wait_idle(self) -> None:
        """Until none is in work, at this moment at least."""
        while self._articles:
            await self._idle.wait()

    def listen(self, when_idle: Callable[[], None]) -> None:
        """``when_idle`` is called each time the last one ends; it must not wait."""
        self._listeners.add(when_idle)

    def unlisten(self, when_idle: Callable[[], None]) -> None:
        self._listeners.discard(when_idle)
