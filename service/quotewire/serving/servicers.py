"""The methods of the two services: read the request, ask a model, write the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Literal

import grpc

from quotewire.errors import DeadlineError, DrainingError, InputError, QuotewireError
from quotewire.experiments.assignment import Chosen
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1 import extraction_service_pb2 as service_pb
from quotewire.pb.v1 import extraction_service_pb2_grpc, model_service_pb2_grpc
from quotewire.pb.v1 import model_service_pb2 as model_pb
from quotewire.serving import convert
from quotewire.serving.calls import CURRENT_CALL
from quotewire.serving.clients import Caller
from quotewire.serving.hosting import ModelHost
from quotewire.serving.idle import IdleLimit
from quotewire.serving.interceptors import Unusable
from quotewire.serving.lifecycle import Lifecycle
from quotewire.serving.metrics import Metrics
from quotewire.serving.registry import ModelRegistry
from quotewire.serving.status import reason_of, status_from_error
from quotewire.serving.tracing import Tracing
from quotewire.serving.trials import Trials
from quotewire.types import Article, Extraction

if TYPE_CHECKING:
    from quotewire.serving.settings import Settings

Context = grpc.aio.ServicerContext[Any, Any]


class ExtractionServicer(extraction_service_pb2_grpc.ExtractionServiceServicer):
    """Finds the statements of articles."""

    def __init__(
        self,
        models: ModelRegistry,
        *,
        lifecycle: Lifecycle,
        metrics: Metrics,
        tracing: Tracing,
        trials: Trials,
        settings: Settings,
    ) -> None:
        self._registry = models
        self._trials = trials
        self._lifecycle = lifecycle
        self._metrics = metrics
        self._tracing = tracing
        self._settings = settings

    async def Extract(
        self, request: service_pb.ExtractRequest, context: Context
    ) -> service_pb.ExtractResponse:
        with self._registry.using(request.model) as host:
            CURRENT_CALL.get().asked = host.info.tag
            wanted = convert.wanted_from_proto(request.options)
            article = self._article(request)
            CURRENT_CALL.get().caller.spend()
            deadline = self._deadline(context)
            chosen = await self._choose(article, request.model)
            extraction = await self._extract(host, chosen, article, wanted, deadline=deadline)
        return service_pb.ExtractResponse(extraction=extraction)

    # The generated base speaks of generators only; grpc.aio takes a coroutine that writes as well.
    async def ExtractStream(  # type: ignore[override]
        self,
        request_iterator: AsyncIterator[service_pb.ExtractStreamRequest | Unusable],
        context: Context,
    ) -> None:
        slots = asyncio.Semaphore(self._settings.max_in_flight_per_call)
        writing = asyncio.Lock()
        idle = IdleLimit(self._settings.max_idle_s)

        async def answer(index: int, request: service_pb.ExtractStreamRequest | Unusable) -> None:
            try:
                deadline = self._deadline(context)
                with idle.working():
                    reply = await self._answer_stream(index, request, deadline=deadline)
                # The slot is kept until the answer is written: a slow reader slows its own sender.
                async with writing:
                    await context.write(service_pb.ExtractStreamResponse(answer=reply))
                idle.moved()
            finally:
                slots.release()

        draining = asyncio.ensure_future(self._lifecycle.draining.wait())
        try:
            async with idle, asyncio.TaskGroup() as answers:
                index = 0
                while True:
                    await slots.acquire()
                    with idle.working():
                        await _wait_for_rate(CURRENT_CALL.get().caller, draining)
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
        with self._registry.using(request.model) as host:
            CURRENT_CALL.get().asked = host.info.tag
            wanted = convert.wanted_from_proto(request.options)
            self._check_batch(request)
            deadline = self._deadline(context)
            host.check_room(deadline=deadline)
            CURRENT_CALL.get().caller.spend(len(request.articles))
            slots = asyncio.Semaphore(self._settings.max_in_flight_per_call)

            async def answer(index: int, message: pb.Article) -> pb.Answer:
                async with slots:
                    return await self._answer_batch(
                        host, index, message, wanted, deadline, asked=request.model
                    )

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
        deadline: float,
    ) -> pb.Answer:
        """Whatever is wrong with this article is told in its own answer."""
        if isinstance(request, Unusable):
            return self._failure(index, "", request.error)
        article_id, model, chosen = request.article.id, "", None
        try:
            with self._registry.using(request.model) as host:
                model = host.info.tag
                wanted = convert.wanted_from_proto(request.options)
                article = self._article(request)
                article_id = article.id
                chosen = await self._choose(article, request.model)
                extraction = await self._extract_in_time(
                    host, chosen, article, wanted, deadline=deadline
                )
        except Exception as error:
            return self._failure(index, article_id, error, model=model, chosen=chosen)
        return pb.Answer(index=index, article_id=article_id, extraction=extraction)

    async def _answer_batch(
        self,
        host: ModelHost,
        index: int,
        message: pb.Article,
        wanted: convert.Wanted,
        deadline: float,
        *,
        asked: str,
    ) -> pb.Answer:
        """Likewise, for an article of a batch that asked for the model ``asked``."""
        article_id, chosen = message.id, None
        try:
            article = convert.article_from_proto(
                message, max_text_bytes=self._settings.max_text_bytes, path=f"articles[{index}]"
            )
            article_id = article.id
            chosen = await self._choose(article, asked)
            extraction = await self._extract(
                host, chosen, article, wanted, deadline=deadline, wait_for_room=True
            )
        except Exception as error:
            return self._failure(index, article_id, error, model=host.info.tag, chosen=chosen)
        return pb.Answer(index=index, article_id=article_id, extraction=extraction)

    async def _choose(self, article: Article, asked: str) -> Chosen | None:
        """The variant that the article gets, where it is in an experiment."""
        return await self._trials.choose(
            article, request=asked, caller=CURRENT_CALL.get().caller.name
        )

    async def _extract_in_time(
        self,
        host: ModelHost,
        chosen: Chosen | None,
        article: Article,
        wanted: convert.Wanted,
        *,
        deadline: float,
    ) -> pb.Extraction:
        """A stream may last; each of its articles has the time that a call has."""
        limit_s = self._settings.max_call_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._extract(
                    host, chosen, article, wanted, deadline=deadline, wait_for_room=True
                )
        except TimeoutError:
            raise DeadlineError(
                f"no answer within the {limit_s:g} s that this server gives an article"
            ) from None

    async def _extract(
        self,
        host: ModelHost,
        chosen: Chosen | None,
        article: Article,
        wanted: convert.Wanted,
        *,
        deadline: float,
        wait_for_room: bool = False,
    ) -> pb.Extraction:
        """By the model of ``chosen`` or, without an experiment, by ``host``."""
        call = CURRENT_CALL.get()
        with self._trials.trial(
            chosen, host, article, caller=call.caller.name, options=wanted.options
        ) as trial:

            def answer(extraction: Extraction) -> pb.Extraction:
                return convert.extraction_to_proto(
                    article.text, trial.saw(extraction), encoding=wanted.encoding
                )

            model = trial.host.info.tag
            call.models.add(model)
            call.variants.add(trial.label)
            answered = await trial.host.extract(
                article,
                options=trial.options,
                answer=answer,
                deadline=deadline,
                wait_for_room=wait_for_room,
            )
            trial.done(answered)
        call.articles += 1
        call.statements += answered.statements
        call.timings.add(answered.timings)
        self._metrics.answered(
            model=model,
            client=call.caller.name,
            timings=answered.timings,
            statements=answered.statements,
            tokens=answered.tokens,
            variant=trial.label,
        )
        self._tracing.answered(answered.timings, model=model, statements=answered.statements)
        return answered.answer

    def _failure(
        self,
        index: int,
        article_id: str,
        error: Exception,
        *,
        model: str = "",
        chosen: Chosen | None = None,
    ) -> pb.Answer:
        """``model`` was asked for (``name@version``); the one of ``chosen`` was to answer."""
        if not isinstance(error, QuotewireError):
            error.add_note(f"article number {index} of its call")
        status = status_from_error(error)
        client = CURRENT_CALL.get().caller.name
        if chosen is not None:
            model = self._registry.select(chosen.variant.model).info.tag
        self._metrics.failed(
            reason_of(status), client=client, model=model, variant=chosen.label if chosen else ""
        )
        return pb.Answer(
            index=index, article_id=article_id[: convert.MAX_ID_CODE_POINTS], error=status
        )

    def _deadline(self, context: Context) -> float:
        """When the caller, or this server, stops waiting: a time.monotonic() value."""
        remaining_s = context.time_remaining()
        limit_s = self._settings.max_call_s
        return time.monotonic() + (limit_s if remaining_s is None else min(remaining_s, limit_s))

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

    def __init__(self, models: ModelRegistry) -> None:
        self._registry = models

    async def ListModels(
        self, request: model_pb.ListModelsRequest, context: Context
    ) -> model_pb.ListModelsResponse:
        return model_pb.ListModelsResponse(
            models=[model_message(self._registry, host) for host in self._registry]
        )

    async def GetModel(
        self, request: model_pb.GetModelRequest, context: Context
    ) -> model_pb.GetModelResponse:
        host = self._registry.select(request.model)
        return model_pb.GetModelResponse(model=model_message(self._registry, host))


def model_message(models: ModelRegistry, host: ModelHost) -> model_pb.Model:
    return convert.model_to_proto(
        host.info, is_default=host is models.select(""), aliases=models.aliases_of(host)
    )


async def _wait_for_rate(caller: Caller, draining: asyncio.Future[Literal[True]]) -> None:
    """Until the client may send one article more, or the server drains."""
    while not draining.done() and (wait_s := caller.wait_s()):
        await asyncio.wait({draining}, timeout=wait_s)
