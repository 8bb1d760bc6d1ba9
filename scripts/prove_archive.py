"""Scores whole archives with the shipped model and says what it took: rates, memory for 1x and 20x
the articles, sizes, the report, and docs/scale.md's table with these rates.

    make prove-archive            # BBC and Reuters, 9,553 articles
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scale import Rates, table

TIMES = 20


@dataclass(frozen=True, slots=True)
class Taken:
    """What a run took; ``peak_mb``: resident, of its largest process."""

    articles: int
    statements: int
    tokens: int
    dead_letters: int
    seconds: float
    busy_s: float
    peak_mb: float
    output_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archives", nargs="+", type=Path, help="JSON lines, gzip")
    parser.add_argument("--out", type=Path, default=Path("/tmp/quotewire-archives"))
    parser.add_argument("--model", default="quotewire-base")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    out: Path = arguments.out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    options = ["--model", arguments.model, "--workers", str(arguments.workers)]

    small = take(arguments.archives, out / "1x.jsonl")
    once = score([small], out / "1x", options)
    whole = score(arguments.archives, out / "20x", options)
    print(
        "| articles | statements | dead letters | seconds | articles/s | tokens/s | peak memory |"
    )
    print("|---|---|---|---|---|---|---|")
    for taken in (once, whole):
        print(
            f"| {taken.articles:,} | {taken.statements:,} | {taken.dead_letters} "
            f"| {taken.seconds:,.0f} | {taken.articles / taken.seconds:.1f} "
            f"| {taken.tokens / taken.seconds:,.0f} | {taken.peak_mb:,.0f} MB |"
        )
    print(f"\n{arguments.model}, {arguments.workers} workers; seconds with starting and loading\n")

    before = {path: path.stat().st_mtime_ns for path in (out / "20x").rglob("*.parquet")}
    again = score(arguments.archives, out / "20x", options)
    after = {path: path.stat().st_mtime_ns for path in (out / "20x").rglob("*.parquet")}
    if before != after:
        sys.exit("the same command again changed the output")
    print(f"the same command again: nothing done, {again.seconds:.1f} s\n")

    print((out / "20x" / "_run" / "report.txt").read_text())
    print(f"the same with pictures: {out / '20x' / '_run' / 'report.html'}\n")
    rates = Rates(
        articles_per_s=whole.articles / whole.busy_s,
        output_kb=whole.output_bytes / whole.articles / 1e3,
        worker_gb=whole.peak_mb / 1e3,
    )
    print(
        f"python scripts/scale.py --articles-per-s {rates.articles_per_s:.2f} "
        f"--output-kb {rates.output_kb:.2f} --worker-gb {rates.worker_gb:.2f}\n"
    )
    print(table(rates, articles=100e6, cores=[2, 64, 640]))


def take(archives: list[Path], path: Path) -> Path:
    """Every twentieth article, so that the sizes are as in the whole."""
    number = 0
    with path.open("wb") as out:
        for archive in archives:
            with gzip.open(archive) as lines:
                for line in lines:
                    if number % TIMES == 0:
                        out.write(line)
                    number += 1
    return path


def score(inputs: list[Path], out: Path, options: list[str]) -> Taken:
    command = ["score", *map(str, inputs), "--out", str(out), *options, "--quiet"]
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "quotewire", *command], stderr=subprocess.DEVNULL
    )
    # Memory: the driver's own, or that of the largest worker that it waited for.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):  # 3: dead letters
        sys.exit(f"quotewire {' '.join(command)}: exit code {process.returncode}")
    counts = [
        json.loads(path.read_text())["counts"]
        for path in (out / "_run" / "receipts").glob("part-??????.json")
    ]
    return Taken(
        articles=sum(count["records"] for count in counts),
        statements=sum(count["statements"] for count in counts),
        tokens=sum(count["tokens"] for count in counts),
        dead_letters=sum(sum(count["failed"].values()) for count in counts),
        seconds=time.monotonic() - started,
        busy_s=sum(count["seconds"] for count in counts),
        peak_mb=usage.ru_maxrss / 1e3,
        output_bytes=sum(path.stat().st_size for path in out.rglob("*.parquet")),
    )


if __name__ == "__main__":
    main()
