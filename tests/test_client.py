"""The Python client against real servers: every call, every error, streams that survive."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quotewire.client import AsyncClient, Client
from quotewire.errors import (
    ConfigError,
    DeadlineError,
    DrainingError,
    InputError,
    ModelNotFoundError,
    OverloadedError,
    ServiceError,
    UnavailableError,
)
from quotewire.experiments.assignment import made_id
from quotewire.serving.channels import SERVICE_CONFIG
from quotewire.streaming import Answer
from quotewire.types import Act, Article, ExtractOptions
from tests.fakes import FakeModel, fake_extractor
from tests.serving.harness import (
    ATTITUDE,
    PATIENCE_S,
    POISON,
    STORY,
    GatedModel,
    PoisonedModel,
    Running,
    running,
)

DOCS = Path(__file__).parents[1] / "docs"


def articles(count: int) -> list[Article]:
    return [Article(f"a{n}", f"Smith said number {n}.") for n in range(count)]


def quotes(answers: list[Answer]) -> list[str]:
    """What each answered article's only statement says."""
    found = []
    for answer in answers:
        assert answer.extraction is not None, answer.error
        [statement] = answer.extraction.statements
        found.append(statement.quote.spans[0].slice(answer.article.text))
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(
        fake_extractor(model=PoisonedModel()),
        fake_extractor("other", "2.0.0"),
        max_batch_articles=50,
        max_in_flight_per_call=8,
    ) as server:
        yield server


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    with Client(server.target) as client:
        yield client


# ---------------------------------------------------------------- single calls


def test_an_article_gets_what_the_extractor_gives(client: Client) -> None:
    article = Article("a", STORY, title="A bridge", language="en")
    options = ExtractOptions(all_acts=True, min_confidence=0.1)
    assert client.extract(article, options=options) == fake_extractor().extract(
        article, options=options
    )


def test_bare_text_is_an_article_without_id(client: Client) -> None:
    extraction = client.extract(STORY)
    assert extraction.article_id == made_id(STORY)
    assert len(extraction.statements) == 3


def test_attitudes_come_on_request(client: Client) -> None:
    [attitude] = client.extract(ATTITUDE, options=ExtractOptions(all_acts=True)).statements
    assert attitude.act is Act.ATTITUDE


def test_models_are_told(client: Client) -> None:
    infos = [fake_extractor().info, fake_extractor("other", "2.0.0").info]
    assert client.models() == infos
    assert client.model() == infos[0]
    assert client.model("other@2.0.0") == infos[1]
    assert client.extract("x", model="other").model == "other@2.0.0"


def test_a_batch_is_answered_in_order_with_an_error_of_its_own_each(client: Client) -> None:
    first, second, third = client.batch(
        [Article("a", STORY), Article("b", POISON), Article("c", STORY)]
    )
    for answer in (first, third):
        assert answer.extraction is not None
        assert len(answer.extraction.statements) == 3
        assert answer.error is None
    assert second.extraction is None
    assert isinstance(second.error, ServiceError)
    assert second.error.code == "INTERNAL"
    assert [answer.index for answer in (first, second, third)] == [0, 1, 2]
    assert second.article == Article("b", POISON)


def test_a_client_is_shared_between_threads(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda article: client.extract(article).article_id, articles(40))
        assert list(answers) == [f"a{n}" for n in range(40)]


def test_a_closed_client_says_so(server: Running) -> None:
    client = Client(server.target)
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.models()


async def test_the_async_client_does_the_same(server: Running) -> None:
    async with AsyncClient(server.target) as client:
        extractions = await asyncio.gather(*(client.extract(article) for article in articles(20)))
        assert [one.article_id for one in extractions] == [f"a{n}" for n in range(20)]
        assert (await client.model("other")).tag == "other@2.0.0"
        assert len(await client.models()) == 2
        assert quotes(await client.batch(articles(3))) == ["number 0", "number 1", "number 2"]


# ---------------------------------------------------------------- errors


def test_bad_input_is_an_input_error(client: Client) -> None:
    with pytest.raises(InputError) as caught:
        client.extract("x", options=ExtractOptions(min_confidence=2.0))
    assert caught.value.field == "options.min_confidence"
    assert caught.value.value == "2.0"
    assert "[0, 1]" in caught.value.allowed
    with pytest.raises(InputError, match=r"articles\[1\].id"):
        client.batch([Article("a", "x"), Article("a", "y")])


def test_a_lone_surrogate_is_an_input_error(client: Client) -> None:
    with pytest.raises(InputError, match=r"article.text: got the lone surrogate U\+DC80"):
        client.extract("ab\udc80")
    with pytest.raises(InputError, match=r"articles\[1\].text"):
        client.batch([Article("a", "fine"), Article("b", "\udc80")])


def test_an_unknown_model_is_not_found(client: Client) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        client.extract("x", model="nobody")
    assert caught.value.name == "nobody"
    assert caught.value.known == ["fake@1.0.0", "other@2.0.0"]
    with pytest.raises(ModelNotFoundError):
        client.model("nobody")


def test_a_failing_model_is_a_service_error(client: Client) -> None:
    with pytest.raises(ServiceError) as caught:
        client.extract(POISON)
    assert (caught.value.code, caught.value.reason) == ("INTERNAL", "INTERNAL")


def test_a_message_beyond_the_transports_limit_is_an_input_error() -> None:
    with (
        running(max_request_bytes=1000, max_text_bytes=1000) as server,
        Client(server.target) as client,
    ):
        for size in (1_001, 2_000, 5_000):
            with pytest.raises(InputError):
                client.extract("x" * size)


def test_nobody_there_is_unavailable() -> None:
    with Client("127.0.0.1:1") as client, pytest.raises(UnavailableError):
        client.extract("x")


def test_a_deadline_is_kept() -> None:
    model = GatedModel(is_open=True)
    with running(fake_extractor(model=model)) as server, Client(server.target) as client:
        model.close_gate()
        with pytest.raises(DeadlineError):
            client.extract(STORY, timeout_s=0.1)
        with pytest.raises(DeadlineError, match="'a0'"):
            list(client.extract_stream(articles(1), timeout_s=0.1))
        model.gate.set()


def test_overload_is_told_when_retries_do_not_help() -> None:
    model = GatedModel(is_open=True)
    with (
        running(fake_extractor(model=model), max_queue_tokens=1) as server,
        ThreadPoolExecutor(2) as pool,
        Client(server.target) as client,
    ):
        model.close_gate()
        in_model = pool.submit(client.extract, STORY)
        assert model.entered.wait(PATIENCE_S)
        queued = pool.submit(client.extract, STORY)
        server.until_queued()
        with pytest.raises(OverloadedError) as caught:
            client.extract(STORY)
        assert caught.value.retry_after_s > 0
        model.gate.set()
        assert len(in_model.result().statements) == 3
        assert len(queued.result().statements) == 3


def test_a_draining_server_is_told() -> None:
    model = GatedModel(is_open=True)
    with (
        running(fake_extractor(model=model)) as server,
        ThreadPoolExecutor(1) as pool,
        Client(server.target) as client,
    ):
        model.close_gate()
        running_call = pool.submit(client.extract, STORY)
        assert model.entered.wait(PATIENCE_S)
        server.begin_drain()
        server.until_draining()
        with pytest.raises(DrainingError):
            client.extract(STORY)
        model.gate.set()
        assert len(running_call.result().statements) == 3


def test_a_server_that_starts_late_is_waited_for() -> None:
    with (
        running(ready=False) as server,
        ThreadPoolExecutor(1) as pool,
        Client(server.target) as client,
    ):
        stream = pool.submit(list, client.extract_stream(articles(3)))
        server.install([fake_extractor()]).result(PATIENCE_S)
        assert quotes(stream.result(PATIENCE_S)) == ["number 0", "number 1", "number 2"]


# ---------------------------------------------------------------- streams


@pytest.mark.parametrize("in_flight", [1, 3, 100])
def test_a_stream_answers_in_order(client: Client, in_flight: int) -> None:
    answers = list(client.extract_stream(articles(60), in_flight=in_flight))
    assert [answer.index for answer in answers] == list(range(60))
    assert quotes(answers) == [f"number {n}" for n in range(60)]


def test_a_stream_answers_as_completed(client: Client) -> None:
    answers = list(client.extract_stream(articles(60), ordered=False))
    assert sorted(answer.index for answer in answers) == list(range(60))
    assert all(answer.article.id == f"a{answer.index}" for answer in answers)
    quotes(answers)


def test_an_empty_stream_has_no_answers(client: Client) -> None:
    assert list(client.extract_stream([])) == []


@pytest.mark.parametrize("ordered", [True, False])
def test_bad_articles_have_their_error_and_the_stream_goes_on(
    client: Client, ordered: bool
) -> None:
    sent = [
        Article("good", STORY),
        Article("surrogate", "\ud800"),
        Article("poison", POISON),
        Article("i" * 300, "long id"),
        Article("good", STORY),
        Article("surrogate", "\ud800"),
    ]
    got = {answer.index: answer for answer in client.extract_stream(sent, ordered=ordered)}
    assert [got[index].article for index in range(6)] == sent
    kinds = [type(got[index].error) for index in range(6)]
    none = type(None)
    assert kinds == [none, InputError, ServiceError, InputError, none, InputError]


def test_an_unknown_model_is_told_for_each_article(client: Client) -> None:
    answers = list(client.extract_stream(articles(3), model="nobody"))
    assert [type(answer.error) for answer in answers] == [ModelNotFoundError] * 3


def test_no_more_articles_are_read_than_are_in_flight(client: Client) -> None:
    read = 0

    def counted() -> Iterator[Article]:
        nonlocal read
        for article in articles(40):
            read += 1
            yield article

    for taken, _ in enumerate(client.extract_stream(counted(), in_flight=5), start=1):
        # One more may have been read and be waiting for its slot.
        assert read <= taken + 5 + 1
    assert read == 40


def test_an_error_of_the_articles_own_iterator_comes_out(client: Client) -> None:
    def broken() -> Iterator[Article]:
        yield Article("a", STORY)
        raise OSError("disk on fire")

    with pytest.raises(OSError, match="disk on fire"):
        list(client.extract_stream(broken()))


def test_a_stream_may_be_left_early(client: Client, server: Running) -> None:
    stream = client.extract_stream(articles(1000))
    assert next(stream).index == 0
    stream.close()
    server.until_calls(0)
    assert client.extract(STORY).statements


def test_a_window_of_nothing_is_refused(client: Client) -> None:
    with pytest.raises(ConfigError, match="in_flight: got 0"):
        list(client.extract_stream(articles(1), in_flight=0))


async def test_an_async_iterable_is_taken(server: Running) -> None:
    async def source() -> AsyncIterator[Article]:
        for article in articles(20):
            await asyncio.sleep(0)
            yield article

    async with AsyncClient(server.target) as client:
        answers = [answer async for answer in client.extract_stream(source())]
    assert quotes(answers) == [f"number {n}" for n in range(20)]


def test_a_stream_outlives_its_server() -> None:
    """The server drains in mid-stream; what it did not answer goes to its successor."""
    with running(fake_extractor("first")) as first, Client(first.target) as client:
        stream = client.extract_stream(articles(300), in_flight=4)
        answers = [next(stream) for _ in range(10)]
        first.begin_drain().result(PATIENCE_S)
        with running(fake_extractor("second"), port=first.port):
            answers += list(stream)
    assert quotes(answers) == [f"number {n}" for n in range(300)]
    models = {answer.extraction.model for answer in answers if answer.extraction}
    assert models == {"first@1.0.0", "second@1.0.0"}


@pytest.mark.parametrize("slow", ["the articles", "whoever takes the answers"])
def test_a_stream_outlives_its_own_silence(slow: str) -> None:
    """The server ends what stands still; the client begins anew when there is more to send."""
    with running(max_idle_s=0.3) as server, Client(server.target) as client:

        def silent() -> None:
            server.until_calls(0)

        def given() -> Iterator[Article]:
            for number, article in enumerate(articles(12)):
                if slow == "the articles" and number in (4, 8):
                    silent()
                yield article

        answers = []
        for answer in client.extract_stream(given(), in_flight=2):
            answers.append(answer)
            if slow != "the articles" and len(answers) in (4, 8):
                silent()
        assert quotes(answers) == [f"number {n}" for n in range(12)]
        [calls] = [
            family
            for family in server.server.metrics.registry.collect()
            if family.name == "quotewire_calls"
        ]
        ended = [
            sample.value
            for sample in calls.samples
            if sample.name == "quotewire_calls_total"
            and sample.labels["code"] == "DEADLINE_EXCEEDED"
        ]
        assert sum(ended) >= 2


def test_a_stream_whose_server_never_comes_back_is_unavailable() -> None:
    with running() as server, Client(server.target) as client:
        stream = client.extract_stream(articles(300), in_flight=4)
        next(stream)
        server.begin_drain().result(PATIENCE_S)
        with pytest.raises(UnavailableError):
            list(stream)


# ---------------------------------------------------------------- documentation


def test_the_published_service_config_is_the_clients_own() -> None:
    blocks = re.findall(r"```json\n(.*?)```", (DOCS / "api.md").read_text("utf-8"), re.DOTALL)
    assert SERVICE_CONFIG in [json.loads(block) for block in blocks]
    assert json.loads((DOCS / "service-config.json").read_text("utf-8")) == SERVICE_CONFIG


def test_a_model_is_never_asked_twice_for_one_call() -> None:
    model = FakeModel()
    with running(fake_extractor(model=model)) as server, Client(server.target) as client:
        before = len(model.batches)
        client.extract(STORY)
        assert len(model.batches) == before + 1
