"""Where the commands put statements: standard output, a file, a folder, a browser."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from quotewire.cli.common import UserError

if TYPE_CHECKING:
    from quotewire.render.formats import Answer


def check_target(out: str, *, format_: str, inputs: Iterable[str] = ()) -> None:
    """Raises UserError where ``out`` cannot be written, or one of ``inputs`` would be replaced."""
    path = Path(out)
    if not path.parent.is_dir():
        raise UserError(f"--out {out}: the folder {path.parent} does not exist")
    if format_ == "brat":
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise UserError(f"--out {out}: exists; brat wants a new or an empty folder")
        return
    if path.exists() and not path.is_file():  # a rename would replace /dev/null, too
        raise UserError(f"--out {out}: is no regular file")
    for name in inputs:
        if path.exists() and os.path.samefile(name, path):
            raise UserError(f"--out {out}: is an input, too")


def write_answers(answers: Iterable[Answer], *, format_: str, out: str | None) -> None:
    """Write ``answers`` in a format of quotewire.render.formats to ``out``, which appears whole at
    the end, or to standard output."""
    from quotewire.render.formats import FORMATS, writer

    try:
        write = writer(format_)
        if out is None:
            if not FORMATS[format_] and sys.stdout.isatty():
                raise UserError(f"--format {format_}: is no text: give --out FILE, or redirect")
            for chunk in write(answers):
                sys.stdout.buffer.write(chunk)
        elif format_ == "brat":
            _write_folder(answers, Path(out))
        else:
            from quotewire.batch.writers import whole_file

            with whole_file(Path(out)) as file:
                for chunk in write(answers):
                    file.write(chunk)
    except ModuleNotFoundError as error:
        if error.name != "spacy":
            raise
        raise UserError("--format spacy: needs spaCy: pip install 'quotewire[spacy]'") from error


def _write_folder(answers: Iterable[Answer], out: Path) -> None:
    from quotewire.render.formats.brat import write_folder

    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
        folder = Path(temporary) / out.name
        write_folder(answers, folder)
        folder.rename(out)


def write_text(text: str, *, out: str | None) -> None:
    """Write ``text`` as UTF-8 to the file ``out``, which appears whole, or to standard output."""
    if out is None:
        sys.stdout.buffer.write(text.encode("utf-8"))
        return
    from quotewire.batch.writers import whole_file

    with whole_file(Path(out)) as file:
        file.write(text.encode("utf-8"))


def temporary_page(name: str) -> str:
    """Where a page goes that is only to be looked at; only this user can read it.  It stays, as
    nobody knows when the browser has read it."""
    return str(Path(tempfile.mkdtemp(prefix="quotewire-")) / f"{Path(name).stem or 'page'}.html")
