"""How far a batch is, for people and for programs."""

from __future__ import annotations

import io
import json

from rich.console import Console

from quotewire.render.progress import BatchProgress, Figures


class Clock:
    """Says what it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def run(console: Console, *, quiet: bool = False, lines: list[str] | None = None) -> BatchProgress:
    """Of 30 records an earlier run did 10 and this one does 20 in 10 s."""
    clock = Clock()
    write = None if lines is None else lines.append
    with BatchProgress(
        total=30,
        console=console,
        before=Figures(records=10, statements=5, tokens=900, dead=1),
        quiet=quiet,
        write_json=write,
        clock=clock,
    ) as progress:
        clock.now = 5.0
        progress.show(Figures(records=20, statements=9, tokens=1_900, dead=1))
        clock.now = 10.0
        progress.show(Figures(records=30, statements=14, tokens=2_900, dead=3))
    return progress


def silent() -> Console:
    return Console(file=io.StringIO())


def test_rates_are_those_of_this_run() -> None:
    summary = run(silent()).summary()
    assert "27 articles (2.0/s, 200 tokens/s)" in summary
    assert "14 statements, dead letters: 3; 10.0 s" in summary


def test_a_terminal_sees_a_bar_and_a_file_does_not() -> None:
    terminal, file, quiet = io.StringIO(), io.StringIO(), io.StringIO()
    run(Console(file=terminal, force_terminal=True, width=140))
    run(Console(file=file))
    run(Console(file=quiet, force_terminal=True), quiet=True)
    assert "100%" in terminal.getvalue() and "dead letters: 3" in terminal.getvalue()
    assert file.getvalue() == quiet.getvalue() == ""


def test_programs_get_json_lines() -> None:
    lines: list[str] = []
    run(silent(), lines=lines)
    first, *_, last = [json.loads(line) for line in lines]
    assert first == {
        "event": "progress",
        "what": "articles",
        "articles": 20,
        "of": 30,
        "statements": 9,
        "dead_letters": 1,
        "articles_per_s": 2.0,
        "tokens_per_s": 200.0,
        "elapsed_s": 5.0,
        "eta_s": 5.0,
    }
    assert (last["articles"], last["eta_s"]) == (30, 0.0)


def test_nothing_done_has_no_rate() -> None:
    with BatchProgress(total=0, console=silent(), clock=Clock()) as progress:
        progress.show(Figures())
    assert progress.figures()["articles_per_s"] is None
    assert progress.figures()["eta_s"] is None
