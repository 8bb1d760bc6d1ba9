"""``python -m scripts.bench.side NAME OPTIONS``: one side of the benchmark in a process of its own.

It loads what it needs and says so; then, for every line it reads, it measures once and answers.
Messages are JSON lines; whatever libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any

from quotewire.interpreter import tune_interpreter

# Names of sides and where they are; imported only where they run, so that none pays for another.
SIDES = {
    "matmul": ("scripts.bench.matmul", "Matmul"),
    "batch": ("scripts.bench.ours", "Batch"),
    "single": ("scripts.bench.ours", "Single"),
    "long": ("scripts.bench.ours", "Long"),
    "plain": ("scripts.bench.plain", "Plain"),
    "classic": ("scripts.bench.classic", "Classic"),
    "service": ("scripts.bench.service", "Service"),
    "startup": ("scripts.bench.startup", "Startup"),
}


def main() -> None:
    # Our messages keep the pipe; everything else that prints gets standard error.
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    tune_interpreter()  # as our programs have it; for spaCy and the plain way, too
    name, options = sys.argv[1], json.loads(sys.argv[2])
    module, kind = SIDES[name]
    started = time.perf_counter()

    def make() -> dict[str, Any]:
        side = getattr(import_module(module), kind)(**options)
        made.append(side)
        return {"ready_s": time.perf_counter() - started, **side.about()}

    made: list[Any] = []
    if not tell(pipe, make):
        sys.exit(1)
    for line in sys.stdin:
        tell(pipe, lambda line=line: made[0].run(**json.loads(line)))
    close = getattr(made[0], "close", None)
    if close:
        close()


def tell(pipe: Any, work: Callable[[], dict[str, Any]]) -> bool:
    """Answers with what ``work`` gives, or with how it failed, and False then."""
    try:
        answer, done = work(), True
    except Exception as error:
        traceback.print_exc()
        answer, done = {"error": f"{type(error).__name__}: {error}"}, False
    pipe.write(json.dumps(answer) + "\n")
    pipe.flush()
    return done


if __name__ == "__main__":
    main()
