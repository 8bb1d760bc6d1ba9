"""A forward function that a test can hold back or make fail, and what is sent through it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from quotewire.serving.batcher import Batcher

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Piece:
    """A window; its score is its name in capitals."""

    name: str
    pieces: int = 10


class Forward:
    """Scores windows, one batch each time ``release`` is called (or freely once open)."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.sizes: list[list[int]] = []
        self.threads: list[int] = []
        self.workers: set[str] = set()
        self.entered = threading.Semaphore(0)
        self._permits = threading.Semaphore(0)
        self._free = False

    def __call__(self, windows: Sequence[Piece], threads: int) -> list[str]:
        self.batches.append([window.name for window in windows])
        self.sizes.append([window.pieces for window in windows])
        self.threads.append(threads)
        self.workers.add(threading.current_thread().name)
        self.entered.release()
        if not self._free:
            assert self._permits.acquire(timeout=PATIENCE_S)
        if any(window.name.startswith("poison") for window in windows):
            raise ValueError("poisoned")
        if any(window.name.startswith("exit") for window in windows):
            raise SystemExit("a library called exit()")
        return [window.name.upper() for window in windows]

    def wait_entered(self) -> None:
        assert self.entered.acquire(timeout=PATIENCE_S)

    def release(self) -> None:
        """Lets one batch through."""
        self._permits.release()

    def open(self) -> None:
        """Lets all through."""
        self._free = True
        self._permits.release(100)


def block(batcher: Batcher[Piece, str], forward: Forward) -> Future[list[str]]:
    """Occupies the worker, so that what is submitted next has to queue."""
    future = batcher.submit([Piece("blocker")])
    forward.wait_entered()
    return future


def submit(batcher: Batcher[Piece, str], *names: str, pieces: int = 10) -> Future[list[str]]:
    return batcher.submit([Piece(name, pieces) for name in names])
