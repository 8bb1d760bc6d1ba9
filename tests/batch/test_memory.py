"""Memory does not grow with the input: 1x and 20x, driver and worker in one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.load.harness import GIVE_UP_S, SOAK, report

pytestmark = pytest.mark.timeout(GIVE_UP_S)

ARTICLES = 2_000 if SOAK else 500
TEXT = "Ann told Reuters the road is shut. " + "It rained all day and nobody came. " * 10


def peak_mb(folder: Path, articles: int) -> float:
    """The most memory that scoring so many articles ever takes (resident, MB)."""
    source = folder / f"{articles}.jsonl"
    with source.open("w") as file:
        for n in range(articles):
            file.write(json.dumps({"id": f"a{n}", "text": TEXT}) + "\n")
    command = ["score", str(source), "--out", str(folder / f"out{articles}"), "--workers", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.batch.process", *command, "--quiet"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1e3


def test_twenty_times_the_articles_take_the_same_memory(tmp_path: Path) -> None:
    once, twenty_times = (peak_mb(tmp_path, n * ARTICLES) for n in (1, 20))
    report("memory", articles=ARTICLES, peak_mb=once, peak_mb_of_20_times=twenty_times)
    # An article takes some 4 kB while it is scored: all of them would be 40 MB (short), 160 (long).
    # A table's rows are gathered up to 16 MB, whatever the input's size.
    assert twenty_times < once * 1.05 + 5
