"""Real servers around fake models, for tests of the wire."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from quotewire.extraction.extractor import Extractor
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window
from quotewire.pb.v1 import extraction_service_pb2_grpc, model_service_pb2_grpc
from quotewire.serving.lifecycle import Phase
from quotewire.serving.server import Server
from quotewire.serving.settings import Settings
from quotewire.serving.status import STATUS_HEADER, detail
from tests.fakes import SAID, FakeModel, fake_extractor

# One article with everything the fake model knows; its statements are in STORY_QUOTES.
STORY = (
    "Smith told Reuters that the bridge 🌉 is safe.\n"
    "Jones said 𝒩othing about it.\n"
    "Brown told him to wait."
)
STORY_QUOTES = ["that the bridge 🌉 is safe", "𝒩othing about it", "to wait"]
ATTITUDE = "Miller wants a new bridge."
# Makes PoisonedModel fail, with SECRET in its exception.
POISON = "said said said no more"
SECRET = "what the article says"

# Generous: a wait that runs into it is a failure, not a slow machine.
PATIENCE_S = 60.0


def settings(**changes: Any) -> Settings:
    return Settings(**{"port": 0, "models": ("fake",), "grace_s": PATIENCE_S, **changes})


class GatedModel(FakeModel):
    """Holds every batch back until the gate opens."""

    def __init__(self, *, is_open: bool = False) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()
        if is_open:
            self.gate.set()

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        self.entered.set()
        assert self.gate.wait(PATIENCE_S)
        return super().score(windows)

    def close_gate(self) -> None:
        self.entered.clear()
        self.gate.clear()


class PoisonedModel(FakeModel):
    """Fails on any batch with a window that begins as POISON does."""

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        for window in windows:
            tokens = window.tokens
            if (
                tokens.pieces[
                    tokens.first_piece[window.lo : min(window.hi, window.lo + 3)]
                ].tolist()
                == [SAID] * 3
            ):
                raise RuntimeError(SECRET)
        return super().score(windows)


@dataclass
class Running:
    """A server in a thread of its own, and stubs to call it with."""

    server: Server
    port: int
    loop: asyncio.AbstractEventLoop
    channel: grpc.Channel
    extraction: Any = field(init=False)
    models: Any = field(init=False)

    def __post_init__(self) -> None:
        self.extraction = extraction_service_pb2_grpc.ExtractionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def until_calls(self, count: int) -> None:
        """Waits until the server has ``count`` calls running."""
        until(lambda: self.server.lifecycle.calls == count)

    def until_queued(self) -> None:
        """Waits until something waits for the default model."""
        until(lambda: self.server.models.select("").queued_tokens > 0)

    def until_draining(self) -> None:
        until(lambda: self.server.lifecycle.phase is Phase.DRAINING)

    def begin_drain(self) -> Any:
        """Starts the drain that SIGTERM starts; a future that is done when it is."""
        return asyncio.run_coroutine_threadsafe(self.server.drain(), self.loop)

    def install(self, extractors: Sequence[Extractor]) -> Any:
        return asyncio.run_coroutine_threadsafe(self.server.install(extractors), self.loop)


@contextmanager
def running(
    *extractors: Extractor,
    ready: bool = True,
    load: Callable[[str], Extractor] | None = None,
    tracer_provider: Any = None,
    channel: Callable[[str], grpc.Channel] = grpc.insecure_channel,
    **changes: Any,
) -> Iterator[Running]:
    """A server on a free port; with ``ready`` False it listens, but has no models yet.

    With ``load`` it loads what its settings name; ``channel`` makes one to its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="test-server")
    thread.start()

    def wait(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE_S)

    async def make() -> Server:
        return Server(settings(**changes), load=load, tracer_provider=tracer_provider)

    server = wait(make())
    try:
        port = wait(server.start())
        if ready and load and not extractors:
            wait(server.load())
        elif ready:
            wait(server.install(extractors or [fake_extractor()]))
        with channel(f"127.0.0.1:{port}") as opened:
            yield Running(server=server, port=port, loop=loop, channel=opened)
    finally:
        wait(server.drain())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def until(condition: Callable[[], bool]) -> None:
    """Waits for what another thread brings about."""
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.005)


def rich_status(error: grpc.RpcError) -> Status:
    """The google.rpc.Status of a failed call; its code and message must match the call's own."""
    [raw] = [value for key, value in error.trailing_metadata() if key == STATUS_HEADER]
    status = Status.FromString(raw)
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    return status


def error_info(status: Status) -> ErrorInfo:
    info = detail(status, ErrorInfo())
    assert info is not None
    assert info.domain == "quotewire"
    return info


def violated_field(status: Status) -> str:
    """The one field that the status complains of."""
    assert error_info(status).reason == "INVALID_INPUT"
    request = detail(status, BadRequest())
    assert request is not None
    [violation] = request.field_violations
    assert violation.description
    return violation.field


def slice_by(text: str, encoding: str, start: int, end: int) -> str:
    """What a client with such strings sees between two offsets."""
    if encoding == "utf16":
        return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")
    if encoding == "utf8":
        return text.encode()[start:end].decode()
    return text[start:end]
