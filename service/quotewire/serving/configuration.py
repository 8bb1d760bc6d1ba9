"""What can change while a server runs: its models and its clients.

A reload reads the files, loads and warms up what is new, and flips to it in one step; what is no
longer named closes when its last call is done.  Anything wrong: the reason, and nothing changes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quotewire.errors import ModelFolderError, ModelNotFoundError, QuotewireError
from quotewire.serving.clients import Clients, read_clients
from quotewire.serving.hosting import ModelHost
from quotewire.serving.model_table import read_model_table
from quotewire.serving.registry import ModelRegistry
from quotewire.serving.settings import Settings

if TYPE_CHECKING:
    from quotewire.extraction.extractor import Extractor

logger = logging.getLogger(__name__)

# What a model is made of; a change in any of them is a new model.
_Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload changed, as ``name@version``."""

    loaded: tuple[str, ...]
    removed: tuple[str, ...]


class Configuration:
    """Keeps ``registry`` and ``clients`` as the settings' files say.  One event loop only."""

    def __init__(
        self,
        settings: Settings,
        *,
        registry: ModelRegistry,
        clients: Clients,
        load: Callable[[str], Extractor],
        host: Callable[[Extractor], ModelHost],
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clients = clients
        self._load = load
        self._host = host
        # By source; a model without a stamp (not from a folder) is loaded anew each time.
        self._stamps: dict[str, tuple[_Stamp, ModelHost]] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()

    def read_clients(self) -> None:
        """Takes over the configured clients.  Raises ConfigError."""
        settings = self._settings
        self._clients.replace(read_clients(settings.clients_file, tokens=settings.tokens))

    async def install(self, extractors: Iterable[Extractor]) -> None:
        """Warms these models up and flips to them; raises what a warm-up raises."""
        hosts = []
        for extractor in extractors:
            hosts.append(self._host(extractor))
            await hosts[-1].warm_up()
        self._flip(hosts)

    async def reload(self) -> Reloaded:
        """Raises ConfigError, ModelNotFoundError or ModelFolderError; then nothing has changed."""
        async with self._one_at_a_time:
            settings = self._settings
            entries = read_clients(settings.clients_file, tokens=settings.tokens)
            table = read_model_table(settings.models_file, models=settings.models)
            new: list[ModelHost] = []
            hosts: list[ModelHost] = []
            stamps = {}
            try:
                for source in table.sources:
                    stamp = await asyncio.to_thread(_stamp, source)
                    known = self._stamps.get(source)
                    if stamp and known and known[0] == stamp:
                        host = known[1]
                    else:
                        host = self._host(await asyncio.to_thread(self._load, source))
                        new.append(host)
                        await _warm_up(host, source)
                    if stamp:
                        stamps[source] = stamp, host
                    hosts.append(host)
                before = tuple(self._registry)
                self._flip(hosts, aliases=dict(table.aliases), default=table.default)
            except BaseException:
                for host in new:
                    await host.close()
                raise
            self._clients.replace(entries)
            self._stamps = stamps
            done = Reloaded(
                loaded=tuple(host.info.tag for host in new),
                removed=tuple(host.info.tag for host in before if host not in hosts),
            )
            logger.info("configuration loaded: new %s, removed %s", done.loaded, done.removed)
            return done

    def _flip(
        self,
        hosts: list[ModelHost],
        *,
        aliases: dict[str, str] | None = None,
        default: str = "",
    ) -> None:
        before = tuple(self._registry)
        self._registry.replace(hosts, aliases=aliases, default=default)
        for host in before:
            if host not in hosts:
                task = asyncio.create_task(self._retire(host))
                self._retiring.add(task)
                task.add_done_callback(self._retiring.discard)

    async def _retire(self, host: ModelHost) -> None:
        await host.close()
        logger.info("closed %s, which no call used any more", host.info.tag)

    async def close(self) -> None:
        """Closes all models, once nobody uses them."""
        await asyncio.gather(*self._retiring)
        await self._registry.close()


async def _warm_up(host: ModelHost, source: str) -> None:
    try:
        await host.warm_up()
    except QuotewireError:
        raise
    except Exception as error:  # the model's own: anything
        raise ModelFolderError(
            f"{source}: the model failed its warm-up: {type(error).__name__}: {error}"
        ) from error


def _stamp(source: str) -> _Stamp | None:
    """Changes when a file of the model's folder does; None where it is in no folder."""
    # Imported late: torch takes seconds, and the port answers health checks meanwhile.
    from quotewire.extraction.model_folder import find_model

    try:
        folder = find_model(source)
    except ModelNotFoundError:
        return None
    return tuple(
        (file.name, stat.st_ino, stat.st_mtime_ns, stat.st_size)
        for file in sorted(Path(folder).iterdir())
        if file.is_file() and (stat := file.stat())
    )
