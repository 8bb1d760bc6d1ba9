"""Hostile articles, many of them: no crash, no INTERNAL, no memory kept."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import grpc
import pytest
from google.rpc.code_pb2 import Code

from quotewire.client import Client
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1 import extraction_service_pb2 as service_pb
from quotewire.types import Article, ExtractOptions
from tests.chaos import hostile
from tests.fakes import fake_extractor
from tests.load.harness import GIVE_UP_S, SOAK, ServerProcess, article, check, report
from tests.serving.harness import slice_by

pytestmark = pytest.mark.timeout(GIVE_UP_S)
ARTICLES = 24_000 if SOAK else 300
SEED = 20_261_122
ENCODINGS = {1: "code points", 2: "utf16", 3: "utf8"}
# The caller's own faults.
FAULTS = {"INVALID_ARGUMENT", "NOT_FOUND"}


def test_hostile_articles_are_answered_or_refused_with_the_reason() -> None:
    chance = random.Random(SEED)
    requests = (hostile.request(chance) for _ in range(ARTICLES))
    sent: list[bytes] = []
    got = Counter[str]()
    memory: list[int] = []
    failures: list[tuple[str, bytes]] = []

    def sending() -> Iterator[bytes]:
        for request in requests:
            sent.append(request)
            yield request

    with ServerProcess() as server:
        with grpc.insecure_channel(
            server.target, options=[("grpc.max_receive_message_length", -1)]
        ) as channel:
            stream = channel.stream_stream(
                "/quotewire.v1.ExtractionService/ExtractStream",
                response_deserializer=service_pb.ExtractStreamResponse.FromString,
            )
            for number, response in enumerate(stream(sending())):
                answer = response.answer
                if answer.HasField("extraction"):
                    inspect(sent[answer.index], answer.extraction)
                    got["answered"] += 1
                else:
                    code = Code.Name(answer.error.code)
                    got[code] += 1
                    if code not in FAULTS:
                        failures.append((answer.error.message, sent[answer.index]))
                sent[answer.index] = b""
                if number % 200 == 0:
                    memory.append(server.rss_bytes)
            memory.append(server.rss_bytes)
        with Client(server.target) as client:
            answered = client.extract(article(1))
            if answered.model.startswith("fake@"):
                check(1, answered)
        # The log has the stacks.
        assert failures == [], server.log[-5000:]
        assert "ERROR" not in server.log
    assert got.total() == ARTICLES
    assert got["answered"] > ARTICLES // 2
    half = memory[len(memory) // 2 :]
    growth = max(half) / half[0] - 1
    report(
        "hostile articles",
        seed=SEED,
        **got,
        rss_half_mib=round(half[0] / 2**20, 1),
        rss_end_mib=round(half[-1] / 2**20, 1),
        growth_of_second_half=round(growth, 4),
    )
    if SOAK:  # a short run still warms up
        assert growth <= 0.05


def inspect(request: bytes, extraction: pb.Extraction) -> None:
    """The offsets of an answer cut its words out of the article, in the encoding asked for."""
    text = service_pb.ExtractStreamRequest.FromString(request).article.text
    encoding = ENCODINGS[extraction.offset_encoding]
    for statement in extraction.statements:
        assert 0.0 <= statement.confidence <= 1.0
        cut = [slice_by(text, encoding, span.start, span.end) for span in statement.quote.spans]
        assert " … ".join(cut) == statement.quote.text
        mentions = [statement.cue, *(one.mention for one in statement.intermediaries)]
        if statement.HasField("speaker") and statement.speaker.HasField("mention"):
            mentions.append(statement.speaker.mention)
        for mention in mentions:
            assert slice_by(text, encoding, mention.start, mention.end) == mention.text


@pytest.mark.parametrize("text", hostile.ONCE_HARMFUL)
def test_what_once_did_harm_does_none_any_more(text: str) -> None:
    options = ExtractOptions(all_acts=True, min_confidence=0.0)
    extraction = fake_extractor().extract(Article("a", text), options=options)
    assert extraction.article_id == "a"
