"""Batchers for tests of the batcher alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quotewire.serving.batcher import Batcher
from quotewire.serving.cores import Cores
from tests.serving.batches import Forward, Piece


@pytest.fixture
def forward() -> Forward:
    return Forward()


@pytest.fixture
def batcher(forward: Forward) -> Iterator[Batcher[Piece, str]]:
    made = Batcher(forward, tokens_per_batch=40, max_queue_tokens=100)
    yield made
    forward.open()
    made.close()


@pytest.fixture
def pair(forward: Forward) -> Iterator[Batcher[Piece, str]]:
    """Two workers."""
    made = Batcher(forward, tokens_per_batch=40, max_queue_tokens=400, cores=Cores(2, batches=2))
    yield made
    forward.open()
    made.close()
