"""A stream of articles to a server that may go away, and their answers.  Used by the client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Coroutine, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from quotewire.errors import (
    ConfigError,
    DeadlineError,
    InputError,
    QuotewireError,
    StreamIdleError,
    UnavailableError,
)
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1 import extraction_service_pb2 as service_pb
from quotewire.serving import convert, status
from quotewire.types import Article, Extraction

if TYPE_CHECKING:  # a class that exists for type checkers only
    from quotewire.pb.v1.extraction_service_pb2_grpc import ExtractionServiceAsyncStub

# How often a stream is begun again without a single answer in between, and how long it waits first
# (seconds, doubled each time).
MAX_RESTARTS = 5
FIRST_BACKOFF_S = 0.2
# How long a stream that is done waits for the server to end it (seconds).
LAST_WORD_S = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one of several articles: exactly one of ``extraction`` and ``error`` is set.

    ``index`` is the article's position among those given, from 0.
    """

    index: int
    article: Article
    extraction: Extraction | None = None
    error: QuotewireError | None = None

    @classmethod
    def from_proto(cls, message: pb.Answer, *, index: int, article: Article) -> Answer:
        if message.HasField("extraction"):
            extraction = convert.extraction_from_proto(message.extraction)
            return cls(index=index, article=article, extraction=extraction)
        error = status.error_from_status(message.error)
        return cls(index=index, article=article, error=error)


@dataclass(frozen=True, slots=True)
class _Pending:
    """An article that was read and has no answer yet."""

    article: Article
    message: pb.Article
    since: float  # time.monotonic() seconds


class ArticleStream:
    """One ``extract_stream`` call of the client, over as many gRPC streams as it takes.

    Two tasks beside the caller: the feeder reads articles as long as fewer than ``in_flight``
    answers are untaken; the talker sends them and reads answers, and goes to the next server with
    the unanswered ones where one goes away.  Both put what they have into one inbox.
    """

    def __init__(
        self,
        stub: ExtractionServiceAsyncStub,
        articles: Iterable[Article] | AsyncIterable[Article],
        *,
        options: pb.ExtractOptions,
        model: str,
        in_flight: int,
        ordered: bool,
        timeout_s: float,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> None:
        if in_flight < 1:
            raise ConfigError(f"in_flight: got {in_flight}; allowed: 1 or more")
        self._stub = stub
        self._articles = articles
        self._options = options
        self._model = model
        self._ordered = ordered
        self._timeout_s = timeout_s
        self._metadata = tuple(metadata)
        self._slots = asyncio.Semaphore(in_flight)
        self._inbox: asyncio.Queue[Answer | BaseException | None] = asyncio.Queue()
        self._pending: dict[int, _Pending] = {}  # by index, oldest first
        # What the current gRPC stream has to send: indices, then None for "no more".
        self._to_send: asyncio.Queue[int | None] = asyncio.Queue()
        self._fed = 0
        self._all_fed = False

    async def answers(self) -> AsyncGenerator[Answer, None]:
        """All answers.  Raises what reading the articles raises, UnavailableError where no server
        can be had, DeadlineError where one article's answer takes longer than ``timeout_s``."""
        tasks = [
            asyncio.create_task(self._reporting(self._feed())),
            asyncio.create_task(self._reporting(self._talk())),
        ]
        taken = 0
        early: dict[int, Answer] = {}  # answers that others have to come before
        try:
            while not (self._all_fed and taken == self._fed):
                item = await self._following()
                if isinstance(item, BaseException):
                    raise item
                if item is None:
                    continue
                early[item.index] = item
                while early and (not self._ordered or taken in early):
                    answer = early.pop(taken) if self._ordered else early.popitem()[1]
                    taken += 1
                    self._slots.release()
                    yield answer
            # The server has the last word: a call cut off before it would count as cancelled.
            await asyncio.wait(tasks, timeout=LAST_WORD_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _following(self) -> Answer | BaseException | None:
        """What comes into the inbox next."""
        while True:
            try:
                return await asyncio.wait_for(self._inbox.get(), self._timeout_s)
            except TimeoutError:
                pass
            oldest = next(iter(self._pending.values()), None)
            if oldest and time.monotonic() - oldest.since >= self._timeout_s:
                raise DeadlineError(
                    f"no answer to article {oldest.article.id[:60]!r} within {self._timeout_s:g} s"
                )

    async def _reporting(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a task; what it raises goes to the caller, its end wakes the caller up."""
        try:
            await work
            self._inbox.put_nowait(None)
        except Exception as error:
            self._inbox.put_nowait(error)

    async def _feed(self) -> None:
        async with aclosing(_iterate(self._articles)) as articles:
            async for article in articles:
                await self._slots.acquire()
                index, self._fed = self._fed, self._fed + 1
                try:
                    message = convert.article_to_proto(article)
                except InputError as error:
                    self._inbox.put_nowait(Answer(index=index, article=article, error=error))
                    continue
                self._pending[index] = _Pending(article, message, time.monotonic())
                self._to_send.put_nowait(index)
        self._all_fed = True
        self._to_send.put_nowait(None)

    async def _talk(self) -> None:
        failures = 0
        while not (self._all_fed and not self._pending):
            before = self._pending.keys() | ()
            error: QuotewireError = UnavailableError("the server left articles unanswered")
            try:
                await self._talk_to_one_server()
            except grpc.aio.AioRpcError as failure:
                error = status.error_from_status(status.status_of_call(failure))
                if not isinstance(error, (UnavailableError, StreamIdleError)):
                    raise error from failure
            if before - self._pending.keys():
                failures = 0
            if self._pending:
                if failures >= MAX_RESTARTS:
                    raise error
                await asyncio.sleep(FIRST_BACKOFF_S * 2**failures)
                failures += 1

    async def _talk_to_one_server(self) -> None:
        """One gRPC stream: sends what is pending and what the feeder adds, reads the answers."""
        self._to_send = asyncio.Queue()
        for index in [*self._pending, *([None] if self._all_fed else [])]:
            self._to_send.put_nowait(index)
        # Begun when there is something to say: servers end streams that stand still.
        first = await self._to_send.get()
        if first is None:
            return
        call = self._stub.ExtractStream(metadata=self._metadata)
        sent: list[int] = []  # the indices in this gRPC stream's own order
        sender = asyncio.create_task(self._send(call, first, sent))
        try:
            async for response in call:
                self._take(sent[response.answer.index], response.answer)
        finally:
            sender.cancel()
            call.cancel()
            # What went wrong with writing is in the call's status as well.
            await asyncio.gather(sender, return_exceptions=True)

    async def _send(
        self,
        call: grpc.aio.StreamStreamCall[Any, Any],
        first: int,
        sent: list[int],
    ) -> None:
        index: int | None = first
        while index is not None:
            sent.append(index)
            request = service_pb.ExtractStreamRequest(
                article=self._pending[index].message, options=self._options, model=self._model
            )
            await call.write(request)
            index = await self._to_send.get()
        await call.done_writing()

    def _take(self, index: int, message: pb.Answer) -> None:
        answer = Answer.from_proto(message, index=index, article=self._pending[index].article)
        if isinstance(answer.error, UnavailableError):
            return  # stays pending, for the next server
        del self._pending[index]
        self._inbox.put_nowait(answer)


async def _iterate(
    articles: Iterable[Article] | AsyncIterable[Article],
) -> AsyncGenerator[Article, None]:
    if isinstance(articles, AsyncIterable):
        async for article in articles:
            yield article
    else:
        for article in articles:
            yield article
