"""What the commands share: the errors a user sees, the seam for tests, common options, input."""

from __future__ import annotations

import hashlib
import math
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from quotewire.errors import ConfigError
from quotewire.types import PRECISIONS, ExtractOptions

if TYPE_CHECKING:
    from quotewire.extraction.extractor import Extractor

DEFAULT_MODEL = "quotewire-base"
STDIN = "-"
PRECISION = "QUOTEWIRE_PRECISION"

Command = TypeVar("Command", bound=Callable[..., Any])


class UserError(click.ClickException):
    """Wrong usage or unusable input: one line on standard error, exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"quotewire: {self.format_message()}", file=file or sys.stderr)


class OutsideError(UserError):
    """Something outside this process failed (a server): one line, exit code 1."""

    exit_code = 1


class SigTerm(KeyboardInterrupt):
    """SIGTERM, raised where Ctrl-C would be."""


class Interrupted(UserError):
    """Ctrl-C.  Its exit code, as those below, is the one that shells give for the signal."""

    exit_code = 128 + signal.SIGINT


class Terminated(UserError):
    exit_code = 128 + signal.SIGTERM


class OutputClosed(UserError):
    """The reader of the output went away: nothing to say, and nobody to say it to."""

    exit_code = 128 + signal.SIGPIPE

    def show(self, file: Any = None) -> None:
        pass


class LoadExtractor(Protocol):
    def __call__(self, name: str | None, *, threads: int | None) -> Extractor:
        """The model of that name or folder (None for the default one), ready to answer."""


def _precision() -> str:
    """What the environment asks for (docs/settings.md).  Raises ConfigError."""
    asked = os.environ.get(PRECISION) or PRECISIONS[0]
    if asked not in PRECISIONS:
        raise ConfigError(f"{PRECISION}: got {asked!r}; allowed: {', '.join(PRECISIONS)}")
    return asked


def _load_extractor(name: str | None, *, threads: int | None) -> Extractor:
    from quotewire.extraction.extractor import Extractor

    return Extractor.load(
        name or DEFAULT_MODEL, threads=threads, device=None, precision=_precision()
    )


class IdentifyModel(Protocol):
    def __call__(self, name: str | None) -> tuple[str, str]:
        """``name@version`` of that model (None for the default one) and a digest of its folder,
        and of the precision where one is asked for: another digest, other answers."""


def _identify_model(name: str | None) -> tuple[str, str]:
    from quotewire.extraction.model_folder import digest, find_model, read_description

    folder = find_model(name or DEFAULT_MODEL)
    description = read_description(folder)
    precision = _precision()
    files = digest(folder)
    if precision != PRECISIONS[0]:
        files = hashlib.sha256(f"{files} {precision}".encode()).hexdigest()
    return f"{description.name}@{description.version}", files


def _open_page(url: str) -> bool:
    import webbrowser

    return webbrowser.open(url)


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The commands' only seam: what they get their models from, and what opens pages.

    Tests pass their own: ``CliRunner().invoke(commands, [...], obj=Toolbox(load_extractor=…))``.
    Worker processes load their model themselves: there, both must be functions that pickle.
    """

    load_extractor: LoadExtractor = _load_extractor
    identify_model: IdentifyModel = _identify_model
    open_page: Callable[[str], bool] = _open_page  # a URL; whether a browser was found


def _not_nan(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is not in the range 0<=x<=1.")
    return value


def model_options(command: Command) -> Command:
    """``--model`` and ``--threads``."""
    command = click.option(
        "--threads",
        type=click.IntRange(min=1),
        help="CPU threads of the model (default: chosen by torch).",
    )(command)
    return click.option(
        "--model",
        metavar="NAME|FOLDER",
        help=f"A model by name, or the folder of one.  [default: {DEFAULT_MODEL}]",
    )(command)


def answer_options(command: Command) -> Command:
    """``--acts`` and ``--min-confidence``; :func:`extract_options` makes one value of the two."""
    command = click.option(
        "--min-confidence",
        type=click.FloatRange(0.0, 1.0),
        callback=_not_nan,
        help="Leave out statements below this probability (default: the model's own bound).",
    )(command)
    return click.option(
        "--acts",
        type=click.Choice(["statements", "all"]),
        default="statements",
        show_default=True,
        help="Statements only (said, wrote, denied …), or attitudes too (wants, plans …).",
    )(command)


def extract_options(*, acts: str, min_confidence: float | None) -> ExtractOptions:
    return ExtractOptions(all_acts=acts == "all", min_confidence=min_confidence)


def read_text(path: str) -> str:
    """The text of a file or of standard input (``-``), its line ends as they are.

    A byte-order mark at the start is no part of the text.  Raises UserError for a file that is
    missing, unreadable or not UTF-8.
    """
    try:
        data = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # With a byte-order mark in front, the decoder counts from behind it.
        position = len(data) - len(error.object) + error.start
        raise UserError(
            f"{'standard input' if path == STDIN else path}: not UTF-8: "
            f"byte 0x{data[position]:02x} at byte position {position}"
        ) from error
