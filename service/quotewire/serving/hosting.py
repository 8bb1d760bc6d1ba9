"""A loaded model behind its batcher: articles in, answers and timings out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from quotewire.errors import OverloadedError
from quotewire.serving.batcher import Batcher
from quotewire.serving.calls import Timings, covered_s
from quotewire.serving.cores import Cores
from quotewire.serving.foreground import Foreground
from quotewire.serving.jobs import BatchFacts
from quotewire.types import Article, Extraction, ExtractOptions, ModelInfo

if TYPE_CHECKING:
    from quotewire.extraction.extractor import Decoded, Extractor
    from quotewire.extraction.windows import Window
    from quotewire.serving.settings import Settings

# A sentence with everything in it: answered before the server calls itself ready.
WARM_UP = Article(
    id="warm-up",
    text="“We are ready,” the minister told Reuters on Monday, according to people in the room.",
)
# How many parts of long articles the queue has room for.
_PARTS_PER_QUEUE = 8
# English news has a little more; what is reserved before tokenising need not be exact.
_CHARACTERS_PER_PIECE = 4

_Answer = TypeVar("_Answer")
_Step = TypeVar("_Step")


@dataclass(frozen=True, slots=True)
class Answered(Generic[_Answer]):
    """One article's answer, the number of its statements, how many tokens (word pieces) the model
    read for it, and where its time went."""

    answer: _Answer
    statements: int
    tokens: int
    timings: Timings


class ModelHost:
    """One model: tokenising and decoding in ``pool``, the network in its batcher's threads, on
    ``cores``.

    ``on_batch`` is told of every batch, in one of these threads.  ``digest`` tells the model's
    files from all others, empty where it came from none.  Background work waits while
    ``foreground`` has articles, and is done in ``background_pool``.
    """

    def __init__(
        self,
        extractor: Extractor,
        *,
        pool: ThreadPoolExecutor,
        settings: Settings,
        cores: Cores,
        foreground: Foreground,
        background_pool: ThreadPoolExecutor,
        digest: str = "",
        on_batch: Callable[[str, BatchFacts], None] | None = None,
    ) -> None:
        self._extractor = extractor
        self._pool = pool
        self._foreground = foreground
        self._background_pool = background_pool
        self.digest = digest
        self._part_tokens = max(settings.max_queue_tokens // _PARTS_PER_QUEUE, 1)
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()
        tag = extractor.info.tag
        self._batcher: Batcher[Window, Decoded] = Batcher(
            self._forward,
            cores=cores,
            tokens_per_batch=settings.tokens_per_batch,
            max_queue_tokens=settings.max_queue_tokens,
            name=tag,
            on_batch=(lambda facts: on_batch(tag, facts)) if on_batch else None,
            may_idle=lambda: foreground.idle,
        )
        foreground.listen(self._batcher.nudge)

    @property
    def info(self) -> ModelInfo:
        return self._extractor.info

    @property
    def queued_tokens(self) -> int:
        """How many word pieces wait for the model."""
        return self._batcher.queued_tokens

    @property
    def max_queue_tokens(self) -> int:
        return self._batcher.max_queue_tokens

    @property
    def oldest_wait_s(self) -> float:
        """How long the oldest article in the queue has waited (seconds); 0 for none."""
        return self._batcher.oldest_wait_s

    @property
    def users(self) -> int:
        """How many calls use it now."""
        return self._users

    @contextmanager
    def used(self) -> Iterator[ModelHost]:
        """Keeps the model open meanwhile."""
        self._users += 1
        self._unused.clear()
        try:
            yield self
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def extract(
        self,
        article: Article,
        *,
        options: ExtractOptions,
        answer: Callable[[Extraction], _Answer],
        deadline: float | None = None,
        wait_for_room: bool = False,
        background: bool = False,
    ) -> Answered[_Answer]:
        """The statements of an article, put through ``answer`` (in the pool too: slicing a long
        text must not hold up the event loop).

        ``deadline``: time.monotonic() seconds.  A full queue or a predicted wait beyond the
        deadline raises OverloadedError, or is waited for with ``wait_for_room``.  ``background``
        takes no room, and stands back at every step while callers' articles are in work.
        Cancelling drops what the model has not seen yet.
        """
        with nullcontext() if background else self._foreground.article():
            return await self._extract(
                article,
                options=options,
                answer=answer,
                deadline=deadline,
                wait_for_room=wait_for_room,
                background=background,
            )

    async def _extract(
        self,
        article: Article,
        *,
        options: ExtractOptions,
        answer: Callable[[Extraction], _Answer],
        deadline: float | None,
        wait_for_room: bool,
        background: bool,
    ) -> Answered[_Answer]:
        started = time.monotonic()
        timings = Timings()
        batches: list[tuple[float, float]] = []  # when they began and ended
        decoded: list[Decoded] = []
        with ExitStack() as room:
            tokens = min(len(article.text) // _CHARACTERS_PER_PIECE + 1, self._part_tokens)
            if not background:
                await self._take_room(room, tokens, deadline=deadline, patient=wait_for_room)
            prepared, timings.tokenise_s = await self._in_pool(
                lambda: self._extractor.prepare(article), background=background
            )
            for part in self._parts(prepared.windows):
                # Once begun, an article is finished: its later parts wait for room.
                if decoded and not background:
                    await self._take_room(room, self._part_tokens, deadline=None, patient=True)
                scores = self._batcher.submit(
                    part,
                    deadline=deadline,
                    admitted=True,
                    background=background,
                    on_batch=lambda began, ended: batches.append((began, ended)),
                )
                room.close()
                scored = await asyncio.wrap_future(scores)
                decoded.extend(scored)

        timings.encode_s = covered_s(batches)

        def finish() -> tuple[_Answer, int]:
            extraction = self._extractor.finish(prepared, decoded, options=options)
            return answer(extraction), len(extraction.statements)

        (value, statements), timings.decode_s = await self._in_pool(finish, background=background)
        timings.queue_s = max(time.monotonic() - started - timings.total_s, 0.0)
        read = sum(window.pieces for window in prepared.windows)
        return Answered(value, statements, read, timings)

    def _forward(self, windows: Sequence[Window], threads: int) -> list[Decoded]:
        # What comes while nobody's article is in work is background work.
        if not self._foreground.idle:
            return self._extractor.forward(windows, threads=threads)
        with self._foreground.standing_back(unless=lambda: self._batcher.queued_tokens > 0):
            return self._extractor.forward(windows, threads=threads)

    async def _in_pool(self, step: Callable[[], _Step], *, background: bool) -> tuple[_Step, float]:
        """What the step returns, and the seconds it took once a worker had it."""
        if background:
            await self._foreground.wait_idle()

        def timed() -> tuple[_Step, float]:
            started = time.monotonic()
            with self._foreground.standing_back() if background else nullcontext():
                return step(), time.monotonic() - started

        pool = self._background_pool if background else self._pool
        return await asyncio.get_running_loop().run_in_executor(pool, timed)

    async def _take_room(
        self, room: ExitStack, tokens: int, *, deadline: float | None, patient: bool
    ) -> None:
        """Reserves room in the queue until ``room`` is closed; waits for it if ``patient``."""
        while True:
            try:
                room.enter_context(
                    self._batcher.reserve(
                        tokens, deadline=None if patient else deadline, patient=patient
                    )
                )
            except OverloadedError:
                if not patient:
                    raise
            else:
                return
            # Past its deadline a call is cancelled by gRPC, here as anywhere.
            await asyncio.wrap_future(self._batcher.when_room())

    def _parts(self, windows: Sequence[Window]) -> Iterator[Sequence[Window]]:
        """Cuts a long article's windows into parts that leave the queue room for others."""
        begin = tokens = 0
        for index, window in enumerate(windows):
            if tokens and tokens + window.pieces > self._part_tokens:
                yield windows[begin:index]
                begin, tokens = index, 0
            tokens += window.pieces
        yield windows[begin:]

    def check_room(self, *, deadline: float | None = None) -> None:
        """Raises OverloadedError where a call would be refused now."""
        self._batcher.check_room(deadline=deadline)

    async def warm_up(self) -> None:
        """Answers one article; raises what the model raises."""
        await self.extract(WARM_UP, options=ExtractOptions(), answer=lambda extraction: None)

    async def close(self) -> None:
        """Waits until nobody uses the model any more, then ends its workers."""
        await self._unused.wait()
        self._foreground.unlisten(self._batcher.nudge)
        await asyncio.to_thread(self._batcher.close)
