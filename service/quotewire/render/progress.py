"""The progress bar of a batch, and the sentence at its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)


class BatchProgress:
    """Counts answered lines and shows them: use as a context manager around the run.

    The bar follows the bytes of the input that were read, as nobody knows the number of lines
    beforehand.  On a console that is no terminal, nothing is drawn.
    """

    def __init__(self, *, total_bytes: int, console: Console, quiet: bool = False) -> None:
        self.articles = 0
        self.statements = 0
        self.failed = 0
        self._started = time.monotonic()
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[done]}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total_bytes, done=self._done())

    def __enter__(self) -> BatchProgress:
        self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.stop()

    def count(self, line: Mapping[str, Any], *, position: int) -> None:
        """Count one output line; ``position`` is how many bytes of the input were read so far."""
        if line["error"] is None:
            self.articles += 1
            self.statements += len(line["statements"])
        else:
            self.failed += 1
        self._bar.update(self._task, completed=position, done=self._done())

    def summary(self) -> str:
        """What was done, how fast, and what was not."""
        return (
            f"{self._done()}, {self.statements:,} statements, lines failed: {self.failed:,}; "
            f"{self._seconds():.1f} s"
        )

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _done(self) -> str:
        seconds = self._seconds()
        rate = f" ({self.articles / seconds:,.1f}/s)" if self.articles and seconds else ""
        return f"{self.articles:,} articles{rate}"
