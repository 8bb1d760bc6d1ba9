"""The command line in this process, around the fake model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quotewire.cli.common import Toolbox
from quotewire.cli.main import commands
from quotewire.errors import ModelNotFoundError
from quotewire.extraction.extractor import Extractor
from tests.fakes import fake_extractor

Run = Callable[..., Result]


def load_fake(name: str | None, *, threads: int | None) -> Extractor:
    if name not in (None, "fake"):
        raise ModelNotFoundError(name, known=["fake"])
    return fake_extractor()


def identify_fake(name: str | None) -> tuple[str, str]:
    if name not in (None, "fake"):
        raise ModelNotFoundError(name, known=["fake"])
    return "fake@1.0.0", "0" * 64


@pytest.fixture
def run() -> Run:
    """``run("extract", FILE, …)``: the result of that command line."""

    def run(*arguments: str | Path, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(
            commands,
            [str(argument) for argument in arguments],
            input=input,
            obj=Toolbox(load_extractor=load_fake, identify_model=identify_fake),
            prog_name="quotewire",
            env={"COLUMNS": "140"},
        )

    return run


def one_line(result: Result) -> str:
    """The one line that an error is told in; fails if there is more, or a traceback."""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]
