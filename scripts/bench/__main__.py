"""``python -m scripts.bench``: see the package."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from quotewire.errors import QuotewireError
from quotewire.extraction.model_folder import find_model, read_json
from scripts.bench import data
from scripts.bench.bars import bars
from scripts.bench.driver import ROOT, Rounds, run_sides
from scripts.bench.operations import Sizes
from scripts.bench.plan import GROUPS, Choices, sides
from scripts.bench.report import tables
from scripts.bench.signature import signature

DEFAULT_ARCHIVE = ROOT.parent / "shared" / "data" / "archive_bbc.jsonl.gz"


def main() -> None:
    parser = _parser()
    arguments = parser.parse_args()
    groups = tuple(arguments.only.split(",")) if arguments.only else GROUPS
    if unknown := set(groups) - set(GROUPS):
        parser.error(f"--only: no {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    try:
        sys.exit(_run(arguments, groups))
    except QuotewireError as error:
        sys.exit(f"bench: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench",
        description="Measure Quotewire against this machine's matrix multiplication, spaCy with "
        "textacy and the plain way, in one run, and print the ratios.",
    )
    cores = len(os.sched_getaffinity(0))
    option = parser.add_argument
    option("--archive", type=Path, default=DEFAULT_ARCHIVE, help="JSON lines [%(default)s]")
    option("--articles", type=_positive, default=64, help="its first articles [%(default)s]")
    option("--repeats", type=_positive, default=5, help="rounds [%(default)s]")
    option("--only", metavar="GROUP,…", help=f"of {', '.join(GROUPS)}")
    option("--model", default="quotewire-base", help="name or folder [%(default)s]")
    option("--small", default="quotewire-small", help="name or folder [%(default)s]")
    option("--cores", type=_positive, default=cores, help="used in all [%(default)s]")
    option(
        "--long-words", type=_positive, default=100_000, help="of the long article [%(default)s]"
    )
    option("--server-threads", type=_positive, help="of its model [the server's own choice]")
    option("--server-workers", type=_positive, help="beside the model's [the server's default]")
    option("--out", type=Path, default=ROOT / "runs" / "bench.json", help="[%(default)s]")
    return parser


def _positive(words: str) -> int:
    number = int(words)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: allowed: 1 or more")
    return number


def _run(arguments: argparse.Namespace, groups: tuple[str, ...]) -> int:
    """The exit code: 1 where a side failed.  A bar that does not hold is no failure of a run."""
    console = Console(width=max(Console().width, 150))

    def say(words: str) -> None:
        console.print(f"{time.strftime('%H:%M:%S')} {words}", style="dim", highlight=False)

    config = read_json(find_model(arguments.model) / "config.json")
    sizes = Sizes.of_config(config)
    if "small" in groups and not _there(arguments.small):
        say(f"there is no model {arguments.small!r}: quotewire-small ÷ quotewire-base is left out")
        groups = tuple(group for group in groups if group != "small")
    articles = data.read_articles(arguments.archive, count=arguments.articles)
    say(f"{len(articles)} articles of {arguments.archive.name}, {arguments.repeats} rounds")
    said = {
        **signature(),
        "archive": arguments.archive.name,
        "articles": len(articles),
        "data": data.digest(articles),
        "rounds": arguments.repeats,
        "models": [],
    }
    run: dict[str, Any] = {"signature": said, "sizes": sizes.as_dict()}

    def keep(rounds: Rounds, about: dict[str, Any], failed: dict[str, str]) -> None:
        """After every round, so that what breaks off has something to show."""
        models = {m["model"]: m for m in about.values() if "model" in m}
        said["models"] = list(models.values())
        found = bars(rounds, about)
        run.update(rounds=rounds, about=about, failed=failed, bars=[one.as_dict() for one in found])
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        part = arguments.out.with_name(arguments.out.name + ".part")
        part.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
        part.replace(arguments.out)

    with tempfile.TemporaryDirectory(prefix="quotewire-bench-") as folder:
        path = Path(folder) / "articles.jsonl"
        data.write_articles(path, articles)
        choices = Choices(
            articles=str(path),
            cores=arguments.cores,
            model=arguments.model,
            small=arguments.small,
            long_words=arguments.long_words,
            server_threads=arguments.server_threads,
            server_workers=arguments.server_workers,
        )
        shape = {
            "width": sizes.width,
            "feedforward": sizes.feedforward,
            "heads": config["encoder"]["num_attention_heads"],
        }
        started = time.monotonic()
        chosen = sides(choices, groups=groups, sizes=shape)
        run_sides(chosen, rounds=arguments.repeats, say=say, after_round=keep)
    say(f"done in {(time.monotonic() - started) / 60:.1f} minutes; all figures: {arguments.out}")
    for table in tables(run["rounds"], run["about"], bars(run["rounds"], run["about"]), sizes):
        console.print()
        console.print(table)
    for name, words in run["failed"].items():
        console.print(f"failed: {name}: {words}", style="red", highlight=False)
    return 1 if run["failed"] else 0


def _there(model: str) -> bool:
    try:
        find_model(model)
    except QuotewireError:
        return False
    return True


if __name__ == "__main__":
    main()
