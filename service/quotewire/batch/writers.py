"""Output lines -> files that are there whole or not at all.

Every file is written beside its place under a hidden name, flushed to disk (fsync), renamed, and
the folder flushed: a crash at any point, power loss included, leaves the old file or the new one.
"""

from __future__ import annotations

import glob
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from quotewire.batch.scoring import Scored

PARTIAL = ".partial"


def dump_line(line: Mapping[str, Any]) -> str:
    """``line`` as JSON on one line, without a line end; always valid UTF-8 when encoded.

    Text stays readable as it is; only where it holds lone surrogates, which UTF-8 cannot carry,
    the line is written with escapes.
    """
    text = json.dumps(line, ensure_ascii=False, allow_nan=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(line, allow_nan=False)
    return text


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write; on leaving without an exception it is at ``path``, else nothing changed.

    Raises OSError where it cannot be written (a full disk, a missing folder).
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PARTIAL)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            # mkstemp lets only the owner read; give the file the rights of any other new file.
            mask = os.umask(0)
            os.umask(mask)
            os.fchmod(file.fileno(), 0o666 & ~mask)
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """A rename is on disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_partials(folder: Path, *, of: str | None = None) -> None:
    """What killed writers left behind; of files named ``of`` only, if given."""
    for path in folder.glob(f".{glob.escape(of) if of else '*'}.*{PARTIAL}"):
        path.unlink(missing_ok=True)


class PartWriter(Protocol):
    """Writes one shard's output: use as a context manager; its files appear on leaving without an
    exception.  ``paths`` are all files it makes."""

    paths: tuple[Path, ...]

    def write(self, scored: Scored, *, row: int) -> None:
        """``row``: the record's number in the whole run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Files:
    """The files that a part writer has open; they are committed in order."""

    def __init__(self, *paths: Path) -> None:
        self.paths = paths
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        # The stack leaves in the other direction, and the first path is to be committed first.
        files = [self._stack.enter_context(whole_file(path)) for path in reversed(self.paths)]
        self._open(files[::-1])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:  # whatever is raised in here is a failure of the files
            try:
                if error is not None:
                    raise error
                self._close()
            except BaseException:
                self._abandon()
                raise

    def _open(self, files: list[IO[bytes]]) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        """Write what was gathered."""

    def _abandon(self) -> None:
        """The files are given up."""


class JsonLinesPart(Files):
    """One JSON line a record (docs/json-lines.md)."""

    def _open(self, files: list[IO[bytes]]) -> None:
        [self._file] = files

    def write(self, scored: Scored, *, row: int) -> None:
        self._file.write(dump_line(scored.line).encode("utf-8") + b"\n")
