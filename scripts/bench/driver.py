"""Processes of the sides, taking turns.  A side that fails is reported and left out; the rest goes
on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from scripts.bench.figures import interleaved, merged

ROOT = Path(__file__).resolve().parents[2]
Rounds = dict[str, list[dict[str, Any] | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side: ``kind`` is a name of side.SIDES, ``options`` are its keyword arguments.

    ``threads`` is what its maths libraries are told (None: nothing); ``copies`` so many processes
    work at the same time, the articles ``dealt`` out among them if it has any.  ``requests`` are
    its figures by name with the arguments of a measurement; ``most_rounds`` bounds how often.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    threads: int | None = 1
    copies: int = 1
    dealt: bool = False
    requests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    most_rounds: int | None = None

    @property
    def figures(self) -> Mapping[str, Mapping[str, Any]]:
        return self.requests or {self.name: {}}

    def options_of(self, copy: int) -> dict[str, Any]:
        dealt = {"part": copy, "parts": self.copies} if self.dealt and self.copies > 1 else {}
        return {**self.options, **dealt}


class SideFailedError(Exception):
    """What a side's process said, or how it ended."""


class SideProcess:
    """One process of a side, ready when made.  SideFailedError where it does not get ready."""

    def __init__(self, side: Side, copy: int) -> None:
        environment = dict(os.environ)
        if side.threads is not None:
            for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
                environment[name] = str(side.threads)
        self._errors = tempfile.TemporaryFile(mode="w+", prefix="quotewire-bench-")  # noqa: SIM115
        options = json.dumps(side.options_of(copy))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.bench.side", side.kind, options],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        try:
            self.about = self.answer()
        except BaseException:
            self.close()
            raise

    def ask(self, request: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(dict(request)) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise SideFailedError(self._last_words()) from None

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SideFailedError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SideFailedError(answer["error"])
        return answer

    def _last_words(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        return f"ended with exit code {code}: {self._errors.read()[-400:].strip()}"

    def close(self) -> None:
        """Its end of input is its end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()


class Crew:
    """All copies of a side."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._stack = ExitStack()
        self._processes: list[SideProcess] = []
        try:
            for copy in range(side.copies):
                self._processes.append(SideProcess(side, copy))
                self._stack.callback(self._processes[-1].close)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def about(self) -> dict[str, Any]:
        return self._processes[0].about

    def measure(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One result of all copies at the same time."""
        for process in self._processes:
            process.ask(request)
        return merged([process.answer() for process in self._processes])


def run_sides(
    sides: Sequence[Side],
    *,
    rounds: int,
    say: Callable[[str], None],
    after_round: Callable[[Rounds, dict[str, Any], dict[str, str]], None],
) -> None:
    """Start all ``sides``, let them take turns, and tell ``after_round`` what there is so far:
    results by figure (one a round, None where it failed), what each side says of itself, and what
    went wrong by side."""
    results: Rounds = {name: [] for side in sides for name in side.figures}
    about: dict[str, Any] = {}
    failed: dict[str, str] = {}
    with ExitStack() as stack:
        crews: list[Crew] = []
        for side in sides:
            say(f"starting {side.name}")
            try:
                crews.append(stack.enter_context(Crew(side)))
                about[side.name] = crews[-1].about
            except SideFailedError as error:
                failed[side.name] = str(error)
                say(f"{side.name} failed: {error}")
        last = -1
        for number, crew in interleaved(crews, rounds=rounds):
            if number != last:
                if last >= 0:
                    after_round(results, about, failed)
                last = number
                say(f"round {number + 1} of {rounds}")
            if crew.side.most_rounds is not None and number >= crew.side.most_rounds:
                continue
            for name, request in crew.side.figures.items():
                try:
                    result: dict[str, Any] | None = crew.measure(request)
                except SideFailedError as error:
                    failed[name] = str(error)
                    result = None
                    say(f"{name} failed: {error}")
                results[name].append(result)
        after_round(results, about, failed)
