"""Servers that are killed, and servers whose models change under load."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest

from quotewire.client import AsyncClient, Client
from quotewire.errors import UnavailableError
from quotewire.types import Article, Extraction
from tests.load.harness import GIVE_UP_S, PATIENCE_S, SOAK, ServerProcess, article, check, report

pytestmark = pytest.mark.timeout(GIVE_UP_S)
KILLS = 5 if SOAK else 1
RELOADS = 10


def test_kill_9_loses_no_article() -> None:
    """Two replicas, one of them killed in mid-work (and started again), again and again: a stream
    gets every answer; single calls fail with UnavailableError at worst and work when repeated."""
    count = 400 * KILLS
    repeated = 0
    with (
        ServerProcess(tokens_per_s=50_000) as first,
        ServerProcess(tokens_per_s=50_000) as second,
        Client(f"ipv4:{first.target},{second.target}") as client,
    ):
        replicas = [first, second]
        victims = iter(range(KILLS))

        def kill_one() -> None:
            victim = next(victims)
            replicas[victim % 2].kill()
            if victim + 1 < KILLS:
                replicas[victim % 2] = ServerProcess(
                    port=replicas[victim % 2].port, tokens_per_s=50_000
                )
                replicas[victim % 2].until_serving()

        taken = 0
        for answer in client.extract_stream(map(article, range(count)), in_flight=16):
            check(answer.index, answer.extraction)
            taken += 1
            if taken % 400 == 100:
                kill_one()
        assert taken == count
        for number in range(50):
            while True:
                try:
                    check(number, client.extract(article(number), timeout_s=PATIENCE_S))
                    break
                except UnavailableError:
                    repeated += 1
        for replica in replicas:
            replica.kill()
    report("kill -9", kills=KILLS, streamed=taken, lost=0, calls_repeated=repeated)


async def test_ten_reloads_under_load_fail_no_call() -> None:
    """SIGHUP loads the model anew, as another version: callers go from one to the next without
    noticing, and each answer comes from one that there was."""
    versions = Counter[str]()
    over = asyncio.Event()

    def saw(number: int, extraction: Extraction | None) -> None:
        check(number, extraction)
        versions[extraction.model if extraction else ""] += 1

    async def alone(client: AsyncClient, numbers: Iterator[int]) -> None:
        while not over.is_set():
            number = next(numbers)
            saw(number, await client.extract(article(number), timeout_s=PATIENCE_S))

    async def stream(client: AsyncClient) -> None:
        async def articles() -> AsyncIterator[Article]:
            for number in itertools.count():
                if over.is_set():
                    return
                yield article(number)

        async for answer in client.extract_stream(articles()):
            saw(answer.index, answer.extraction)

    with ServerProcess(tokens_per_s=20_000) as server:
        async with AsyncClient(server.target) as client, asyncio.TaskGroup() as callers:
            numbers = itertools.count()
            for _ in range(16):
                callers.create_task(alone(client, numbers))
            callers.create_task(stream(client))
            for reload in range(1, RELOADS + 1):
                server.reload()
                # A new version's first answers, while those before are still at work.
                while versions[f"fake@1.0.{reload}"] < (200 if SOAK else 10):
                    await asyncio.sleep(0.01)
            over.set()
        assert "ERROR" not in server.log
    # The first version may have been gone before anybody asked it.
    assert versions.keys() | {"fake@1.0.0"} == {f"fake@1.0.{n}" for n in range(RELOADS + 1)}
    report("reloads under load", reloads=RELOADS, answered=versions.total(), failed=0)
