"""The batch's counts and its last sentence."""

from __future__ import annotations

import io

from rich.console import Console

from quotewire.render.progress import BatchProgress

ANSWERED = {"error": None, "statements": [{}, {}]}
FAILED = {"error": "no text", "statements": []}


def run(console: Console, *, quiet: bool = False) -> BatchProgress:
    with BatchProgress(total_bytes=30, console=console, quiet=quiet) as progress:
        for position, line in enumerate([ANSWERED, ANSWERED, FAILED], start=1):
            progress.count(line, position=10 * position)
    return progress


def test_lines_are_counted() -> None:
    progress = run(Console(file=io.StringIO()))
    assert (progress.articles, progress.statements, progress.failed) == (2, 4, 1)
    assert "2 articles" in progress.summary()
    assert "4 statements, lines failed: 1" in progress.summary()


def test_a_terminal_sees_a_bar_and_a_file_does_not() -> None:
    terminal, file, quiet = io.StringIO(), io.StringIO(), io.StringIO()
    run(Console(file=terminal, force_terminal=True))
    run(Console(file=file))
    run(Console(file=quiet, force_terminal=True), quiet=True)
    assert "100%" in terminal.getvalue()
    assert file.getvalue() == quiet.getvalue() == ""
