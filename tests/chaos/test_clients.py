"""Clients that vanish, dawdle or send poison do not harm the others."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from quotewire.client import AsyncClient, Client
from quotewire.errors import ServiceError
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1 import extraction_service_pb2 as service_pb
from quotewire.pb.v1 import extraction_service_pb2_grpc
from quotewire.types import Article, Extraction
from tests.chaos.proxy import Wire
from tests.fakes import FakeModel, fake_extractor
from tests.load.harness import GIVE_UP_S, SOAK, article, check, report
from tests.serving.harness import (
    PATIENCE_S,
    POISON,
    GatedModel,
    PoisonedModel,
    running,
    until,
)

pytestmark = pytest.mark.timeout(GIVE_UP_S)
ROUNDS = 100 if SOAK else 3
VANISHING = 32


def test_what_vanished_clients_asked_for_is_dropped_and_the_others_are_served() -> None:
    model = GatedModel(is_open=True)
    with (
        running(fake_extractor(model=model)) as server,
        Client(server.target) as stays,
        ThreadPoolExecutor(1) as pool,
    ):
        for _ in range(ROUNDS):
            model.close_gate()
            seen = len(model.batches)
            in_model = pool.submit(stays.extract, article(6), timeout_s=PATIENCE_S)
            assert model.entered.wait(PATIENCE_S)
            with Wire(server.port) as wire:
                channel = grpc.insecure_channel(wire.target, options=[("grpc.enable_retries", 0)])
                stub = extraction_service_pb2_grpc.ExtractionServiceStub(channel)
                calls = [
                    stub.Extract.future(
                        service_pb.ExtractRequest(article=pb.Article(text=f"Lee said {n}."))
                    )
                    for n in range(VANISHING)
                ]
                stream = stub.ExtractStream(
                    service_pb.ExtractStreamRequest(article=pb.Article(text=f"Lee said {n}."))
                    for n in range(VANISHING)
                )
                server.until_calls(1 + VANISHING + 1)
                server.until_queued()
                wire.cut()
                channel.close()
                server.until_calls(1)
            # What had no answer yet may have been tried again, until the channel's end.
            gone = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
            assert {call.code() for call in calls} <= gone
            assert stream.code() is not grpc.StatusCode.OK
            model.gate.set()
            check(6, in_model.result(PATIENCE_S))
            check(7, stays.extract(article(7), timeout_s=PATIENCE_S))
            # The model never saw what those asked for who went away.
            assert sum(map(len, model.batches[seen:])) == 2
    report("vanishing clients", rounds=ROUNDS, calls=ROUNDS * (VANISHING + 1), left_behind=0)


def test_a_slow_reader_holds_up_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    """It asks for hundreds of long answers and reads none: the server stops working for it, keeps a
    bounded number of answers, and serves others.  One such reader gets everything in the end,
    another one goes away."""
    count, in_flight = (1000 if SOAK else 120), 4
    model = FakeModel()
    quote = "very " * 4000 + "long"  # 20 kB; HTTP/2's window is 64 kB

    def articles() -> Iterator[service_pb.ExtractStreamRequest]:
        for number in range(count):
            message = pb.Article(id=f"a{number}", text=f"Lee said it was {quote}.")
            yield service_pb.ExtractStreamRequest(article=message)

    def tokens() -> int:
        """What the model has seen of the long articles."""
        return sum(pieces for batch in model.batches for pieces in batch if pieces > 100)

    with (
        running(fake_extractor(model=model), max_in_flight_per_call=in_flight) as server,
        Client(server.target) as other,
        # Left alone, gRPC widens its window on a fast wire until all this fits.
        grpc.insecure_channel(server.target, options=[("grpc.http2.bdp_probe", 0)]) as channel,
    ):
        stub = extraction_service_pb2_grpc.ExtractionServiceStub(channel)
        for goes_away in (True, False):
            begun = tokens()
            stream = stub.ExtractStream(articles())
            until(lambda: tokens() > begun)  # noqa: B023
            before = -1
            while before != tokens():  # until it stands still while others are served
                before = tokens()
                for number in range(20):
                    check(number, other.extract(article(number), timeout_s=PATIENCE_S))
            standing = before - begun
            assert server.server.lifecycle.calls == 1
            if goes_away:
                stream.cancel()
                server.until_calls(0)
        ids = [response.answer.article_id for response in stream]
        assert sorted(ids) == sorted(f"a{number}" for number in range(count))
        assert standing < (tokens() - begun) / 2
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    report("slow reader", articles=count, answered_in_the_end=len(ids))


async def test_poison_fails_alone() -> None:
    """One article makes the model fail, wherever it stands: in a batch, in a stream, among many
    callers whose articles share the model's batches with it."""
    rounds = 50 if SOAK else 3
    got = Counter[str]()
    with running(fake_extractor(model=PoisonedModel())) as server:
        async with AsyncClient(server.target) as client:
            numbers = itertools.count()

            def mixed() -> list[tuple[int, Article]]:
                some = [next(numbers) for _ in range(16)]
                return [(n, Article(f"a{n}", POISON) if n % 16 == 5 else article(n)) for n in some]

            async def batch() -> None:
                asked = mixed()
                for (n, _), answer in zip(
                    asked, await client.batch([a for _, a in asked]), strict=True
                ):
                    judge(n, answer.extraction, answer.error)

            async def stream() -> None:
                asked = mixed()
                async for answer in client.extract_stream([a for _, a in asked], ordered=False):
                    judge(asked[answer.index][0], answer.extraction, answer.error)

            async def alone() -> None:
                for n, one in mixed():
                    try:
                        judge(n, await client.extract(one), None)
                    except ServiceError as error:
                        judge(n, None, error)

            def judge(n: int, extraction: Extraction | None, error: Exception | None) -> None:
                if n % 16 == 5:
                    assert isinstance(error, ServiceError)
                    assert (error.code, error.reason) == ("INTERNAL", "INTERNAL")
                    got["poison"] += 1
                else:
                    assert error is None
                    check(n, extraction)
                    got["good"] += 1

            for _ in range(rounds):
                async with asyncio.TaskGroup() as callers:
                    for kind in (batch, stream, alone) * 4:
                        callers.create_task(kind())
    assert got == {"poison": rounds * 12, "good": rounds * 12 * 15}
    report("poison", **got)
