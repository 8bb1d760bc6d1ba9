"""Extract through a real server."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quotewire.experiments.assignment import made_id
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1.extraction_service_pb2 import ExtractRequest
from quotewire.serving import convert
from quotewire.serving.status import detail
from quotewire.types import Article, ExtractOptions
from tests.fakes import fake_extractor
from tests.serving.harness import (
    ATTITUDE,
    PATIENCE_S,
    POISON,
    SECRET,
    STORY,
    STORY_QUOTES,
    GatedModel,
    PoisonedModel,
    Running,
    error_info,
    rich_status,
    running,
    slice_by,
    violated_field,
)

ENCODINGS = {
    "code_points": pb.OFFSET_ENCODING_CODE_POINTS,
    "utf16": pb.OFFSET_ENCODING_UTF16,
    "utf8": pb.OFFSET_ENCODING_UTF8,
}
MAX_TEXT_BYTES = 6_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    extractors = [
        fake_extractor(model=PoisonedModel()),
        fake_extractor("other", "2.0.0"),
        fake_extractor("other", "1.0.0"),
    ]
    with running(
        *extractors, max_text_bytes=MAX_TEXT_BYTES, max_request_bytes=MAX_TEXT_BYTES + 1000
    ) as server:
        yield server


def extract(
    server: Running, text: str, *, article_id: str = "a", model: str = "", **options: object
) -> pb.Extraction:
    request = ExtractRequest(
        article=pb.Article(id=article_id, text=text),
        options=pb.ExtractOptions(**options),  # type: ignore[arg-type]
        model=model,
    )
    return server.extraction.Extract(request, timeout=PATIENCE_S).extraction


def refused(server: Running, request: ExtractRequest) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        server.extraction.Extract(request, timeout=PATIENCE_S)
    return caught.value


def test_a_story_gets_its_statements(server: Running) -> None:
    extraction = extract(server, STORY)
    assert extraction.article_id == "a"
    assert extraction.model == "fake@1.0.0"
    assert extraction.offset_encoding == pb.OFFSET_ENCODING_CODE_POINTS
    first, second, third = extraction.statements
    assert [one.quote.text for one in extraction.statements] == STORY_QUOTES
    assert [one.cue.text for one in extraction.statements] == ["told", "said", "told"]
    assert first.speaker.mention.text == "Smith"
    [relay] = first.intermediaries
    assert relay.mention.text == "Reuters"
    assert relay.kind == pb.INTERMEDIARY_KIND_OUTLET
    assert not first.HasField("addressee")
    assert third.addressee.text == "him"
    assert not second.intermediaries
    assert {one.act for one in extraction.statements} == {pb.ACT_STATEMENT}
    assert all(0 <= one.confidence <= 1 for one in extraction.statements)
    assert len({one.id for one in extraction.statements}) == 3


def test_the_server_answers_what_the_extractor_answers(server: Running) -> None:
    article = Article("a", STORY, title="A bridge", publisher="The Paper")
    options = ExtractOptions(all_acts=True, min_confidence=0.0)
    request = ExtractRequest(
        article=convert.article_to_proto(article), options=convert.options_to_proto(options)
    )
    answer = server.extraction.Extract(request, timeout=PATIENCE_S).extraction
    assert convert.extraction_from_proto(answer) == fake_extractor().extract(
        article, options=options
    )


def test_attitudes_come_on_request_only(server: Running) -> None:
    assert not extract(server, ATTITUDE).statements
    assert not extract(server, ATTITUDE, acts=pb.ACT_SELECTION_STATEMENTS).statements
    [attitude] = extract(server, ATTITUDE, acts=pb.ACT_SELECTION_ALL).statements
    assert attitude.act == pb.ACT_ATTITUDE


def test_min_confidence_leaves_out_the_less_certain(server: Running) -> None:
    everything = extract(server, STORY, min_confidence=0.0).statements
    assert len(everything) == 3
    assert not extract(server, STORY, min_confidence=1.0).statements


@pytest.mark.parametrize(
    "text", ["", " \n\t\u00a0\u3000 \r\n", "1234 … ?! —", "🌉\x00\u202e\u200b"]
)
def test_texts_without_words_get_an_empty_answer(server: Running, text: str) -> None:
    extraction = extract(server, text)
    assert extraction.article_id == "a"
    assert not extraction.statements


def test_an_article_without_id_gets_one_of_its_text(server: Running) -> None:
    first, again = (extract(server, STORY, article_id="") for _ in range(2))
    assert first.article_id == again.article_id == made_id(STORY)


def test_a_language_sent_is_the_language_answered(server: Running) -> None:
    request = ExtractRequest(article=pb.Article(text="Schmidt said nein.", language="de"))
    assert server.extraction.Extract(request, timeout=PATIENCE_S).extraction.language == "de"


@pytest.mark.parametrize(
    ("selector", "answered_by"),
    [
        ("", "fake@1.0.0"),
        ("fake", "fake@1.0.0"),
        ("other", "other@2.0.0"),
        ("other@1.0.0", "other@1.0.0"),
    ],
)
def test_the_model_asked_for_answers(server: Running, selector: str, answered_by: str) -> None:
    assert extract(server, STORY, model=selector).model == answered_by


@pytest.mark.parametrize("selector", ["nobody", "fake@9", "fake@", "Fake"])
def test_an_unknown_model_is_not_found(server: Running, selector: str) -> None:
    error = refused(server, ExtractRequest(article=pb.Article(text="x"), model=selector))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    info = error_info(rich_status(error))
    assert info.reason == "MODEL_NOT_FOUND"
    assert info.metadata["model"] == selector
    assert info.metadata["known"].split(",") == ["fake@1.0.0", "other@2.0.0", "other@1.0.0"]


ARTICLE = pb.Article(text=STORY)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (ExtractRequest(), "article"),
        (ExtractRequest(article=pb.Article(id="x" * 257)), "article.id"),
        (ExtractRequest(article=pb.Article(text="x" * (MAX_TEXT_BYTES + 1))), "article.text"),
        (ExtractRequest(article=pb.Article(title="x" * (MAX_TEXT_BYTES + 1000))), "request"),
        (ExtractRequest(article=ARTICLE, model="m" * 100_000), "model"),
        (
            ExtractRequest(article=ARTICLE, options=pb.ExtractOptions(offset_encoding=99)),  # type: ignore[arg-type]
            "options.offset_encoding",
        ),
        (
            ExtractRequest(article=ARTICLE, options=pb.ExtractOptions(acts=99)),  # type: ignore[arg-type]
            "options.acts",
        ),
        *(
            (
                ExtractRequest(article=ARTICLE, options=pb.ExtractOptions(min_confidence=value)),
                "options.min_confidence",
            )
            for value in (-0.1, 1.1, math.nan)
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_names_its_field(server: Running, request_: ExtractRequest, field: str) -> None:
    error = refused(server, request_)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violated_field(rich_status(error)) == field


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xff\xff",
        # article { text: "\xed\xa0\x80" }: a lone surrogate, which is no UTF-8.
        b"\x0a\x05\x12\x03\xed\xa0\x80",
    ],
)
def test_malformed_bytes_are_the_callers_fault(server: Running, raw: bytes) -> None:
    method = server.channel.unary_unary("/quotewire.v1.ExtractionService/Extract")
    with pytest.raises(grpc.RpcError) as caught:
        method(raw, timeout=PATIENCE_S)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violated_field(rich_status(caught.value)) == "request"


def test_five_megabytes_are_answered_whole(server: Running) -> None:
    # Mostly wide spaces (three bytes each): the size and the offsets are what counts here.
    words = "The river 𝒳 is high and the bridge is old, é\n" * 500
    filler = words + "\u2003" * ((5_000_000 - len(words.encode())) // 3)
    extraction = extract(server, filler + STORY, offset_encoding=pb.OFFSET_ENCODING_UTF8)
    assert [one.quote.text for one in extraction.statements] == STORY_QUOTES
    for one in extraction.statements:
        [span] = one.quote.spans
        assert slice_by(filler + STORY, "utf8", span.start, span.end) == one.quote.text


@pytest.mark.parametrize("max_queue_tokens", [1, 10_000, 1_000_000])
def test_an_article_of_many_windows_is_answered_whole(max_queue_tokens: int) -> None:
    extractor = fake_extractor()
    text = "\n".join(f"Smith said the number is {n} and no other." for n in range(300))
    article = Article("a", text)
    assert len(extractor.prepare(article).windows) > 5
    with running(extractor, max_queue_tokens=max_queue_tokens) as server:
        answer = convert.extraction_from_proto(extract(server, text))
    assert answer == extractor.extract(article)
    assert len(answer.statements) == 300


def test_a_model_that_fails_is_internal_and_tells_no_text(server: Running) -> None:
    error = refused(server, ExtractRequest(article=pb.Article(text=POISON)))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error_info(rich_status(error)).reason == "INTERNAL"
    assert SECRET not in str(rich_status(error))
    assert extract(server, STORY).statements, "the next call is answered"


def test_a_full_queue_is_told_with_the_time_to_come_again() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model), max_queue_tokens=1) as server:
        model.close_gate()
        request = ExtractRequest(article=pb.Article(text=STORY))
        in_model = server.extraction.Extract.future(request, timeout=PATIENCE_S)
        assert model.entered.wait(PATIENCE_S)
        queued = server.extraction.Extract.future(request, timeout=PATIENCE_S)
        server.until_queued()
        error = refused(server, request)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        status = rich_status(error)
        assert error_info(status).reason == "OVERLOADED"
        retry = detail(status, RetryInfo())
        assert retry is not None
        assert retry.retry_delay.ToNanoseconds() > 0
        assert int(dict(error.trailing_metadata())["grpc-retry-pushback-ms"]) > 0
        model.gate.set()
        assert in_model.result().extraction.statements
        assert queued.result().extraction.statements


class SlowModel(GatedModel):
    """Says nothing fast; how slow it is, the server learns at the warm-up."""

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        time.sleep(0.3)
        return super().score(windows)


def test_a_call_whose_deadline_is_too_short_is_refused_at_once() -> None:
    """The queue is empty and the deadline far away; but somebody is being served, and by the
    model's speed it will not do."""
    model = SlowModel(is_open=True)
    short = ExtractRequest(article=pb.Article(text="Lee said yes."))
    with running(fake_extractor(model=model)) as server:
        model.close_gate()
        before = server.extraction.Extract.future(short, timeout=PATIENCE_S)
        assert model.entered.wait(PATIENCE_S)
        long = ExtractRequest(article=pb.Article(text="The day went on. " * 5000))
        with pytest.raises(grpc.RpcError) as caught:
            server.extraction.Extract(long, timeout=10)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        status = rich_status(caught.value)
        assert error_info(status).reason == "OVERLOADED"
        assert "predicted wait" in status.message
        assert detail(status, RetryInfo()) is not None
        seen = len(model.batches)
        model.gate.set()
        assert len(before.result(PATIENCE_S).extraction.statements) == 1
        answer = server.extraction.Extract(short, timeout=PATIENCE_S)
        assert len(answer.extraction.statements) == 1
        assert len(model.batches) == seen + 2, "nothing of the long article"


def test_a_caller_who_cancels_frees_the_model_of_his_work() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model)) as server:
        model.close_gate()
        request = ExtractRequest(article=pb.Article(text=STORY))
        blocking = server.extraction.Extract.future(request, timeout=PATIENCE_S)
        assert model.entered.wait(PATIENCE_S)
        before = len(model.batches)
        # Twice as long, so that its window cannot be mistaken for another's.
        cancelled = server.extraction.Extract.future(
            ExtractRequest(article=pb.Article(text=f"{STORY}\n{STORY}")), timeout=PATIENCE_S
        )
        server.until_calls(2)
        cancelled.cancel()
        server.until_calls(1)
        other = server.extraction.Extract.future(request, timeout=PATIENCE_S)
        model.gate.set()
        assert blocking.result().extraction.statements
        assert other.result().extraction.statements
        sizes = [size for batch in model.batches[before:] for size in batch]
        assert len(set(sizes)) == 1, "the cancelled article's window was never scored"


WORDS = st.sampled_from(
    [
        "said",
        "told",
        "wants",
        "Smith",
        "he",
        ".",
        "\n",
        "“",
        "”",
        "🌉",
        "𝒳yz",
        "é",
        "\x00",
        "\u202e",
    ]
)
TEXTS = st.lists(WORDS | st.text(st.characters(codec="utf-8"), max_size=4), max_size=40).map(
    " ".join
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(TEXTS | st.text(st.characters(codec="utf-8")), st.sampled_from(sorted(ENCODINGS)))
def test_every_span_slices_to_its_text(server: Running, text: str, encoding: str) -> None:
    extraction = extract(
        server,
        text,
        model="other",  # the default model is poisoned by three words that may come up here
        offset_encoding=ENCODINGS[encoding],
        acts=pb.ACT_SELECTION_ALL,
        min_confidence=0.0,
    )
    assert extraction.offset_encoding == ENCODINGS[encoding]
    for one in extraction.statements:
        spans = [one.cue, *(relay.mention for relay in one.intermediaries)]
        if one.HasField("addressee"):
            spans.append(one.addressee)
        if one.speaker.HasField("mention"):
            spans.append(one.speaker.mention)
        for span in spans:
            assert span.end > span.start
            assert slice_by(text, encoding, span.start, span.end) == span.text
        assert one.quote.spans
        pieces = [slice_by(text, encoding, s.start, s.end) for s in one.quote.spans]
        assert " … ".join(pieces) == one.quote.text
        for part in one.quote.verbatim:
            assert any(span.start <= part.start < part.end <= span.end for span in one.quote.spans)
