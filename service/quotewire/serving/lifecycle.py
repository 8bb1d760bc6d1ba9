"""Whether a server takes calls, how many it has, and what shares its life."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Protocol

from quotewire.errors import DrainingError, UnavailableError


class Phase(StrEnum):
    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"


class Lifecycle:
    """Starting, serving, draining: in this order and never back.  One event loop only."""

    def __init__(self) -> None:
        self._phase = Phase.STARTING
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = asyncio.Event()

    @property
    def phase(self) -> Phase:
        return self._phase

    @property
    def calls(self) -> int:
        """How many calls are running."""
        return self._calls

    def ready(self) -> None:
        if self._phase is Phase.STARTING:
            self._phase = Phase.SERVING

    def drain(self) -> None:
        self._phase = Phase.DRAINING
        self.draining.set()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Counts one call; raises UnavailableError or DrainingError where none is taken."""
        match self._phase:
            case Phase.STARTING:
                raise UnavailableError("the server is loading its models; come again in a moment")
            case Phase.DRAINING:
                raise DrainingError("the server is shutting down; ask another replica")
        self._calls += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def wait_idle(self, timeout_s: float) -> bool:
        """Waits until no call is running; False where ``timeout_s`` (seconds) passed first."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return False
        return True


class Neighbour(Protocol):
    """What lives beside the server in its process (the desk), as one of its clients."""

    async def start(self) -> object:
        """Begins to listen, before there are models.  Raises ConfigError where it cannot."""

    async def drain(self) -> None:
        """Ends as the server does, while the server drains."""
