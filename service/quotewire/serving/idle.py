"""A stream that stands still is ended: an open one costs memory, and holds up a drain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from quotewire.errors import StreamIdleError


class IdleLimit:
    """Cancels the ``async with`` block that it guards, and raises StreamIdleError behind it, where
    nothing moves for ``limit_s`` (seconds): nothing comes from the client, no answer is taken by
    it, and the server has nothing to do for it, either.

    One event loop only.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._clock = asyncio.timeout(limit_s)
        self._working = 0

    async def __aenter__(self) -> IdleLimit:
        await self._clock.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._clock.__aexit__(kind, error, trace)
        except TimeoutError:
            raise StreamIdleError(
                f"nothing came and no answer was taken for {self._limit_s:g} s, all this server "
                "gives a stream that stands still; begin another one when there is more to send"
            ) from None

    def moved(self) -> None:
        """Something came or went: the time begins anew."""
        if not self._working and not self._clock.expired():
            self._clock.reschedule(asyncio.get_running_loop().time() + self._limit_s)

    @contextmanager
    def working(self) -> Iterator[None]:
        """The server has something to do: no time passes meanwhile."""
        self._working += 1
        if not self._clock.expired():
            self._clock.reschedule(None)
        try:
            yield
        finally:
            self._working -= 1
            self.moved()
