"""Models from their folders, and the cores that they may use."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from quotewire.interpreter import give_back_memory
from quotewire.serving.cores import Cores

if TYPE_CHECKING:
    from quotewire.extraction.extractor import Extractor
    from quotewire.serving.settings import Settings

logger = logging.getLogger(__name__)

# torch is imported late here: it takes seconds, and the port answers health checks meanwhile.


def loader(settings: Settings) -> Callable[[str], Extractor]:
    """What loads a model of a name or folder."""

    def load(source: str) -> Extractor:
        from quotewire.extraction.extractor import Extractor

        # A thread that ends takes with it the team of threads that OpenMP made for it; see
        # Batcher._cut for what too many of them cost.
        with ThreadPoolExecutor(1, thread_name_prefix="load") as own:
            extractor = own.submit(
                Extractor.load, source, threads=settings.model_threads, precision=settings.precision
            ).result()
        give_back_memory()
        logger.info("loaded %s in %s", extractor.info.tag, extractor.precision)
        return extractor

    return load


def cores_of(settings: Settings) -> Cores:
    """Those of all models of a server together."""
    from quotewire.extraction.extractor import default_threads

    threads = settings.model_threads or default_threads()
    return Cores(threads, batches=settings.model_batches)
