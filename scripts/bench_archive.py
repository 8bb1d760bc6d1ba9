"""How fast ``quotewire score`` is: local with 1 and 2 workers and Ray with 2, in one run.

Each takes the first articles of an archive from the beginning to the end, and all must give the
same rows by the same model.  "while scoring" leaves out starting processes and loading models:
articles by the workers' own time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import islice, zip_longest
from pathlib import Path

import pyarrow.parquet as pq

from quotewire.batch.readers import find_inputs, open_input
from quotewire.batch.records import ReadOptions, Record

ENGINES = {
    "local, 1 worker": ["--engine", "local", "--workers", "1"],
    "local, 2 workers": ["--engine", "local", "--workers", "2"],
    "Ray, 2 workers": ["--engine", "ray", "--workers", "2"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive")
    parser.add_argument("--articles", type=int, default=300)
    parser.add_argument("--model", default="quotewire-base")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quotewire-bench-") as folder:
        source = Path(folder) / "articles.jsonl"
        count = take(arguments.archive, source, count=arguments.articles)
        print(f"{count} articles of {arguments.archive}, {arguments.model}\n")
        print("| engine | seconds | articles/s | articles/s while scoring | tokens/s |")
        print("|---|---|---|---|---|")
        tables: dict[str, list[dict[str, object]]] = {}
        models = set()
        for name, engine in ENGINES.items():
            out = Path(folder) / name.replace(", ", "-").replace(" ", "-")
            started = time.monotonic()
            score(source, out, [*engine, "--model", arguments.model])
            seconds = time.monotonic() - started
            print(f"| {name} | {figures(out, seconds=seconds, workers=int(engine[-1]))} |")
            tables[name] = rows(out)
            models.add(
                json.loads((out / "_run" / "manifest.json").read_text())["settings"]["model"]
            )
        if len(models) > 1:
            sys.exit(f"somebody changed the model meanwhile: {', '.join(sorted(models))}")
        first, *others = tables
        for name in others:
            check_same(tables[first], tables[name], first, name)
        print(f"\nall gave the same {len(tables[first])} statements")


def take(archive: str, path: Path, *, count: int) -> int:
    """Write the first articles of ``archive`` as JSON lines; returns how many."""
    options = ReadOptions()
    [file] = find_inputs([archive], options=options)
    with open_input(file, options=options) as reader, path.open("w", encoding="utf-8") as lines:
        found = [
            r.article for r in islice(reader.read(0, sys.maxsize), count) if isinstance(r, Record)
        ]
        for article in found:
            lines.write(json.dumps({"id": article.id, "text": article.text}) + "\n")
    return len(found)


def score(source: Path, out: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "quotewire", "score", str(source), "--out", str(out)]
    # Small shards, so that two workers end at about the same time.
    done = subprocess.run(
        [*command, "--shard-articles", "25", "--quiet", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")


def figures(out: Path, *, seconds: float, workers: int) -> str:
    receipts = [json.loads(path.read_text()) for path in (out / "_run" / "receipts").iterdir()]
    counts = [receipt["counts"] for receipt in receipts]
    records, tokens, busy = (
        sum(count[name] for count in counts) for name in ("records", "tokens", "seconds")
    )
    return (
        f"{seconds:.1f} | {records / seconds:.2f} | {workers * records / busy:.2f} | "
        f"{tokens / seconds:,.0f}"
    )


def check_same(
    first: list[dict[str, object]], other: list[dict[str, object]], first_name: str, name: str
) -> None:
    """Ends the program, showing the first row that differs, if one does."""
    for n, (a, b) in enumerate(zip_longest(first, other, fillvalue={})):
        if a != b:
            columns = [column for column in {**a, **b} if a.get(column) != b.get(column)]
            sys.exit(
                f"different rows: statement {n} of {a.get('article_id')} / {b.get('article_id')}:\n"
                + "\n".join(
                    f"{column}: {a.get(column)!r} ({first_name}), {b.get(column)!r} ({name})"
                    for column in columns
                )
            )


def rows(out: Path) -> list[dict[str, object]]:
    table = pq.read_table(out / "statements")
    return table.sort_by([("article_row", "ascending")]).to_pylist()


if __name__ == "__main__":
    main()
