"""What is known of the call that is being answered: for logs, metrics, traces and trailers."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field

from quotewire.serving.clients import Caller


def covered_s(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds in which at least one of ``spans`` (begin, end) was under way."""
    covered, until = 0.0, -math.inf
    for begin, end in sorted(spans):
        covered += max(end - max(begin, until), 0.0)
        until = max(until, end)
    return covered


@dataclass(slots=True)
class Timings:
    """Where the time of an article went, or of several together (seconds)."""

    queue_s: float = 0.0  # waiting for a worker, for room or for the model
    tokenise_s: float = 0.0
    encode_s: float = 0.0
    decode_s: float = 0.0

    def add(self, other: Timings) -> None:
        self.queue_s += other.queue_s
        self.tokenise_s += other.tokenise_s
        self.encode_s += other.encode_s
        self.decode_s += other.decode_s

    @property
    def total_s(self) -> float:
        return self.queue_s + self.tokenise_s + self.encode_s + self.decode_s

    def header(self) -> str:
        """As a Server-Timing header (W3C): durations in milliseconds."""
        steps = {
            "queue": self.queue_s,
            "tokenise": self.tokenise_s,
            "encode": self.encode_s,
            "decode": self.decode_s,
        }
        return ", ".join(f"{name};dur={1000 * seconds:.3f}" for name, seconds in steps.items())


@dataclass(slots=True)
class Call:
    """One call: ``method`` is its short name ("Extract"); ``asked`` the model that it asked for,
    ``models`` those that answered in it (``name@version``), ``variants`` those of experiments that
    did."""

    service: str
    method: str
    request_id: str
    caller: Caller
    started: float = field(default_factory=time.monotonic)
    timings: Timings = field(default_factory=Timings)
    asked: str = ""
    models: set[str] = field(default_factory=set)
    variants: set[str] = field(default_factory=set)
    articles: int = 0
    statements: int = 0

    @property
    def model(self) -> str:
        """The one model that it is about; empty where there are several or none."""
        models = self.models or {self.asked}
        return next(iter(models)) if len(models) == 1 else ""

    @property
    def variant(self) -> str:
        """Likewise the one variant."""
        return next(iter(self.variants)) if len(self.variants) == 1 else ""

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.started


CURRENT_CALL: ContextVar[Call] = ContextVar("quotewire_call")
