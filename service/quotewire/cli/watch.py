"""What a run of ``quotewire score`` shows while it goes on."""

from __future__ import annotations

import json
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click
from rich.console import Console

from quotewire.render.progress import BatchProgress, Figures

if TYPE_CHECKING:
    from quotewire.batch.job import Phase
    from quotewire.batch.records import Shard, ShardCounts

_WHAT = {"sign": "articles compared", "score": "articles"}


class Watch:
    """Adds up what the engines tell and shows it.  Use as a context manager.

    What people should read goes to standard error; with ``json_lines``, JSON lines go to standard
    output (docs/archives.md).
    """

    def __init__(self, *, quiet: bool, json_lines: bool) -> None:
        self._quiet, self._json_lines = quiet, json_lines
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._stack = ExitStack()
        self._progress: BatchProgress | None = None
        self._done = Figures()
        self._working: dict[int, Figures] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def begin(self, phase: Phase, *, total: int, done: ShardCounts) -> None:
        self._stack.close()  # the pass before
        self._done, self._working = _figures(done), {}
        if done.records:
            self.say(f"{done.records:,} of {total:,} {_WHAT[phase]} are done already")
        self._progress = self._stack.enter_context(
            BatchProgress(
                total=total,
                console=self._console,
                before=self._done,
                what=_WHAT[phase],
                quiet=self._quiet,
                write_json=click.echo if self._json_lines else None,
            )
        )

    def counts(self, shard: Shard, counts: ShardCounts) -> None:
        self._working[shard.number] = _figures(counts)
        self._show()

    def done(self, shard: Shard, counts: ShardCounts) -> None:
        self._working.pop(shard.number, None)
        self._done = _sum([self._done, _figures(counts)])
        self._show()

    def note(self, message: str) -> None:
        self.say(message)
        self._json({"event": "note", "message": message})

    def say(self, message: str) -> None:
        """One line for people."""
        self._console.print(message, markup=False)

    def end(self, totals: ShardCounts, *, out: str) -> None:
        """The last line."""
        self._stack.close()
        if self._progress is not None:
            self.say(f"{self._progress.summary()} -> {out}")
        self._json(
            {
                "event": "finished",
                "out": out,
                "articles": totals.records,
                "answered": totals.answered,
                "copies": totals.copies,
                "statements": totals.statements,
                "dead_letters": totals.dead,
            }
        )

    def _show(self) -> None:
        if self._progress is not None:
            self._progress.show(_sum([self._done, *self._working.values()]))

    def _json(self, value: dict[str, Any]) -> None:
        if self._json_lines:
            click.echo(json.dumps(value))


def _figures(counts: ShardCounts) -> Figures:
    return Figures(counts.records, counts.statements, counts.tokens, counts.dead)


def _sum(figures: list[Figures]) -> Figures:
    return Figures(
        records=sum(f.records for f in figures),
        statements=sum(f.statements for f in figures),
        tokens=sum(f.tokens for f in figures),
        dead=sum(f.dead for f in figures),
    )
