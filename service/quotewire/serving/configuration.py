"""What can change while a server runs: its models, its clients and its experiments.

A reload reads the files, loads and warms up what is new, and flips to it in one step; what is no
longer named closes when its last call is done.  Anything wrong: the reason, and nothing changes.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quotewire.errors import ModelFolderError, ModelNotFoundError, QuotewireError
from quotewire.experiments.assignment import Experiment
from quotewire.experiments.configuration import read_experiments, selectors
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
    """Keeps ``registry`` and ``clients`` as the settings' files say, and hands ``experiments`` what
    theirs says.  ``host`` makes one of an extractor and the digest of its files.  One event loop
    only."""

    def __init__(
        self,
        settings: Settings,
        *,
        registry: ModelRegistry,
        clients: Clients,
        load: Callable[[str], Extractor],
        host: Callable[[Extractor, str], ModelHost],
        experiments: Callable[[Sequence[Experiment]], None],
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clients = clients
        self._load = load
        self._host = host
        self._experiments = experiments
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
            hosts.append(self._host(extractor, ""))
            await hosts[-1].warm_up()
        self._flip(hosts)

    async def reload(self) -> Reloaded:
        """Raises ConfigError, ModelNotFoundError or ModelFolderError; then nothing has changed."""
        async with self._one_at_a_time:
            settings = self._settings
            entries = read_clients(settings.clients_file, tokens=settings.tokens)
            table = read_model_table(settings.models_file, models=settings.models)
            experiments = read_experiments(settings.experiments_file)
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
                        extractor = await asyncio.to_thread(self._load, source)
                        digest = await asyncio.to_thread(digest_of_files, source) if stamp else ""
                        host = self._host(extractor, digest)
                        new.append(host)
                        await _warm_up(host, source)
                    if stamp:
                        stamps[source] = stamp, host
                    hosts.append(host)
                before = tuple(self._registry)
                self._flip(
                    hosts,
                    aliases=dict(table.aliases),
                    default=table.default,
                    needed=selectors(experiments),
                )
            except BaseException:
                for host in new:
                    await host.close()
                raise
            self._clients.replace(entries)
            self._experiments(experiments)
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
        needed: Iterable[tuple[str, str]] = (),
    ) -> None:
        before = tuple(self._registry)
        self._registry.replace(hosts, aliases=aliases, default=default, needed=needed)
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
    try:
        files = _files(source)
    except ModelNotFoundError:
        return None
    return tuple(
        (file.name, stat.st_ino, stat.st_mtime_ns, stat.st_size)
        for file in files
        if (stat := file.stat())
    )


def digest_of_files(source: str) -> str:
    """SHA-256 of what ``sha256sum *`` prints in the model's folder (names in order of their
    bytes), 64 hexadecimal digits.  Raises ModelNotFoundError."""
    total = hashlib.sha256()
    for path in _files(source):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{digest}  {path.name}\n".encode())
    return total.hexdigest()


def _files(source: str) -> list[Path]:
    # Imported late: torch takes seconds, and the port answers health checks meanwhile.
    from quotewire.extraction.model_folder import find_model

    files = (file for file in Path(find_model(source)).iterdir() if file.is_file())
    return sorted(files, key=lambda file: os.fsencode(file.name))
