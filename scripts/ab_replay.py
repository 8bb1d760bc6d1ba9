"""A replay of an archive through a real server, two models against each other: docs/ab-example.md.

    python scripts/ab_replay.py [--articles 2215] [--out runs/ab-replay] [--docs docs]

Every article is sent twice, as by two callers.  A desk asks for no model and gets either variant (a
split); its editors, simulated as ab_common.py says, judge what they get.  An indexer asks for the
model "stable" and gets it, and "canary" answers the same articles unseen (a shadow).  The two call
the same article by different ids, so that the desk's editors judge what the desk was served and
nothing else.  The archive has sections and one publisher; the publishers here are drawn by lot.

No words of an article get into the pages: that is checked before they are written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ab_common import (
    ARCHIVE,
    JUDGED,
    ROOT,
    SECOND,
    chance,
    quotewire,
    read_archive,
    send,
    server,
    wait_for_shadows,
    write_articles,
)

from quotewire.client import Client
from quotewire.experiments.logs import read_exposures
from quotewire.types import Article

SPLIT, SHADOW = "replay-split", "replay-shadow"
PUBLISHERS = ("The Harrow Ledger", "Maren Evening Post", "The Tolland Courier")
# So many words in a row are nobody's but the author's.
QUOTED_WORDS = 6
MODELS = """\
default = "stable"

[[models]]
folder = "quotewire-base"

[[models]]
folder = "{folder}"

[aliases]
stable = "quotewire-base"
canary = "{name}"
"""
EXPERIMENTS = f"""\
# The desk asks for no model.
[[experiments]]
name = "{SPLIT}"
requests = [""]
coverage = 1.0

[[experiments.variants]]
name = "base"
model = "stable"
weight = 1

[[experiments.variants]]
name = "small"
model = "canary"
weight = 1

# The indexer asks for "stable".
[[experiments]]
name = "{SHADOW}"
requests = ["stable"]
coverage = 1.0

[[experiments.variants]]
name = "base"
model = "stable"

[[experiments.variants]]
name = "small"
model = "canary"
shadow = true
"""
TEMPLATE = Path(__file__).with_name("ab_example.md.template")


@dataclass(frozen=True, slots=True)
class Told:
    """One experiment's report in the three formats."""

    text: str
    page: str
    plain: dict[str, Any]

    @property
    def verdict(self) -> str:
        [versus] = self.plain["versus"]
        words: str = versus["verdict"]
        return words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--articles", type=int, help="how many, evenly chosen  [default: all]")
    parser.add_argument("--archive", type=Path, default=ARCHIVE, help="as ../shared/data has them")
    parser.add_argument("--second", type=Path, default=SECOND, help="the other model's folder")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "ab-replay")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where the pages go")
    options = parser.parse_args()
    for flag, path in (
        ("--archive", options.archive),
        ("--second", options.second / "config.json"),
        ("--docs", options.docs),
    ):
        if not path.exists():
            parser.error(f"{flag}: {path} is not there")
    folder: Path = options.out.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.monotonic()
    lines = read_archive(options.archive)
    wanted = options.articles or len(lines)
    chosen = [lines[n * len(lines) // wanted] for n in range(min(wanted, len(lines)))]
    configure(folder, second=options.second.resolve())
    judged = replay(folder, chosen)
    split, shadow = (told(folder, name) for name in (SPLIT, SHADOW))
    differing = quotewire(
        "experiments", "diff", folder / "log", folder / "articles.jsonl", "--experiment", SHADOW,
        "--a", "base", "--b", "small", "--most", "1000000", "--out", folder / "disagreements",
    )  # fmt: skip
    page = TEMPLATE.read_text(encoding="utf-8").format(
        articles=len(chosen),
        judged=judged,
        split_served=split_served(split),
        split_verdict=split.verdict,
        split_text=split.text,
        shadow_verdict=shadow.verdict,
        shadow_text=shadow.text,
        differing=differing.partition(" ->")[0].strip(),
        experiments=EXPERIMENTS,
        pairs=shadow.plain["versus"][0]["pairs"],
        judged_share=JUDGED,
        seconds=time.monotonic() - began,
        **signature(folder, options.archive, chosen=len(chosen), lines=len(lines)),
    )
    pages = {
        "ab-example.md": page,
        "ab-example-split.html": split.page,
        "ab-example-shadow.html": shadow.page,
    }
    for name, text in pages.items():
        if run := quoted(text, (one["text"] for one in chosen)):
            sys.exit(f"{name} would quote an article: {run}")
    for name, text in pages.items():
        (options.docs / name).write_text(text, encoding="utf-8")
        print(f"written: {options.docs / name}")
    for name, one in ((SPLIT, split), (SHADOW, shadow)):
        (folder / f"{name}.json").write_text(json.dumps(one.plain), encoding="utf-8")
        print(f"\n{one.text}")


def configure(folder: Path, *, second: Path) -> None:
    name = json.loads((second / "config.json").read_text())["name"]
    (folder / "models.toml").write_text(MODELS.format(folder=second.as_posix(), name=name))
    (folder / "experiments.toml").write_text(EXPERIMENTS)


def replay(folder: Path, chosen: Sequence[dict[str, Any]]) -> int:
    """Sends the articles as the desk and as the indexer; how many statements editors judged."""
    desk, indexer = (
        [
            Article(
                id=f"{caller}-{one['id']}",
                text=one["text"],
                publisher=PUBLISHERS[int(chance(one["id"], "publisher") * len(PUBLISHERS))],
                meta={"section": one["section"]},
            )
            for one in chosen
        ]
        for caller in ("desk", "indexer")
    )
    write_articles(folder / "articles.jsonl", indexer)
    with server(folder) as address:
        with Client(address) as client:
            print("the desk: split", flush=True)
            _, judged = send(client, desk)
            print("the indexer: shadow", flush=True)
            send(client, indexer, model="stable", judged=False)
        wait_for_shadows(folder / "log", len(indexer))
    return judged


def told(folder: Path, experiment: str) -> Told:
    def report(form: str) -> str:
        return quotewire(
            "experiments", "report", folder / "log", "--experiment", experiment,
            "--experiments", folder / "experiments.toml", "--format", form,
        )  # fmt: skip

    return Told(report("text"), report("html"), json.loads(report("json")))


def split_served(split: Told) -> str:
    return " and ".join(f"{one['served']:,}" for one in split.plain["variants"])


def signature(folder: Path, archive: Path, *, chosen: int, lines: int) -> dict[str, Any]:
    """What the figures were made of, on, and by."""
    rows = list(read_exposures(str(folder / "log")))
    models = {
        variant: ", ".join(
            sorted({f"{row.model}, SHA-256 {row.digest}" for row in rows if row.variant == variant})
        )
        for variant in ("base", "small")
    }
    shadowed = sum(row.role.value == "shadow" for row in rows)
    answered = sum(row.experiment == SHADOW and row.role.value == "served" for row in rows)
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    return {
        "base_model": models["base"],
        "small_model": models["small"],
        "data": f"{chosen:,} of {lines:,} of {archive.name}, SHA-256 {sha256(archive)}",
        "served": len(rows) - shadowed,
        "shadowed": shadowed,
        "dropped": answered - shadowed,
        "failed": sum(row.error is not None for row in rows),
        "commit": subprocess.run(git, capture_output=True, text=True).stdout.strip() or "unknown",
        "python": platform.python_version(),
        "grpcio": version("grpcio"),
        "torch": version("torch"),
        "machine": machine(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": " ".join(["python", "scripts/ab_replay.py", *sys.argv[1:]]),
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def machine() -> str:
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    processors = f"{len(names)} x {names[0]}" if names else f"{os.cpu_count()} x unknown"
    return f"{processors}, load {os.getloadavg()[0]:.1f} at the end"


def quoted(page: str, texts: Iterable[str]) -> str | None:
    """A run of QUOTED_WORDS words that the page shares with any of the texts."""

    def runs(text: str) -> Iterable[str]:
        words = re.findall(r"\w+", text.casefold())
        return (" ".join(words[n : n + QUOTED_WORDS]) for n in range(len(words) - QUOTED_WORDS + 1))

    ours = set(runs(page))
    return next((run for text in texts for run in runs(text) if run in ours), None)


if __name__ == "__main__":
    main()
