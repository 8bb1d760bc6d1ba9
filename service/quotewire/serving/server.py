"""The gRPC server: starts, warms up, serves, reloads, drains.

``run(settings)`` is the whole life of a server process; ``serve(settings, extractors)`` is the same
server inside a running event loop, for tests and for programs that bring their own models.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from quotewire.errors import ConfigError, QuotewireError
from quotewire.interpreter import keep_for_good, tune_interpreter
from quotewire.pb.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    extraction_service_pb2,
    extraction_service_pb2_grpc,
    feedback_service_pb2,
    feedback_service_pb2_grpc,
    model_service_pb2,
    model_service_pb2_grpc,
)
from quotewire.serving.admin import AdminServicer, reload
from quotewire.serving.clients import ClientEntry, Clients, read_token_file
from quotewire.serving.configuration import Configuration
from quotewire.serving.cores import Cores
from quotewire.serving.experiments import Experiments
from quotewire.serving.hosting import ModelHost
from quotewire.serving.interceptors import Edge
from quotewire.serving.lifecycle import Lifecycle, Neighbour, Phase
from quotewire.serving.loading import cores_of, loader
from quotewire.serving.metrics import Metrics, MetricsPort
from quotewire.serving.registry import ModelRegistry
from quotewire.serving.resting import Resting
from quotewire.serving.servicers import ExtractionServicer, ModelServicer
from quotewire.serving.settings import Settings, is_loopback
from quotewire.serving.tls import TlsFiles
from quotewire.serving.tracing import Tracing, otlp_provider

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from quotewire.extraction.extractor import Extractor

logger = logging.getLogger(__name__)

SERVICES = (
    extraction_service_pb2.DESCRIPTOR.services_by_name["ExtractionService"].full_name,
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"].full_name,
    feedback_service_pb2.DESCRIPTOR.services_by_name["FeedbackService"].full_name,
)
ADMIN_SERVICE = admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"].full_name
# Time for the last answers' bytes to leave, after their handlers are done (seconds).
FLUSH_S = 1.0


class Server:
    """One server: start(), then load() or install(), then drain(), in one event loop.

    ``load`` makes an extractor of a model's name or folder; ``tracer_provider`` gets its spans.
    ``door`` is one more address to listen on (``unix:PATH``), in plain text, for this process.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        load: Callable[[str], Extractor] | None = None,
        tracer_provider: TracerProvider | None = None,
        door: str | None = None,
    ) -> None:
        self._settings = settings
        self._door = door
        self.lifecycle = Lifecycle()
        self.models = ModelRegistry()
        self.metrics = Metrics()
        self.metrics.watch(self.models, serving=lambda: self.lifecycle.phase is Phase.SERVING)
        self._tracing = Tracing(tracer_provider)
        self._clients = Clients()
        self._cores: Cores | None = None  # known with the first model
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="extract")
        self._experiments = Experiments(self.models, metrics=self.metrics, settings=settings)
        self._resting = Resting(self._experiments.foreground, after_s=settings.rest_after_s)
        self.configuration = Configuration(
            settings,
            registry=self.models,
            clients=self._clients,
            load=load or loader(settings),
            host=self._host,
            experiments=self._experiments.trials.replace,
        )
        self._health = health.aio.HealthServicer()
        self._admin: grpc.aio.Server | None = None
        self._metrics_port: MetricsPort | None = None
        self.admin_port: int | None = None
        self.metrics_port: int | None = None
        self._server = self._make_server(
            Edge(
                self.lifecycle,
                clients=self._clients,
                metrics=self.metrics,
                tracing=self._tracing,
                max_request_bytes=settings.max_request_bytes,
                max_call_s=settings.max_call_s,
            )
        )

    def _host(self, extractor: Extractor, digest: str) -> ModelHost:
        self._cores = self._cores or cores_of(self._settings)
        return ModelHost(
            extractor,
            pool=self._pool,
            settings=self._settings,
            cores=self._cores,
            foreground=self._experiments.foreground,
            background_pool=self._experiments.pool,
            digest=digest,
            on_batch=self.metrics.batch,
        )

    def _make_server(self, edge: Edge) -> grpc.aio.Server:
        settings = self._settings
        return grpc.aio.server(
            interceptors=[edge],
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
        settings = self._settings
        self.configuration.read_clients()
        # The library's servicer starts as SERVING.
        await self._set_health(serving=False)
        extraction_service_pb2_grpc.add_ExtractionServiceServicer_to_server(
            ExtractionServicer(
                self.models,
                lifecycle=self.lifecycle,
                metrics=self.metrics,
                tracing=self._tracing,
                trials=self._experiments.trials,
                settings=settings,
            ),
            self._server,
        )
        feedback_service_pb2_grpc.add_FeedbackServiceServicer_to_server(
            self._experiments.feedback, self._server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelServicer(self.models), self._server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        port = self._listen(self._server, "", settings.host, settings.port)
        if self._door:
            self._server.add_insecure_port(self._door)
        if settings.admin_port is not None:
            self._admin = self._make_admin()
            self.admin_port = self._listen(
                self._admin, "admin_", settings.admin_host, settings.admin_port
            )
            await self._admin.start()
            logger.info("admin on %s:%d", settings.admin_host, self.admin_port)
        if settings.metrics_port is not None:
            self._metrics_port = MetricsPort(
                self.metrics, host=settings.metrics_host, port=settings.metrics_port
            )
            self.metrics_port = self._metrics_port.port
            logger.info("metrics on %s:%d", settings.metrics_host, self.metrics_port)
        await self._server.start()
        self._warn_of_open_doors()
        logger.info("listening on %s:%d, loading models", _bracketed(settings.host), port)
        return port

    def _make_admin(self) -> grpc.aio.Server:
        token_file = self._settings.admin_token_file
        tokens = [ClientEntry("admin", read_token_file(token_file))] if token_file else []
        server = self._make_server(
            Edge(
                None,
                clients=Clients(tokens),
                metrics=self.metrics,
                tracing=self._tracing,
                max_request_bytes=self._settings.max_request_bytes,
            )
        )
        admin_service_pb2_grpc.add_AdminServiceServicer_to_server(
            AdminServicer(
                self.configuration,
                models=self.models,
                lifecycle=self.lifecycle,
                metrics=self.metrics,
            ),
            server,
        )
        reflection.enable_server_reflection((ADMIN_SERVICE, reflection.SERVICE_NAME), server)
        return server

    def _listen(self, server: grpc.aio.Server, prefix: str, host: str, port: int) -> int:
        """Raises ConfigError naming the settings."""
        address = f"{_bracketed(host)}:{port}"
        credentials = self._credentials()
        try:
            if credentials:
                return server.add_secure_port(address, credentials)
            return server.add_insecure_port(address)
        except RuntimeError as error:
            raise ConfigError(
                f"{prefix}host, {prefix}port: cannot listen on {address} (in use, or not an "
                "address of this machine?)"
            ) from error

    def _credentials(self) -> grpc.ServerCredentials | None:
        settings = self._settings
        if settings.tls_certificate is None or settings.tls_key is None:
            return None
        files = TlsFiles(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        return files.credentials()

    def _warn_of_open_doors(self) -> None:
        settings = self._settings
        if is_loopback(settings.host):
            return
        if settings.tls_certificate is None:
            logger.warning("plain text on %s: set tls_certificate and tls_key", settings.host)
        if not len(self._clients) and settings.tls_client_ca is None:
            logger.warning(
                "anybody who reaches %s may call: set clients_file or tls_client_ca", settings.host
            )

    async def load(self) -> None:
        """Loads and warms up the configured models, then serves with them.

        Raises ConfigError, ModelNotFoundError or ModelFolderError.
        """
        await self.configuration.reload()
        await self._ready()

    async def install(self, extractors: Iterable[Extractor]) -> None:
        """Likewise with these models; raises what a model's warm-up raises."""
        await self.configuration.install(extractors)
        await self._ready()

    async def _ready(self) -> None:
        if self.lifecycle.phase is Phase.DRAINING:
            return
        self.lifecycle.ready()
        await self._set_health(serving=True)
        logger.info("serving %s", ", ".join(host.info.tag for host in self.models))

    async def reload(self) -> None:
        """What SIGHUP asks for: reads the configuration again; what is wrong with it is logged,
        and everything stays as it was."""
        try:
            await reload(self.configuration, metrics=self.metrics)
        except QuotewireError as error:
            logger.error("the new configuration is refused, the old one stays: %s", error)
        except Exception as error:  # of a model's own: the server must live on
            logger.error("the reload failed, everything stays: %s", type(error).__name__)

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
        if self._admin:
            await self._admin.stop(FLUSH_S)
        self._resting.close()
        await self._experiments.stop_shadows()
        await self.configuration.close()
        await self._experiments.close()
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        if self._metrics_port:
            await asyncio.to_thread(self._metrics_port.close)
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


def run(
    settings: Settings,
    *,
    load: Callable[[str], Extractor] | None = None,
    neighbour: Callable[[str], Neighbour] | None = None,
) -> None:
    """Loads the models and serves until SIGTERM or SIGINT and the drain that follows.

    SIGHUP reloads the configuration.  Says what it does by logging only.  A second SIGTERM ends
    the process at once.  Raises ModelNotFoundError or ModelFolderError where a model cannot be
    loaded, ConfigError where a file or a port cannot be had.  ``load`` makes an extractor of each
    of the settings' models, where that is not to be loaded from its folder.  ``neighbour`` makes,
    of the server's address inside this process, what is to live beside it.
    """
    tune_interpreter()
    with TemporaryDirectory(prefix="quotewire-") as private:  # nobody else may look into it
        asyncio.run(_run(settings, load, neighbour, door=f"unix:{private}/grpc"))


async def _run(
    settings: Settings,
    load: Callable[[str], Extractor] | None,
    neighbour: Callable[[str], Neighbour] | None,
    *,
    door: str,
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loads: set[asyncio.Task[None]] = set()

    def asked_to_stop(name: str) -> None:
        logger.info("got %s", name)
        stop.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    def asked_to_reload() -> None:
        logger.info("got SIGHUP")
        task = loop.create_task(server.reload())
        loads.add(task)
        task.add_done_callback(loads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop, number.name)
    provider = otlp_provider(settings.otlp_endpoint) if settings.otlp_endpoint else None
    beside = neighbour(door) if neighbour else None
    server = Server(settings, load=load, tracer_provider=provider, door=door if neighbour else None)
    loop.add_signal_handler(signal.SIGHUP, asked_to_reload)
    try:
        await server.start()
        if beside:
            await beside.start()
        loads.add(first := loop.create_task(server.load()))
        stopping = loop.create_task(stop.wait())
        await asyncio.wait({first, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if first.done():
            loads.remove(first)
            first.result()
            keep_for_good()
            await stopping
        # What is being loaded now is for nobody any more: the drain does not wait for it.
        for task in loads:
            task.cancel()
        await asyncio.gather(*loads, return_exceptions=True)
    finally:
        await asyncio.gather(server.drain(), *([beside.drain()] if beside else []))
        if provider:
            await asyncio.to_thread(provider.shutdown)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
