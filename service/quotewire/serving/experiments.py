"""Everything of experiments that a server has, put together: trials, shadows, both logs."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from quotewire.experiments.exposures import ExposureLog
from quotewire.experiments.logs import open_feedback, open_sink
from quotewire.experiments.records import Exposure
from quotewire.serving.feedback import FeedbackServicer
from quotewire.serving.foreground import Foreground
from quotewire.serving.metrics import Metrics
from quotewire.serving.registry import ModelRegistry
from quotewire.serving.settings import Settings
from quotewire.serving.shadows import Shadows
from quotewire.serving.trials import Trials

# How long the rows that wait may be written at the end (seconds).
_FLUSH_S = 5.0


class Experiments:
    """``trials`` choose and note, ``feedback`` records verdicts; ``foreground`` and ``pool`` are
    what model hosts do background work by.

    Raises ConfigError where the logs cannot be had.
    """

    def __init__(self, models: ModelRegistry, *, metrics: Metrics, settings: Settings) -> None:
        where = settings.experiments_place
        self.foreground = Foreground()
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="background")
        self.feedback = FeedbackServicer(open_feedback(where) if where else None, metrics=metrics)
        self._exposures: ExposureLog | None = None
        if where:
            self._exposures = ExposureLog(
                open_sink(where, max_file_bytes=settings.exposure_file_bytes),
                max_rows=settings.exposure_queue_rows,
                count=metrics.exposed,
            )
        self._shadows = Shadows(
            models,
            foreground=self.foreground,
            metrics=metrics,
            note=self._note,
            max_articles=settings.shadow_queue_articles,
        )
        self.trials = Trials(models, note=self._note, shadow=self._shadows.offer)
        metrics.watch_experiments(self._exposures, shadows_waiting=lambda: self._shadows.waiting)

    def _note(self, row: Exposure) -> None:
        if self._exposures:
            self._exposures.put(row)

    async def stop_shadows(self) -> None:
        """Drops the shadows' work: before their models close."""
        await self._shadows.close()

    async def close(self) -> None:
        """Ends both logs, once no call is left."""
        await self.feedback.close()
        if self._exposures:
            await asyncio.to_thread(self._exposures.close, timeout_s=_FLUSH_S)
        await asyncio.to_thread(self.pool.shutdown, cancel_futures=True)
