"""A port that keeps being listened on.

grpc.aio's server closes its port for good where its main loop fails, and any stranger can make it
fail: grpcio (1.85) decodes the method of a call as strict UTF-8 before our code sees it.  The calls
that it has already taken live on.  So its port is given to a new server at once, and the old one is
kept until its last call is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import grpc

from quotewire.errors import ConfigError

logger = logging.getLogger(__name__)

# How often a server is asked whether it lives (seconds): a dead one is missed for no longer.
_CHECK_S = 0.1


class Listener:
    """One port, and the grpc.aio server that answers there.  One event loop only.

    ``make`` gives a server with its services, not started; ``bind`` gives it a port (0 for any
    free one), returns which, and raises ConfigError where it cannot.
    """

    def __init__(
        self, make: Callable[[], grpc.aio.Server], *, bind: Callable[[grpc.aio.Server, int], int]
    ) -> None:
        self._make = make
        self._bind = bind
        self._servers: list[grpc.aio.Server] = []  # the last one listens
        self._watch: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self, port: int) -> int:
        """Listens; the port."""
        await self._listen(port)
        self._watch = asyncio.create_task(self._keep_listening())
        return self.port

    async def _listen(self, port: int) -> None:
        server = self._make()
        self.port = self._bind(server, port)
        await server.start()
        self._servers.append(server)

    async def _keep_listening(self) -> None:
        while True:
            server = self._servers[-1]
            try:
                await server.wait_for_termination(_CHECK_S)
            except Exception as error:
                # Its message would quote what somebody sent.
                logger.warning(
                    "the gRPC server of port %d died (%s); listening again",
                    self.port,
                    type(error).__name__,
                )
                await self._listen_again()
                retiring = asyncio.create_task(self._retire(server))
                self._retiring.add(retiring)
                retiring.add_done_callback(self._retiring.discard)

    async def _listen_again(self) -> None:
        while True:
            try:
                return await self._listen(self.port)
            except ConfigError:  # the old server has not let go of the port yet
                await asyncio.sleep(_CHECK_S)

    async def _retire(self, server: grpc.aio.Server) -> None:
        """Lets a dead server's last calls end."""
        with suppress(Exception):  # what it died of, once more
            await server.wait_for_termination()
        await server.stop(None)
        self._servers.remove(server)

    async def stop(self, grace_s: float) -> None:
        """Takes no more calls; running ones are cut after ``grace_s`` (seconds)."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await asyncio.gather(*(server.stop(grace_s) for server in self._servers))
        await asyncio.gather(*self._retiring)
