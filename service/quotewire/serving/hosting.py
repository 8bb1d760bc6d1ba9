"""Loaded models, found by name, each behind its own batcher."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from quotewire.errors import InputError, ModelNotFoundError, OverloadedError
from quotewire.serving.batcher import Batcher
from quotewire.types import Article, Extraction, ExtractOptions, ModelInfo

if TYPE_CHECKING:
    from quotewire.extraction.extractor import Decoded, Extractor
    from quotewire.extraction.windows import Window
    from quotewire.serving.settings import Settings

MAX_SELECTOR_CHARACTERS = 200
# A sentence with everything in it: answered before the server calls itself ready.
WARM_UP = Article(
    id="warm-up",
    text="“We are ready,” the minister told Reuters on Monday, according to people in the room.",
)
# How many parts of long articles the queue has room for.
_PARTS_PER_QUEUE = 8

_Answer = TypeVar("_Answer")


class ModelHost:
    """One model: tokenising and decoding in ``pool``, the network in its batcher's thread."""

    def __init__(
        self, extractor: Extractor, *, pool: ThreadPoolExecutor, settings: Settings
    ) -> None:
        self._extractor = extractor
        self._pool = pool
        self._part_tokens = settings.max_queue_tokens // _PARTS_PER_QUEUE
        self._batcher: Batcher[Window, Decoded] = Batcher(
            extractor.forward,
            tokens_per_batch=settings.tokens_per_batch,
            max_queue_tokens=settings.max_queue_tokens,
            name=extractor.info.tag,
        )

    @property
    def info(self) -> ModelInfo:
        return self._extractor.info

    @property
    def queued_tokens(self) -> int:
        """How many word pieces wait for the model."""
        return self._batcher.queued_tokens

    async def extract(
        self,
        article: Article,
        *,
        options: ExtractOptions,
        answer: Callable[[Extraction], _Answer],
        deadline: float | None = None,
        wait_for_room: bool = False,
    ) -> _Answer:
        """The statements of an article, put through ``answer`` (in the pool too: slicing a long
        text must not hold up the event loop).

        ``deadline``: time.monotonic() seconds.  A full queue raises OverloadedError, or is waited
        for with ``wait_for_room``.  Cancelling drops what the model has not seen yet.
        """
        loop = asyncio.get_running_loop()
        if not wait_for_room:
            self.check_room(deadline=deadline)
        prepared = await loop.run_in_executor(self._pool, self._extractor.prepare, article)
        scores: list[Decoded] = []
        for part in self._parts(prepared.windows):
            # Once begun, an article is finished: its later parts wait for room.
            wait = wait_for_room or bool(scores)
            scores += await self._score(part, deadline=deadline, wait_for_room=wait)

        def finish() -> _Answer:
            return answer(self._extractor.finish(prepared, scores, options=options))

        return await loop.run_in_executor(self._pool, finish)

    def _parts(self, windows: Sequence[Window]) -> Iterator[Sequence[Window]]:
        """Cuts a long article's windows into parts that leave the queue room for others."""
        begin = tokens = 0
        for index, window in enumerate(windows):
            if tokens and tokens + window.pieces > self._part_tokens:
                yield windows[begin:index]
                begin, tokens = index, 0
            tokens += window.pieces
        yield windows[begin:]

    async def _score(
        self, windows: Sequence[Window], *, deadline: float | None, wait_for_room: bool
    ) -> list[Decoded]:
        while True:
            try:
                scores = self._batcher.submit(windows, deadline=deadline, patient=wait_for_room)
            except OverloadedError:
                if not wait_for_room:
                    raise
            else:
                return await asyncio.wrap_future(scores)
            # Past its deadline a call is cancelled by gRPC, here as anywhere.
            await asyncio.wrap_future(self._batcher.when_room())

    def check_room(self, *, deadline: float | None = None) -> None:
        """Raises OverloadedError where a call would be refused now."""
        self._batcher.check_room(deadline=deadline)

    async def warm_up(self) -> None:
        """Answers one article; raises what the model raises."""
        await self.extract(WARM_UP, options=ExtractOptions(), answer=lambda extraction: None)

    async def close(self) -> None:
        await asyncio.to_thread(self._batcher.close)


class ModelHosts:
    """All models of a server, in the order they were loaded; the first is the default."""

    def __init__(self) -> None:
        self._hosts: list[ModelHost] = []

    def add(self, host: ModelHost) -> None:
        self._hosts.append(host)

    def __iter__(self) -> Iterator[ModelHost]:
        return iter(self._hosts)

    def select(self, selector: str) -> ModelHost:
        """The model of that ``name@version``, the first one of that ``name``, or the default for
        an empty selector.  Raises ModelNotFoundError."""
        if len(selector) > MAX_SELECTOR_CHARACTERS:
            raise InputError(
                field="model",
                value=f"{len(selector)} characters",
                allowed=f"name or name@version, at most {MAX_SELECTOR_CHARACTERS} characters",
            )
        for host in self._hosts:
            if selector in ("", host.info.name, host.info.tag):
                return host
        raise ModelNotFoundError(selector, known=[host.info.tag for host in self._hosts])

    async def close(self) -> None:
        for host in self._hosts:
            await host.close()
