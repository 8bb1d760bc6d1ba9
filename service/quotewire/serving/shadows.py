"""Shadow models: they score what callers were answered by others, when the server has time."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Callable

from quotewire.experiments.assignment import Variant
from quotewire.experiments.records import Exposure, Role
from quotewire.serving.foreground import Foreground
from quotewire.serving.metrics import Metrics
from quotewire.serving.registry import ModelRegistry
from quotewire.serving.trials import Arrived, Trial

logger = logging.getLogger(__name__)

# How much text may wait (code points, all together).
_MAX_WAITING_TEXT = 16 * 1024 * 1024


class Shadows:
    """A bounded queue of articles, and the task that scores them in the background, one at a time:
    a caller who comes meanwhile finds one thread of it at work at most.

    While a caller's article is in work, and until its answer is on its way, an article is put into
    the queue and nothing else is done; work begins, and goes on, when the server is idle.  What
    finds no room is dropped and counted.  One event loop only.
    """

    def __init__(
        self,
        models: ModelRegistry,
        *,
        foreground: Foreground,
        metrics: Metrics,
        note: Callable[[Exposure], object],
        max_articles: int,
    ) -> None:
        self._models = models
        self._foreground = foreground
        self._metrics = metrics
        self._note = note
        self._max_articles = max_articles
        self._waiting: deque[tuple[Arrived, Variant]] = deque()
        self._text = 0  # code points of those waiting
        self._worker: asyncio.Task[None] | None = None
        self._closed = False
        foreground.listen(self._begin)

    @property
    def waiting(self) -> int:
        """Articles that wait."""
        return len(self._waiting)

    def offer(self, arrived: Arrived, variant: Variant) -> bool:
        """Whether there was room for it.  Never waits."""
        size = len(arrived.article.text)
        if (
            self._closed
            or len(self._waiting) >= self._max_articles
            or self._text + size > _MAX_WAITING_TEXT
        ):
            self._count(arrived, variant, "dropped")
            return False
        self._waiting.append((arrived, variant))
        self._text += size
        if self._foreground.idle:
            self._begin()
        return True

    async def close(self) -> None:
        """Drops what waits and what is in work."""
        self._closed = True
        self._foreground.unlisten(self._begin)
        if self._worker:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        for arrived, variant in self._waiting:
            self._count(arrived, variant, "dropped")
        self._waiting.clear()

    def _begin(self) -> None:
        """The server is idle."""
        if self._waiting and self._worker is None:
            # In a context of its own: what it logs is no part of the call that happened to be last.
            self._worker = asyncio.create_task(self._work(), context=contextvars.Context())

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._foreground.wait_idle()
                arrived, variant = self._waiting.popleft()
                self._text -= len(arrived.article.text)
                await self._score(arrived, variant)
        finally:
            self._worker = None

    async def _score(self, arrived: Arrived, variant: Variant) -> None:
        try:
            with self._models.using(variant.model) as host:
                trial = Trial(
                    host,
                    arrived.options_of(variant),
                    arrived=arrived,
                    variant=variant,
                    role=Role.SHADOW,
                    note=self._note,
                )
                try:
                    answered = await host.extract(
                        arrived.article, options=trial.options, answer=trial.saw, background=True
                    )
                except Exception as error:  # a model's own: anything
                    trial.failed(error)
                    raise
                trial.done(answered)
        except asyncio.CancelledError:
            self._count(arrived, variant, "dropped")
            raise
        except Exception as error:
            self._count(arrived, variant, "failed")
            logger.warning("the shadow model %s failed: %s", variant.model, type(error).__name__)
        else:
            self._count(arrived, variant, "done")

    def _count(self, arrived: Arrived, variant: Variant, outcome: str) -> None:
        self._metrics.shadowed(f"{arrived.chosen.experiment.name}/{variant.name}", outcome)
