"""Hostile articles, many of them: no crash, no INTERNAL, no memory kept."""

from __future__ import annotations

import random
import time
from collections import Counter

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
# One stream after the other: between two of them the server has nothing to do, and its memory is
# what it keeps, not what the articles in work need just now.
STREAMS, ARTICLES = (48, 500) if SOAK else (3, 100)
SEED = 20_261_122
REST_AFTER_S = 1.0
ENCODINGS = {1: "code points", 2: "utf16", 3: "utf8"}
# The caller's own faults.
FAULTS = {"INVALID_ARGUMENT", "NOT_FOUND"}


def test_hostile_articles_are_answered_or_refused_with_the_reason() -> None:
    chance = random.Random(SEED)
    got = Counter[str]()
    memory: list[int] = []  # of the server at rest, behind each stream
    with ServerProcess(rest_after_s=REST_AFTER_S) as server:
        for _ in range(STREAMS):
            requests = [hostile.request(chance) for _ in range(ARTICLES)]
            got += answered_by(server, requests)
            if SOAK:
                time.sleep(2 * REST_AFTER_S + 1.0)  # at rest, it gives back what is free
            memory.append(server.rss_bytes)
        with Client(server.target) as client:
            answered = client.extract(article(1))
            if answered.model.startswith("fake@"):
                check(1, answered)
        assert "ERROR" not in server.log
    assert got.total() == STREAMS * ARTICLES
    assert got["answered"] > got.total() // 2
    half = memory[len(memory) // 2 :]
    growth = max(half) / half[0] - 1
    report(
        "hostile articles",
        seed=SEED,
        **got,
        rss_half_mib=round(half[0] / 2**20, 1),
        rss_highest_mib=round(max(half) / 2**20, 1),
        rss_end_mib=round(half[-1] / 2**20, 1),
        growth_of_second_half=round(growth, 4),
    )
    if SOAK:  # a short run still warms up
        assert growth <= 0.05, memory


def answered_by(server: ServerProcess, requests: list[bytes]) -> Counter[str]:
    """What became of the requests, sent in one stream: "answered", or the code of a refusal."""
    got = Counter[str]()
    with grpc.insecure_channel(
        server.target, options=[("grpc.max_receive_message_length", -1)]
    ) as channel:
        stream = channel.stream_stream(
            "/quotewire.v1.ExtractionService/ExtractStream",
            response_deserializer=service_pb.ExtractStreamResponse.FromString,
        )
        for response in stream(iter(requests)):
            answer = response.answer
            if answer.HasField("extraction"):
                inspect(requests[answer.index], answer.extraction)
                got["answered"] += 1
                continue
            code = Code.Name(answer.error.code)
            # The log has the stack.
            assert code in FAULTS, (answer.error, requests[answer.index], server.log[-5000:])
            got[code] += 1
    return got


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
