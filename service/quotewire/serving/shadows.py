"""Shadow models: they score what callers were answered by others, when the server has time."""

from __future__ import annotations

import asyncio
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

# How many articles are in work at once, and how much text may wait (code points, all together).
_AT_ONCE = 4
_MAX_WAITING_TEXT = 16 * 1024 * 1024


class Shadows:
    """A bounded queue of articles, and the tasks that score them in the background.

    Work begins, and goes on, only while no caller's article is in work; what finds no room is
    dropped and counted.  One event loop only.
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
        self._workers: set[asyncio.Task[None]] = set()
        self._closed = False

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
        if len(self._workers) < _AT_ONCE:
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return True

    async def close(self) -> None:
        """Drops what waits and what is in work."""
        self._closed = True
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for arrived, variant in self._waiting:
            self._count(arrived, variant, "dropped")
        self._waiting.clear()

    async def _work(self) -> None:
        while self._waiting:
            await self._foreground.wait_idle()
            if not self._waiting:  # another worker was faster
                return
            arrived, variant = self._waiting.popleft()
            self._text -= len(arrived.article.text)
            await self._score(arrived, variant)

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
