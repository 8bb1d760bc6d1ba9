"""Many callers, and more calls than can be answered."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo

from quotewire.client import AsyncClient
from quotewire.pb.v1 import extraction_service_pb2 as service_pb
from quotewire.pb.v1 import extraction_service_pb2_grpc
from quotewire.serving import convert
from quotewire.serving.interceptors import PUSHBACK_HEADER
from quotewire.serving.status import detail
from quotewire.types import Article
from tests.load.harness import GIVE_UP_S, PATIENCE_S, SOAK, ServerProcess, article, check, report
from tests.serving.harness import error_info, rich_status

CALLERS = 64
# The soak runs for a time, the short version for a number of calls of each caller.
SOAK_S = 60.0
SHORT_CALLS = 3
pytestmark = pytest.mark.timeout(GIVE_UP_S)


async def test_64_callers_lose_nothing() -> None:
    """Single calls, batches and streams at once: each article gets its own answer, once."""
    numbers = itertools.count()
    answered = Counter[str]()
    begun = time.monotonic()

    def more(calls: int) -> bool:
        return time.monotonic() - begun < SOAK_S if SOAK else calls < SHORT_CALLS

    async def alone(client: AsyncClient) -> None:
        for calls in itertools.count():
            if not more(calls):
                return
            number = next(numbers)
            check(number, await client.extract(article(number), timeout_s=PATIENCE_S))
            answered["alone"] += 1

    async def in_batches(client: AsyncClient) -> None:
        for calls in itertools.count():
            if not more(calls):
                return
            batch = [next(numbers) for _ in range(8)]
            answers = await client.batch(map(article, batch))
            for number, answer in zip(batch, answers, strict=True):
                check(number, answer.extraction)
            answered["in batches"] += len(batch)

    async def in_a_stream(client: AsyncClient) -> None:
        sent: list[int] = []

        async def articles() -> AsyncIterator[Article]:
            for calls in itertools.count():
                if not more(calls // 8):
                    return
                sent.append(next(numbers))
                yield article(sent[-1])

        async for answer in client.extract_stream(articles()):
            check(sent[answer.index], answer.extraction)
            answered["in streams"] += 1

    with ServerProcess() as server:
        clients = [AsyncClient(server.target) for _ in range(8)]
        ways = [alone] * 6 + [in_batches, in_a_stream]
        async with asyncio.TaskGroup() as callers:
            for number in range(CALLERS):
                callers.create_task(ways[number % 8](clients[number // 8]))
        for client in clients:
            await client.close()
        seconds = time.monotonic() - begun
        assert "ERROR" not in server.log
    # Every number was checked against its own answer above; here: none was forgotten.
    assert answered.total() == next(numbers)
    report(
        "64 callers",
        seconds=round(seconds, 1),
        answered=answered.total(),
        lost=0,
        per_second=round(answered.total() / seconds),
        **answered,
    )


# ---------------------------------------------------------------- overload

# The model's speed: some 40 of these articles a second, far less than Python's own limits.
WORDS = 200
TOKENS_PER_S = 10_000.0
# How long each phase of the soak is (seconds), and how long its callers wait for an answer.
PHASE_S = 20.0
DEADLINE_S = 4.0
OVERLOAD = 10


async def test_ten_times_too_many_calls_do_not_keep_the_server_from_its_work() -> None:
    """What cannot be answered in time is refused at once, in a form that clients can act upon, and
    what was accepted is answered; a stream waits for room instead."""
    settings: dict[str, Any] = {"tokens_per_batch": 1024, "max_queue_tokens": 10_000}
    with ServerProcess(tokens_per_s=TOKENS_PER_S, **settings) as server:
        async with (
            grpc.aio.insecure_channel(
                server.target, options=[("grpc.enable_retries", 0)]
            ) as channel,
            AsyncClient(server.target) as client,
        ):
            stub: Any = extraction_service_pb2_grpc.ExtractionServiceStub(channel)

            async def call(number: int, timeout_s: float) -> str:
                message = convert.article_to_proto(article(number, words=WORDS))
                try:
                    response = await stub.Extract(
                        service_pb.ExtractRequest(article=message), timeout=timeout_s
                    )
                except grpc.aio.AioRpcError as error:
                    return refusal(error)
                extraction = convert.extraction_from_proto(response.extraction)
                check(number, extraction, words=WORDS)
                return "answered"

            async def streamed(count: int) -> int:
                articles = (article(n, words=WORDS) for n in range(count))
                done = 0
                async for answer in client.extract_stream(articles, in_flight=4):
                    check(answer.index, answer.extraction, words=WORDS)
                    done += 1
                return done

            if SOAK:
                peak = await closed_loop(call)
                ends = time.monotonic() + PHASE_S
                got, seconds = await open_loop(call, rate=OVERLOAD * peak, ends=ends)
                goodput = got["answered"] / seconds
                report(
                    "10 times overload",
                    peak_per_second=round(peak, 1),
                    offered_per_second=round(got.total() / PHASE_S, 1),
                    goodput_per_second=round(goodput, 1),
                    goodput_of_peak=round(goodput / peak, 3),
                    **got,
                )
                assert goodput >= 0.85 * peak
            else:
                # All at once, many times what the queue holds; nobody's deadline is short, so
                # everything accepted must be answered however slow the machine.
                stream = asyncio.create_task(streamed(20))
                tasks = [call(number, PATIENCE_S) for number in range(300)]
                got = Counter(await asyncio.gather(*tasks))
                assert await stream == 20
                assert got.keys() == {"answered", "refused"}
            assert got["refused"] > got["answered"]
            # And it is as good as new.
            assert await call(0, PATIENCE_S) == "answered"
        assert "ERROR" not in server.log


async def closed_loop(call: Any) -> float:
    """Answers per second of a server that always has enough to do, but never too much."""
    ends = time.monotonic() + PHASE_S
    numbers = itertools.count()
    got = Counter[str]()

    async def caller() -> None:
        while time.monotonic() < ends:
            got[await call(next(numbers), PATIENCE_S)] += 1

    begun = time.monotonic()
    async with asyncio.TaskGroup() as callers:
        for _ in range(16):
            callers.create_task(caller())
    assert got.keys() == {"answered"}
    return got["answered"] / (time.monotonic() - begun)


async def open_loop(call: Any, *, rate: float, ends: float) -> tuple[Counter[str], float]:
    """Calls at a pace of their own, whatever becomes of those before; outcomes and seconds."""
    begun = time.monotonic()
    tasks = []
    for number in itertools.count():
        due = begun + number / rate
        if due >= ends:
            break
        await asyncio.sleep(max(due - time.monotonic(), 0))
        tasks.append(asyncio.create_task(call(number, DEADLINE_S)))
    got = Counter(await asyncio.gather(*tasks))
    return got, time.monotonic() - begun


def refusal(error: grpc.aio.AioRpcError) -> str:
    """Fails unless the refusal says all that docs/errors.md promises."""
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "late"
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED, error
    status = rich_status(error)
    assert error_info(status).reason == "OVERLOADED"
    retry = detail(status, RetryInfo())
    assert retry is not None
    seconds = retry.retry_delay.ToNanoseconds() / 1e9
    assert 0 < seconds <= 30
    pushback = dict(error.trailing_metadata() or ())[PUSHBACK_HEADER]
    assert abs(int(pushback) / 1000 - seconds) < 0.002
    return "refused"
