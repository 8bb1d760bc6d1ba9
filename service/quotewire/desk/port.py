"""The desk's own port: HTTP, or HTTPS with the server's certificate, in a running event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any, Final

import grpc
import uvicorn
from uvicorn.config import Config

from quotewire.desk.app import Desk
from quotewire.desk.respond import DeskOptions
from quotewire.desk.service import Service
from quotewire.errors import ConfigError
from quotewire.serving.settings import Settings, is_loopback
from quotewire.serving.tls import TlsFiles

logger = logging.getLogger(__name__)

# Requests at once; more are told so.  Each may hold an article or two.
_MAX_REQUESTS: Final = 256


class DeskPort:
    """start(), then drain(), in one event loop.

    ``target`` is any gRPC target of the server behind it; ``credentials`` None means plain text.
    Raises ConfigError where the setting ``desk`` is no address.
    """

    def __init__(
        self,
        settings: Settings,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        assert settings.desk is not None
        self._settings = settings
        self._host, self._port = host_and_port(settings.desk)
        self._target = target
        self._credentials = credentials
        self._service: Service | None = None
        self._server: _Quiet | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listens; the port.  Raises ConfigError where it cannot."""
        settings, host = self._settings, self._host
        opened = _listen(host, self._port)
        self._service = Service(self._target, credentials=self._credentials)
        desk = Desk(
            self._service,
            DeskOptions(
                max_text_bytes=min(settings.desk_max_text_bytes, settings.max_text_bytes),
                timeout_s=settings.desk_timeout_s,
                local_only=is_loopback(host),
            ),
        )
        tls = _Tls.of(settings)
        self._server = _Quiet(
            Config(
                desk.app(),
                log_config=None,  # logging is the process's own
                access_log=False,
                server_header=False,
                lifespan="off",
                ws="none",
                limit_concurrency=_MAX_REQUESTS,
                timeout_graceful_shutdown=int(max(settings.grace_s, 1)),
                **(tls.config() if tls else {}),
            )
        )
        self._serving = asyncio.create_task(self._server.serve(sockets=[opened]))
        listening = int(opened.getsockname()[1])
        scheme = "https" if tls else "http"
        shown = f"[{host}]" if ":" in host else host
        logger.info("desk on %s://%s:%d/", scheme, shown, listening)
        if not tls and not is_loopback(host):
            logger.warning(
                "the desk speaks plain text on %s: set tls_certificate and tls_key", host
            )
        return listening

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT and the drain that follows: a process of its own."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            await self.start()
            await stop.wait()
        finally:
            await self.drain()

    async def drain(self) -> None:
        """Takes no new requests; running ones may finish within grace_s."""
        if self._server is None or self._serving is None or self._service is None:
            return
        self._server.should_exit = True
        await self._serving
        await self._service.close()
        logger.info("desk drained")


def host_and_port(address: str) -> tuple[str, int]:
    """``HOST:PORT`` or ``[HOST]:PORT`` taken apart.  Raises ConfigError."""
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"desk: got {address!r}; allowed: HOST:PORT with a port from 0 to 65535")
    return host, int(port)


class _Quiet(uvicorn.Server):
    """Leaves signals to the process it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Tls:
    """The server's own certificates; changed files are taken at the next connection."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._seen = files.stamp()

    @classmethod
    def of(cls, settings: Settings) -> _Tls | None:
        """None for plain text.  Raises ConfigError where the files cannot be used."""
        if settings.tls_certificate is None or settings.tls_key is None:
            return None
        files = TlsFiles(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        files.configuration()  # says what is wrong with them
        return cls(files)

    def config(self) -> dict[str, Any]:
        """What uvicorn is told of them."""

        def context(_: Config, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
            def fresh(connection: ssl.SSLObject, *_: object) -> None:
                if replacement := self._changed(make):
                    made.context = replacement
                connection.context = made.context

            made = _Made(make())
            made.context.minimum_version = ssl.TLSVersion.TLSv1_2
            made.context.sni_callback = fresh
            return made.context

        files = self._files
        return {
            "ssl_certfile": str(files.certificate),
            "ssl_keyfile": str(files.key),
            "ssl_ca_certs": str(files.client_ca) if files.client_ca else None,
            "ssl_cert_reqs": ssl.CERT_REQUIRED if files.client_ca else ssl.CERT_NONE,
            "ssl_context_factory": context,
        }

    def _changed(self, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext | None:
        try:
            stamp = self._files.stamp()
            if stamp == self._seen:
                return None
            self._files.configuration()
            context = make()
        except (ConfigError, OSError) as error:
            logger.warning("the desk's old certificate stays in use: %s", error)
            return None
        self._seen = stamp
        return context


class _Made:
    """The context in use."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise ConfigError(
            f"desk: cannot listen on {host}:{port}: {error.strerror or error}"
        ) from None
