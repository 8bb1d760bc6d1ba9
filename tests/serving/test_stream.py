"""ExtractStream through a real server."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import grpc
import pytest
from google.rpc.code_pb2 import Code
from hypothesis import given, settings
from hypothesis import strategies as st

from quotewire.experiments.assignment import made_id
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1.extraction_service_pb2 import ExtractStreamRequest, ExtractStreamResponse
from tests.fakes import fake_extractor
from tests.serving.harness import (
    PATIENCE_S,
    POISON,
    STORY,
    STORY_QUOTES,
    GatedModel,
    PoisonedModel,
    Running,
    error_info,
    rich_status,
    running,
    slice_by,
    until,
    violated_field,
)

MAX_REQUEST_BYTES = 10_000


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(
        fake_extractor(model=PoisonedModel()),
        max_in_flight_per_call=4,
        max_request_bytes=MAX_REQUEST_BYTES,
        max_text_bytes=MAX_REQUEST_BYTES,
    ) as server:
        yield server


def request(text: str, article_id: str = "", **fields: object) -> ExtractStreamRequest:
    return ExtractStreamRequest(article=pb.Article(id=article_id, text=text), **fields)  # type: ignore[arg-type]


class Conversation:
    """A stream that a test writes to and reads from at its own pace."""

    def __init__(self, server: Running) -> None:
        self._requests: queue.SimpleQueue[ExtractStreamRequest | None] = queue.SimpleQueue()
        self.call = server.extraction.ExtractStream(
            iter(self._requests.get, None), timeout=PATIENCE_S
        )

    def send(self, message: ExtractStreamRequest) -> None:
        self._requests.put(message)

    def half_close(self) -> None:
        self._requests.put(None)

    def read(self) -> pb.Answer:
        return next(self.call).answer


def answers(server: Running, *requests: ExtractStreamRequest) -> dict[int, pb.Answer]:
    responses = server.extraction.ExtractStream(iter(requests), timeout=PATIENCE_S)
    got = [response.answer for response in responses]
    by_index = {answer.index: answer for answer in got}
    assert len(by_index) == len(got) == len(requests)
    return by_index


def test_every_article_is_answered_under_its_index_and_id(server: Running) -> None:
    got = answers(server, *(request(f"Smith said number {n}.", f"a{n}") for n in range(25)))
    for n in range(25):
        assert got[n].article_id == got[n].extraction.article_id == f"a{n}"
        [statement] = got[n].extraction.statements
        assert statement.quote.text == f"number {n}"


def test_ids_may_repeat_and_be_empty(server: Running) -> None:
    got = answers(server, request("x", "same"), request("y", "same"), request("z"))
    assert [got[n].article_id for n in range(3)] == ["same", "same", made_id("z")]


def test_an_empty_stream_ends_well(server: Running) -> None:
    assert answers(server) == {}


def test_answers_come_before_the_stream_is_closed(server: Running) -> None:
    conversation = Conversation(server)
    for n in range(3):
        conversation.send(request(STORY, f"a{n}"))
        answer = conversation.read()
        assert answer.index == n
        assert [one.quote.text for one in answer.extraction.statements] == STORY_QUOTES
    conversation.half_close()
    with pytest.raises(StopIteration):
        conversation.read()
    assert conversation.call.code() is grpc.StatusCode.OK


def test_each_request_has_options_of_its_own(server: Running) -> None:
    encodings = {
        "code_points": pb.OFFSET_ENCODING_CODE_POINTS,
        "utf16": pb.OFFSET_ENCODING_UTF16,
        "utf8": pb.OFFSET_ENCODING_UTF8,
    }
    got = answers(
        server,
        *(
            request(STORY, options=pb.ExtractOptions(offset_encoding=number))
            for number in encodings.values()
        ),
    )
    for index, encoding in enumerate(encodings):
        cues = [one.cue for one in got[index].extraction.statements]
        assert [slice_by(STORY, encoding, cue.start, cue.end) for cue in cues] == [
            "told",
            "said",
            "told",
        ]


BAD = {
    "unknown model": (request("x", "bad", model="nobody"), Code.NOT_FOUND, None),
    "no article": (ExtractStreamRequest(), Code.INVALID_ARGUMENT, "article"),
    "long id": (request("x", "i" * 300), Code.INVALID_ARGUMENT, "article.id"),
    "too large": (request("x" * MAX_REQUEST_BYTES, "bad"), Code.INVALID_ARGUMENT, "request"),
    "bad confidence": (
        request("x", "bad", options=pb.ExtractOptions(min_confidence=2)),
        Code.INVALID_ARGUMENT,
        "options.min_confidence",
    ),
    "unknown encoding": (
        request("x", "bad", options=pb.ExtractOptions(offset_encoding=77)),  # type: ignore[arg-type]
        Code.INVALID_ARGUMENT,
        "options.offset_encoding",
    ),
    "failing model": (request(POISON, "bad"), Code.INTERNAL, None),
}


@pytest.mark.parametrize(("bad", "code", "field"), BAD.values(), ids=BAD.keys())
def test_a_bad_article_gets_its_own_status_and_the_stream_goes_on(
    server: Running, bad: ExtractStreamRequest, code: int, field: str | None
) -> None:
    got = answers(server, request(STORY, "one"), bad, request(STORY, "three"))
    for index in (0, 2):
        assert len(got[index].extraction.statements) == 3
    assert got[1].WhichOneof("outcome") == "error"
    assert got[1].error.code == code
    assert error_info(got[1].error).reason
    if field:
        assert violated_field(got[1].error) == field


def test_malformed_bytes_get_a_status_and_the_stream_goes_on(server: Running) -> None:
    method = server.channel.stream_stream(
        "/quotewire.v1.ExtractionService/ExtractStream",
        response_deserializer=ExtractStreamResponse.FromString,
    )
    raw = [b"\xff\xff", request(STORY, "good").SerializeToString()]
    responses = method(iter(raw), timeout=PATIENCE_S)
    got = {response.answer.index: response.answer for response in responses}
    assert violated_field(got[0].error) == "request"
    assert got[1].article_id == "good"
    assert len(got[1].extraction.statements) == 3


def test_a_client_that_only_writes_is_held_back_and_loses_nothing() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model), max_in_flight_per_call=2) as server:
        model.close_gate()
        before = len(model.batches)
        stream = server.extraction.ExtractStream(
            iter([request(f"Smith said {n} things.") for n in range(50)]), timeout=PATIENCE_S
        )
        assert model.entered.wait(PATIENCE_S)
        model.gate.set()
        assert {response.answer.index for response in stream} == set(range(50))
        assert max(map(len, model.batches[before:])) <= 2


def test_streams_wait_for_room_in_the_queue() -> None:
    with running(fake_extractor(), max_queue_tokens=1, max_in_flight_per_call=16) as server:
        got = answers(server, *(request(STORY, f"a{n}") for n in range(40)))
        assert {answer.WhichOneof("outcome") for answer in got.values()} == {"extraction"}


def test_a_client_that_cancels_leaves_the_server_well() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model)) as server:
        model.close_gate()
        conversation = Conversation(server)
        for n in range(5):
            conversation.send(request(STORY, f"a{n}"))
        assert model.entered.wait(PATIENCE_S)
        conversation.call.cancel()
        server.until_calls(0)
        conversation.half_close()
        model.gate.set()
        assert len(answers(server, request(STORY))) == 1


def test_a_client_whose_deadline_passes_leaves_the_server_well() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model)) as server:
        model.close_gate()
        stream = server.extraction.ExtractStream(iter([request(STORY)]), timeout=0.1)
        with pytest.raises(grpc.RpcError) as caught:
            next(stream)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        server.until_calls(0)
        model.gate.set()
        assert len(answers(server, request(STORY))) == 1


def test_a_draining_server_answers_what_it_took_and_ends_the_stream() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model)) as server:
        model.close_gate()
        conversation = Conversation(server)
        conversation.send(request(STORY, "taken"))
        assert model.entered.wait(PATIENCE_S)
        drained = server.begin_drain()
        opening = threading.Timer(0.1, model.gate.set)
        opening.start()
        answer = conversation.read()
        opening.join()
        assert answer.article_id == "taken"
        assert len(answer.extraction.statements) == 3
        with pytest.raises(grpc.RpcError) as caught:
            conversation.read()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert error_info(rich_status(caught.value)).reason == "DRAINING"
        conversation.half_close()
        drained.result(PATIENCE_S)


IDLE_S = 1.0


def test_a_stream_that_stands_still_is_ended_with_the_reason() -> None:
    with running(max_idle_s=IDLE_S) as server:
        for articles in (0, 1):
            conversation = Conversation(server)
            for _ in range(articles):
                conversation.send(request(STORY))
                assert len(conversation.read().extraction.statements) == 3
            with pytest.raises(grpc.RpcError) as caught:
                conversation.read()
            assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert error_info(rich_status(caught.value)).reason == "STREAM_IDLE"
            server.until_calls(0)
            conversation.half_close()
        assert len(answers(server, request(STORY))) == 1


def test_a_stream_that_the_server_works_for_does_not_stand_still() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model), max_idle_s=IDLE_S) as server:
        model.close_gate()
        conversation = Conversation(server)
        conversation.send(request(STORY))
        assert model.entered.wait(PATIENCE_S)
        opening = threading.Timer(2 * IDLE_S, model.gate.set)
        opening.start()
        assert len(conversation.read().extraction.statements) == 3
        opening.join()
        conversation.half_close()


def test_a_client_that_takes_no_answers_is_ended_as_well() -> None:
    """Its answers are worked out, and then nothing moves: HTTP/2's window is full."""
    quote = "very " * 4000 + "long"
    with (
        running(max_idle_s=IDLE_S, max_in_flight_per_call=4) as server,
        # Left alone, gRPC widens its window on a fast wire until all this fits.
        grpc.insecure_channel(server.target, options=[("grpc.http2.bdp_probe", 0)]) as channel,
    ):
        stub = Running(server.server, server.port, server.loop, channel).extraction
        stream = stub.ExtractStream(request(f"Smith said it was {quote}.") for _ in range(100))
        until(lambda: server.server.lifecycle.calls == 1)
        server.until_calls(0)
        with pytest.raises(grpc.RpcError) as caught:
            list(stream)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert error_info(rich_status(caught.value)).reason == "STREAM_IDLE"


# How many statements each of these texts holds.
STATEMENTS = {STORY: 3, "": 0, "Smith said 🌉 yes.": 1, "nothing here": 0}


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.sampled_from([STORY, "", POISON, "Smith said 🌉 yes.", "nothing here"]), max_size=12
    )
)
def test_any_mixture_is_answered_whole(server: Running, texts: list[str]) -> None:
    got = answers(server, *(request(text) for text in texts))
    for index, text in enumerate(texts):
        assert (got[index].WhichOneof("outcome") == "error") == (text == POISON)
        assert len(got[index].extraction.statements) == {STORY: 3, "Smith said 🌉 yes.": 1}.get(
            text, 0
        )
