"""The Python client: domain values in, domain values and domain errors out.

``AsyncClient`` does the work; ``Client`` runs one on an event loop of its own for programs without
one.  Both close what they opened when used as context managers.

    with Client("localhost:50051") as client:
        extraction = client.extract("“We will win,” the coach told Reuters.")
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Coroutine, Iterable, Iterator, Mapping
from contextlib import aclosing
from typing import Any, Final, TypeVar

import grpc

from quotewire.errors import QuotewireError
from quotewire.pb.v1 import extraction_service_pb2 as service_pb
from quotewire.pb.v1 import (
    extraction_service_pb2_grpc,
    feedback_service_pb2_grpc,
    model_service_pb2_grpc,
)
from quotewire.pb.v1 import feedback_service_pb2 as feedback_pb
from quotewire.pb.v1 import model_service_pb2 as model_pb
from quotewire.serving import convert, status
from quotewire.serving.channels import CHANNEL_OPTIONS
from quotewire.streaming import Answer, ArticleStream
from quotewire.types import Article, Extraction, ExtractOptions, ModelInfo

DEFAULT_TARGET: Final = "localhost:50051"
# Default deadlines of the calls (seconds), retries included.
EXTRACT_TIMEOUT_S: Final = 60.0
BATCH_TIMEOUT_S: Final = 300.0
MODELS_TIMEOUT_S: Final = 10.0
FEEDBACK_TIMEOUT_S: Final = 30.0
# Longest wait for the answer to any one article of a stream (seconds).
STREAM_TIMEOUT_S: Final = 120.0
DEFAULT_OPTIONS: Final = ExtractOptions()

_Result = TypeVar("_Result")


class AsyncClient:
    """Calls a Quotewire server from a running event loop.

    ``target`` is any gRPC target (``host:port``, ``dns:///name:port`` for all replicas behind a
    name); ``credentials`` None means plain text (for TLS: ``grpc.ssl_channel_credentials``);
    ``server_name`` is the name that the server's certificate bears, where that is not the target's;
    ``token`` is what this client shows the server, where that asks for one.  All methods raise what
    docs/errors.md lists: InputError, ModelNotFoundError, OverloadedError (RateLimitedError),
    UnauthenticatedError, UnavailableError (DrainingError), DeadlineError, ServiceError.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        server_name: str | None = None,
    ) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        options = CHANNEL_OPTIONS
        if server_name:
            options += (("grpc.ssl_target_name_override", server_name),)
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target, options=options)
        else:
            self._channel = grpc.aio.secure_channel(target, credentials, options=options)
        self._extraction = extraction_service_pb2_grpc.ExtractionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)
        self._feedback = feedback_service_pb2_grpc.FeedbackServiceStub(self._channel)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all calls and the connection."""
        await self._channel.close()

    async def extract(
        self,
        article: Article | str,
        *,
        options: ExtractOptions = DEFAULT_OPTIONS,
        model: str = "",
        timeout_s: float = EXTRACT_TIMEOUT_S,
    ) -> Extraction:
        """The statements of one article; ``model`` is "name", "name@version", an alias, or "" for
        the server's default."""
        request = service_pb.ExtractRequest(
            article=convert.article_to_proto(_article(article)),
            options=convert.options_to_proto(options),
            model=model,
        )
        response = await _call(
            self._extraction.Extract(request, timeout=timeout_s, metadata=self._metadata)
        )
        return convert.extraction_from_proto(response.extraction)

    async def extract_stream(
        self,
        articles: Iterable[Article] | AsyncIterable[Article],
        *,
        options: ExtractOptions = DEFAULT_OPTIONS,
        model: str = "",
        in_flight: int = 32,
        ordered: bool = True,
        timeout_s: float = STREAM_TIMEOUT_S,
    ) -> AsyncGenerator[Answer, None]:
        """Answers while the articles are still being read: one for each, in their order or, with
        ``ordered`` False, as they get done.

        At most ``in_flight`` articles are read beyond those whose answers were taken.  An article
        that cannot be answered has its error in its answer.  A server that goes away is replaced:
        unanswered articles are sent again.  ``timeout_s`` bounds the wait for any one article's
        answer, not the stream.
        """
        stream = ArticleStream(
            self._extraction,
            articles,
            options=convert.options_to_proto(options),
            model=model,
            in_flight=in_flight,
            ordered=ordered,
            timeout_s=timeout_s,
            metadata=self._metadata,
        )
        async with aclosing(stream.answers()) as answers:
            async for answer in answers:
                yield answer

    async def batch(
        self,
        articles: Iterable[Article],
        *,
        options: ExtractOptions = DEFAULT_OPTIONS,
        model: str = "",
        timeout_s: float = BATCH_TIMEOUT_S,
    ) -> list[Answer]:
        """Answers to a list of articles in one call, in their order."""
        articles = list(articles)
        request = service_pb.BatchExtractRequest(
            articles=[
                convert.article_to_proto(article, path=f"articles[{index}]")
                for index, article in enumerate(articles)
            ],
            options=convert.options_to_proto(options),
            model=model,
        )
        response = await _call(
            self._extraction.BatchExtract(request, timeout=timeout_s, metadata=self._metadata)
        )
        return [
            Answer.from_proto(answer, index=index, article=article)
            for index, (article, answer) in enumerate(zip(articles, response.answers, strict=True))
        ]

    async def models(self, *, timeout_s: float = MODELS_TIMEOUT_S) -> list[ModelInfo]:
        """All models of the server, its default first."""
        request = model_pb.ListModelsRequest()
        response = await _call(
            self._models.ListModels(request, timeout=timeout_s, metadata=self._metadata)
        )
        return [convert.model_from_proto(model) for model in response.models]

    async def model(self, name: str = "", *, timeout_s: float = MODELS_TIMEOUT_S) -> ModelInfo:
        """One model: "name", "name@version", or "" for the server's default."""
        request = model_pb.GetModelRequest(model=name)
        response = await _call(
            self._models.GetModel(request, timeout=timeout_s, metadata=self._metadata)
        )
        return convert.model_from_proto(response.model)

    async def record_feedback(
        self,
        *,
        article_id: str,
        statement_id: str,
        verdict: str,
        editor: str,
        corrected: Mapping[str, Any] | None = None,
        key: str = "",
        timeout_s: float = FEEDBACK_TIMEOUT_S,
    ) -> bool:
        """Records an editor's verdict on a statement: "accepted", "corrected" (with the right value
        of each field that was wrong) or "rejected".  False where it had been recorded before, under
        the same ``key`` or, without one, with the same content.  See docs/experiments.md."""
        message = feedback_pb.Feedback(
            article_id=article_id,
            statement_id=statement_id,
            verdict=convert.verdict_to_proto(verdict),
            editor_id=editor,
            idempotency_key=key,
        )
        if corrected:
            message.corrected.update(dict(corrected))
        request = feedback_pb.RecordFeedbackRequest(feedback=[message])
        response = await _call(
            self._feedback.RecordFeedback(request, timeout=timeout_s, metadata=self._metadata)
        )
        return not response.receipts[0].duplicate


class Client:
    """AsyncClient for programs without an event loop; may be shared between threads.

    Same methods, same arguments, same errors; see there.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        token: str | None = None,
        server_name: str | None = None,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="quotewire-client", daemon=True
        )
        self._thread.start()

        async def connect() -> AsyncClient:
            return AsyncClient(
                target, credentials=credentials, token=token, server_name=server_name
            )

        self._client = self._wait(connect())

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all calls, the connection and the client's thread.  May be called again."""
        if self._loop.is_closed():
            return
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        await self._client.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()

    def extract(
        self,
        article: Article | str,
        *,
        options: ExtractOptions = DEFAULT_OPTIONS,
        model: str = "",
        timeout_s: float = EXTRACT_TIMEOUT_S,
    ) -> Extraction:
        return self._wait(
            self._client.extract(article, options=options, model=model, timeout_s=timeout_s)
        )

    def extract_stream(
        self,
        articles: Iterable[Article],
        *,
        options: ExtractOptions = DEFAULT_OPTIONS,
        model: str = "",
        in_flight: int = 32,
        ordered: bool = True,
        timeout_s: float = STREAM_TIMEOUT_S,
    ) -> Iterator[Answer]:
        """As AsyncClient.extract_stream; ``articles`` is read in another thread."""
        answers = self._client.extract_stream(
            _in_threads(articles),
            options=options,
            model=model,
            in_flight=in_flight,
            ordered=ordered,
            timeout_s=timeout_s,
        )

        async def following() -> Answer | None:
            return await anext(answers, None)

        async def end() -> None:
            await answers.aclose()

        try:
            while (answer := self._wait(following())) is not None:
                yield answer
        finally:
            if not self._loop.is_closed():
                self._wait(end())

    def batch(
        self,
        articles: Iterable[Article],
        *,
        options: ExtractOptions = DEFAULT_OPTIONS,
        model: str = "",
        timeout_s: float = BATCH_TIMEOUT_S,
    ) -> list[Answer]:
        return self._wait(
            self._client.batch(articles, options=options, model=model, timeout_s=timeout_s)
        )

    def models(self, *, timeout_s: float = MODELS_TIMEOUT_S) -> list[ModelInfo]:
        return self._wait(self._client.models(timeout_s=timeout_s))

    def model(self, name: str = "", *, timeout_s: float = MODELS_TIMEOUT_S) -> ModelInfo:
        return self._wait(self._client.model(name, timeout_s=timeout_s))

    def record_feedback(
        self,
        *,
        article_id: str,
        statement_id: str,
        verdict: str,
        editor: str,
        corrected: Mapping[str, Any] | None = None,
        key: str = "",
        timeout_s: float = FEEDBACK_TIMEOUT_S,
    ) -> bool:
        return self._wait(
            self._client.record_feedback(
                article_id=article_id,
                statement_id=statement_id,
                verdict=verdict,
                editor=editor,
                corrected=corrected,
                key=key,
                timeout_s=timeout_s,
            )
        )

    def _wait(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Runs ``work`` on the client's loop; an interrupt (Ctrl-C) here cancels it there."""
        if self._loop.is_closed():
            work.close()
            raise RuntimeError("this client is closed")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


async def _call(call: grpc.aio.UnaryUnaryCall[Any, _Result]) -> _Result:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise _translated(error) from error


def _translated(error: grpc.aio.AioRpcError) -> QuotewireError:
    return status.error_from_status(status.status_of_call(error))


def _article(article: Article | str) -> Article:
    return Article(id="", text=article) if isinstance(article, str) else article


async def _in_threads(articles: Iterable[Article]) -> AsyncGenerator[Article, None]:
    """Steps a plain iterable outside the event loop: reading a file must not hold up the calls."""
    iterator = iter(articles)
    while (article := await asyncio.to_thread(next, iterator, None)) is not None:
        yield article
