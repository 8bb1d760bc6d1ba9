"""The gRPC server: starts, warms up, serves, drains.

``run(settings)`` is the whole life of a server process; ``serve(settings, extractors)`` is the same
server inside a running event loop, for tests and for programs that bring their own models.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from quotewire.errors import ConfigError
from quotewire.pb.v1 import (
    extraction_service_pb2,
    extraction_service_pb2_grpc,
    model_service_pb2,
    model_service_pb2_grpc,
)
from quotewire.serving.hosting import ModelHost, ModelHosts
from quotewire.serving.interceptors import Edge
from quotewire.serving.lifecycle import Lifecycle
from quotewire.serving.servicers import ExtractionServicer, ModelServicer
from quotewire.serving.settings import Settings

if TYPE_CHECKING:
    from quotewire.extraction.extractor import Extractor

logger = logging.getLogger(__name__)

SERVICES = (
    extraction_service_pb2.DESCRIPTOR.services_by_name["ExtractionService"].full_name,
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"].full_name,
)
# Time for the last answers' bytes to leave, after their handlers are done (seconds).
FLUSH_S = 1.0


class Server:
    """One server; its methods are called in this order, in one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.lifecycle = Lifecycle()
        self.hosts = ModelHosts()
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="extract")
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(
            interceptors=[
                Edge(self.lifecycle, max_request_bytes=settings.max_request_bytes),
            ],
            options=[
                ("grpc.max_receive_message_length", settings.max_message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_connection_age_ms", settings.max_connection_age_s * 1000),
                # Our clients ping idle connections every 60 s; gRPC's default forbids that.
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
                # A second server on the same port is a mistake, not a load balancer.
                ("grpc.so_reuseport", 0),
            ],
        )

    async def start(self) -> int:
        """Listens, NOT_SERVING as yet; the port.  Raises ConfigError where it cannot."""
        # The library's servicer starts as SERVING.
        await self._set_health(serving=False)
        extraction_service_pb2_grpc.add_ExtractionServiceServicer_to_server(
            ExtractionServicer(self.hosts, lifecycle=self.lifecycle, settings=self._settings),
            self._server,
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelServicer(self.hosts), self._server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        address = f"{host}:{self._settings.port}"
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise ConfigError(
                f"host, port: cannot listen on {address} (in use, or not an address of this "
                "machine?)"
            ) from error
        await self._server.start()
        logger.info("listening on %s:%d, loading models", host, port)
        return port

    async def install(self, extractors: Iterable[Extractor]) -> None:
        """Warms the models up, then serves with them; raises what a model's warm-up raises."""
        for extractor in extractors:
            host = ModelHost(extractor, pool=self._pool, settings=self._settings)
            self.hosts.add(host)
            await host.warm_up()
        self.lifecycle.ready()
        await self._set_health(serving=True)
        logger.info("serving %s", ", ".join(host.info.tag for host in self.hosts))

    async def drain(self) -> None:
        """Health flips, new calls get UNAVAILABLE, running ones may finish within grace_s."""
        logger.info("draining, for %g seconds at most", self._settings.grace_s)
        ends = time.monotonic() + self._settings.grace_s
        await self._health.enter_graceful_shutdown()
        self.lifecycle.drain()
        # The port stays open meanwhile: health checks and new callers are told, not cut off.
        if not await self.lifecycle.wait_idle(self._settings.grace_s):
            logger.warning("calls still running after %g seconds are cut", self._settings.grace_s)
        # Health watches never end by themselves, so this is no place for the whole grace time.
        await self._server.stop(min(FLUSH_S, max(ends - time.monotonic(), 0.0)))
        await self.hosts.close()
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        logger.info("drained")

    async def _set_health(self, *, serving: bool) -> None:
        answer = health_pb2.HealthCheckResponse
        status = answer.SERVING if serving else answer.NOT_SERVING
        for service in ("", *SERVICES):
            await self._health.set(service, status)


@asynccontextmanager
async def serve(settings: Settings, extractors: Iterable[Extractor]) -> AsyncIterator[int]:
    """A ready server around loaded extractors, the first one the default; yields its port."""
    server = Server(settings)
    try:
        port = await server.start()
        await server.install(extractors)
        yield port
    finally:
        await server.drain()


def load_models(settings: Settings) -> list[Extractor]:
    """The models that the settings name.  Raises ModelNotFoundError, ModelFolderError."""
    # Imported late: torch takes seconds, and the port answers health checks meanwhile.
    from quotewire.extraction.extractor import Extractor

    return [Extractor.load(name, threads=settings.model_threads) for name in settings.models]


def run(
    settings: Settings, *, load: Callable[[Settings], Sequence[Extractor]] = load_models
) -> None:
    """Loads the models and serves until SIGTERM or SIGINT and the drain that follows.

    Says what it does by logging only.  A second signal ends the process at once.  Raises
    ModelNotFoundError or ModelFolderError where a model cannot be loaded, ConfigError where the
    port cannot be had.
    """
    asyncio.run(_run(settings, load))


async def _run(settings: Settings, load: Callable[[Settings], Sequence[Extractor]]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked_to_stop(name: str) -> None:
        logger.info("got %s", name)
        stop.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop, number.name)
    server = Server(settings)
    try:
        await server.start()
        extractors = await asyncio.to_thread(load, settings)
        if not stop.is_set():
            await server.install(extractors)
        await stop.wait()
    finally:
        await server.drain()
