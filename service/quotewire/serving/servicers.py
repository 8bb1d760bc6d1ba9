"""The methods of the two services: read the request, ask a model, write the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc

from quotewire.errors import DrainingError, InputError, QuotewireError
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1 import extraction_service_pb2 as service_pb
from quotewire.pb.v1 import extraction_service_pb2_grpc, model_service_pb2_grpc
from quotewire.pb.v1 import model_service_pb2 as model_pb
from quotewire.serving import convert
from quotewire.serving.hosting import ModelHost, ModelHosts
from quotewire.serving.interceptors import Unusable
from quotewire.serving.lifecycle import Lifecycle
from quotewire.serving.status import status_from_error
from quotewire.types import Article, Extraction

if TYPE_CHECKING:
    from quotewire.serving.settings import Settings

Context = grpc.aio.ServicerContext[Any, Any]


class ExtractionServicer(extraction_service_pb2_grpc.ExtractionServiceServicer):
    """Finds the statements of articles."""

    def __init__(self, hosts: ModelHosts, *, lifecycle: Lifecycle, settings: Settings) -> None:
        self._hosts = hosts
        self._lifecycle = lifecycle
        self._settings = settings

    async def Extract(
        self, request: service_pb.ExtractRequest, context: Context
    ) -> service_pb.ExtractResponse:
        host = self._hosts.select(request.model)
        wanted = convert.wanted_from_proto(request.options)
        article = self._article(request)
        extraction = await _extract(host, article, wanted, deadline=_deadline(context))
        return service_pb.ExtractResponse(extraction=extraction)

    # The generated base speaks of generators only; grpc.aio takes a coroutine that writes as well.
    async def ExtractStream(  # type: ignore[override]
        self,
        request_iterator: AsyncIterator[service_pb.ExtractStreamRequest | Unusable],
        context: Context,
    ) -> None:
        deadline = _deadline(context)
        slots = asyncio.Semaphore(self._settings.max_in_flight_per_call)
        writing = asyncio.Lock()

        async def answer(index: int, request: service_pb.ExtractStreamRequest | Unusable) -> None:
            try:
                reply = await self._answer_stream(index, request, deadline=deadline)
                # The slot is kept until the answer is written: a slow reader slows its own sender.
                async with writing:
                    await context.write(service_pb.ExtractStreamResponse(answer=reply))
            finally:
                slots.release()

        draining = asyncio.ensure_future(self._lifecycle.draining.wait())
        try:
            async with asyncio.TaskGroup() as answers:
                index = 0
                while True:
                    await slots.acquire()
                    reading = asyncio.ensure_future(anext(request_iterator, None))
                    try:
                        await asyncio.wait({reading, draining}, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        if not reading.done():
                            reading.cancel()
                    if not reading.done() or (request := reading.result()) is None:
                        break
                    answers.create_task(answer(index, request))
                    index += 1
        finally:
            draining.cancel()
        if self._lifecycle.draining.is_set():
            raise DrainingError(
                f"the server is shutting down: of this stream it took {index} articles and "
                "answered them; send the others to another replica"
            )

    async def BatchExtract(
        self, request: service_pb.BatchExtractRequest, context: Context
    ) -> service_pb.BatchExtractResponse:
        host = self._hosts.select(request.model)
        wanted = convert.wanted_from_proto(request.options)
        self._check_batch(request)
        deadline = _deadline(context)
        host.check_room(deadline=deadline)
        slots = asyncio.Semaphore(self._settings.max_in_flight_per_call)

        async def answer(index: int, message: pb.Article) -> pb.Answer:
            async with slots:
                article_id = message.id
                try:
                    article = convert.article_from_proto(
                        message,
                        max_text_bytes=self._settings.max_text_bytes,
                        path=f"articles[{index}]",
                    )
                    article_id = article.id
                    extraction = await _extract(
                        host, article, wanted, deadline=deadline, wait_for_room=True
                    )
                except Exception as error:
                    return _failure(index, article_id, error)
                return pb.Answer(index=index, article_id=article_id, extraction=extraction)

        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(answer(index, article))
                for index, article in enumerate(request.articles)
            ]
        return service_pb.BatchExtractResponse(answers=[task.result() for task in tasks])

    def _article(
        self, request: service_pb.ExtractRequest | service_pb.ExtractStreamRequest
    ) -> Article:
        if not request.HasField("article"):
            raise InputError(field="article", value="nothing", allowed="an article (required)")
        return convert.article_from_proto(
            request.article, max_text_bytes=self._settings.max_text_bytes, path="article"
        )

    async def _answer_stream(
        self,
        index: int,
        request: service_pb.ExtractStreamRequest | Unusable,
        *,
        deadline: float | None,
    ) -> pb.Answer:
        """Whatever is wrong with this article is told in its own answer."""
        if isinstance(request, Unusable):
            return _failure(index, "", request.error)
        article_id = request.article.id
        try:
            host = self._hosts.select(request.model)
            wanted = convert.wanted_from_proto(request.options)
            article = self._article(request)
            article_id = article.id
            extraction = await _extract(
                host, article, wanted, deadline=deadline, wait_for_room=True
            )
        except Exception as error:
            return _failure(index, article_id, error)
        return pb.Answer(index=index, article_id=article_id, extraction=extraction)

    def _check_batch(self, request: service_pb.BatchExtractRequest) -> None:
        """Raises InputError where the list as a whole cannot be used."""
        limit = self._settings.max_batch_articles
        if not 1 <= len(request.articles) <= limit:
            raise InputError(
                field="articles",
                value=f"{len(request.articles)} articles",
                allowed=f"1 to {limit} articles (the server's max_batch_articles)",
            )
        first_place: dict[str, int] = {}
        for index, article in enumerate(request.articles):
            if article.id and (first := first_place.setdefault(article.id, index)) != index:
                raise InputError(
                    field=f"articles[{index}].id",
                    value=f"{article.id[:60]!r}, as articles[{first}].id",
                    allowed="no two articles of a batch with the same id",
                )


class ModelServicer(model_service_pb2_grpc.ModelServiceServicer):
    """Tells which models there are."""

    def __init__(self, hosts: ModelHosts) -> None:
        self._hosts = hosts

    async def ListModels(
        self, request: model_pb.ListModelsRequest, context: Context
    ) -> model_pb.ListModelsResponse:
        return model_pb.ListModelsResponse(models=[self._model(host) for host in self._hosts])

    async def GetModel(
        self, request: model_pb.GetModelRequest, context: Context
    ) -> model_pb.GetModelResponse:
        return model_pb.GetModelResponse(model=self._model(self._hosts.select(request.model)))

    def _model(self, host: ModelHost) -> model_pb.Model:
        return convert.model_to_proto(host.info, is_default=host is self._hosts.select(""))


async def _extract(
    host: ModelHost,
    article: Article,
    wanted: convert.Wanted,
    *,
    deadline: float | None,
    wait_for_room: bool = False,
) -> pb.Extraction:
    def answer(extraction: Extraction) -> pb.Extraction:
        return convert.extraction_to_proto(article.text, extraction, encoding=wanted.encoding)

    return await host.extract(
        article,
        options=wanted.options,
        answer=answer,
        deadline=deadline,
        wait_for_room=wait_for_room,
    )


def _failure(index: int, article_id: str, error: Exception) -> pb.Answer:
    if not isinstance(error, QuotewireError):
        error.add_note(f"article number {index} of its call")
    article_id = article_id[: convert.MAX_ID_CODE_POINTS]
    return pb.Answer(index=index, article_id=article_id, error=status_from_error(error))


def _deadline(context: Context) -> float | None:
    """When the caller stops waiting, as a time.monotonic() value; None for never."""
    remaining_s = context.time_remaining()
    return None if remaining_s is None else time.monotonic() + remaining_s
