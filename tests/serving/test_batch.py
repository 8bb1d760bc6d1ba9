"""BatchExtract through a real server."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from google.rpc.code_pb2 import Code

from quotewire.experiments.assignment import made_id
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1.extraction_service_pb2 import BatchExtractRequest
from tests.fakes import fake_extractor
from tests.serving.harness import (
    ATTITUDE,
    PATIENCE_S,
    POISON,
    STORY,
    STORY_QUOTES,
    PoisonedModel,
    Running,
    error_info,
    rich_status,
    running,
    slice_by,
    violated_field,
)

LIMIT = 20


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(
        fake_extractor(model=PoisonedModel()),
        max_batch_articles=LIMIT,
        max_in_flight_per_call=3,
        max_text_bytes=1000,
    ) as server:
        yield server


def batch(server: Running, *articles: pb.Article, **fields: object) -> list[pb.Answer]:
    request = BatchExtractRequest(articles=articles, **fields)  # type: ignore[arg-type]
    return list(server.extraction.BatchExtract(request, timeout=PATIENCE_S).answers)


def refused(server: Running, request: BatchExtractRequest) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        server.extraction.BatchExtract(request, timeout=PATIENCE_S)
    return caught.value


def test_answers_stand_in_the_order_of_the_articles(server: Running) -> None:
    articles = [pb.Article(id=f"a{n}", text=f"Smith said number {n}.") for n in range(LIMIT)]
    answers = batch(server, *articles)
    assert [answer.index for answer in answers] == list(range(LIMIT))
    assert [answer.article_id for answer in answers] == [article.id for article in articles]
    quotes = [answer.extraction.statements[0].quote.text for answer in answers]
    assert quotes == [f"number {n}" for n in range(LIMIT)]


def test_options_hold_for_every_article(server: Running) -> None:
    options = pb.ExtractOptions(offset_encoding=pb.OFFSET_ENCODING_UTF16, acts=pb.ACT_SELECTION_ALL)
    story, attitude = batch(
        server, pb.Article(text=STORY), pb.Article(text=ATTITUDE), options=options
    )
    for one, quote in zip(story.extraction.statements, STORY_QUOTES, strict=True):
        [span] = one.quote.spans
        assert slice_by(STORY, "utf16", span.start, span.end) == quote
    assert attitude.extraction.statements[0].act == pb.ACT_ATTITUDE


def test_bad_articles_get_a_status_of_their_own(server: Running) -> None:
    good, poisoned, long, empty = batch(
        server,
        pb.Article(id="good", text=STORY),
        pb.Article(id="poisoned", text=POISON),
        pb.Article(id="long", text="x" * 1001),
        pb.Article(id="empty"),
    )
    assert len(good.extraction.statements) == 3
    assert poisoned.error.code == Code.INTERNAL
    assert error_info(poisoned.error).reason == "INTERNAL"
    assert long.error.code == Code.INVALID_ARGUMENT
    assert violated_field(long.error) == "articles[2].text"
    assert not empty.extraction.statements
    assert [one.article_id for one in (good, poisoned, long, empty)] == [
        "good",
        "poisoned",
        "long",
        "empty",
    ]


def test_articles_without_ids_may_be_alike(server: Running) -> None:
    first, second = batch(server, pb.Article(text=STORY), pb.Article(text=STORY))
    assert first.article_id == second.article_id == made_id(STORY)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (BatchExtractRequest(), "articles"),
        (BatchExtractRequest(articles=[pb.Article()] * (LIMIT + 1)), "articles"),
        (
            BatchExtractRequest(
                articles=[pb.Article(id="a"), pb.Article(id="b"), pb.Article(id="a")]
            ),
            "articles[2].id",
        ),
        (
            BatchExtractRequest(
                articles=[pb.Article()],
                options=pb.ExtractOptions(min_confidence=-1),
            ),
            "options.min_confidence",
        ),
    ],
    ids=["none", "too many", "same id", "options"],
)
def test_a_list_that_cannot_be_used_is_refused_whole(
    server: Running, request_: BatchExtractRequest, field: str
) -> None:
    error = refused(server, request_)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violated_field(rich_status(error)) == field


def test_an_unknown_model_is_not_found(server: Running) -> None:
    error = refused(server, BatchExtractRequest(articles=[pb.Article()], model="nobody"))
    assert error.code() is grpc.StatusCode.NOT_FOUND
