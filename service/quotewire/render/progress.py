"""How far a batch is: a bar for people, JSON lines for programs, and the sentence at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

# Seconds between two JSON lines.
_INTERVAL_S = 2.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What of a run is done, earlier runs included; ``records`` counts dead letters, too."""

    records: int = 0
    statements: int = 0
    tokens: int = 0
    dead: int = 0


class BatchProgress:
    """Shows how far a batch is: use as a context manager around the run.

    Either a bar on ``console`` (nothing where that is no terminal), or, given ``write_json``, a
    JSON line every other second and at the end (docs/archives.md); nothing if ``quiet``.
    Rates are those of this run; what earlier ones did does not count.
    """

    def __init__(
        self,
        *,
        total: int,
        console: Console,
        before: Figures = Figures(),
        what: str = "articles",
        quiet: bool = False,
        write_json: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._before, self._now, self._what = total, before, before, what
        self._clock = clock
        self._started = self._told = clock()
        self._write_json = None if quiet else write_json
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[done]}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=quiet or write_json is not None or not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total, completed=before.records, done="", left="")

    def __enter__(self) -> BatchProgress:
        self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.stop()
        if self._write_json is not None:
            self._tell()

    def show(self, now: Figures) -> None:
        self._now = now
        eta_s = self._eta_s()
        self._bar.update(
            self._task,
            completed=now.records,
            done=f"{now.records:,} {self._what}{self._rates()}, dead letters: {now.dead:,}",
            left="" if eta_s is None else f"{_clock_time(eta_s)} left",
        )
        if self._write_json is not None and self._clock() - self._told >= _INTERVAL_S:
            self._tell()

    def summary(self) -> str:
        """What was done, how fast, and what was not."""
        now = self._now
        return (
            f"{now.records - now.dead:,} {self._what}{self._rates()}, "
            f"{now.statements:,} statements, dead letters: {now.dead:,}; {self._seconds():.1f} s"
        )

    def figures(self) -> dict[str, Any]:
        """As in the JSON lines.  Rates a second of this run; ``eta_s`` None where unknown."""
        now = self._now
        return {
            "articles": now.records,
            "of": self._total,
            "statements": now.statements,
            "dead_letters": now.dead,
            "articles_per_s": _rounded(self._rate(now.records - self._before.records)),
            "tokens_per_s": _rounded(self._rate(now.tokens - self._before.tokens)),
            "elapsed_s": round(self._seconds(), 1),
            "eta_s": _rounded(self._eta_s()),
        }

    def _tell(self) -> None:
        assert self._write_json is not None
        self._told = self._clock()
        self._write_json(json.dumps({"event": "progress", "what": self._what, **self.figures()}))

    def _seconds(self) -> float:
        return self._clock() - self._started

    def _rate(self, done: int) -> float | None:
        seconds = self._seconds()
        return done / seconds if done and seconds else None

    def _eta_s(self) -> float | None:
        rate = self._rate(self._now.records - self._before.records)
        return None if rate is None else (self._total - self._now.records) / rate

    def _rates(self) -> str:
        articles = self._rate(self._now.records - self._before.records)
        if articles is None:
            return ""
        tokens = self._rate(self._now.tokens - self._before.tokens)
        return f" ({articles:,.1f}/s" + (f", {tokens:,.0f} tokens/s)" if tokens else ")")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _clock_time(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
