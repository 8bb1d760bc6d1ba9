"""Output lines -> one file that is there whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


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


class JsonLinesWriter:
    """Writes lines to a temporary file beside ``path`` and moves it there at the end.

    Use as a context manager.  On leaving without an exception the file is flushed to disk (fsync)
    and renamed to ``path``; with one, it is removed.  Whatever stood at ``path`` before stays
    until the rename, which is atomic: nobody ever reads half an output.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __enter__(self) -> JsonLinesWriter:
        handle, self._temporary = tempfile.mkstemp(
            dir=self.path.parent, prefix=f".{self.path.name}.", suffix=".partial"
        )
        self._file = os.fdopen(handle, "wb")
        return self

    def write(self, line: Mapping[str, Any]) -> None:
        self._file.write(dump_line(line).encode("utf-8") + b"\n")

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        try:
            if kind is None:
                self._commit()
        finally:
            self._file.close()
            if os.path.exists(self._temporary):
                os.unlink(self._temporary)

    def _commit(self) -> None:
        self._file.flush()
        # mkstemp lets only the owner read; give the file the rights of any other new file.
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(self._file.fileno(), 0o666 & ~mask)
        os.fsync(self._file.fileno())
        os.replace(self._temporary, self.path)
        # The rename itself is on disk only when the folder is.
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
