"""A/B from end to end: a server with two variants, an experiment, traffic, editors, the report.

    python scripts/ab_demo.py [--articles 300] [--seconds 150] [--out runs/ab-demo]

Traffic: the BBC archive (../shared/data) where it is there.  Elsewhere articles are put together at
random from the paragraphs of examples/, which shows the way, not a truth.

Variants: quotewire-base against quotewire-small.  Each serves half of the articles, and each scores
the others' half unseen.  Editors are simulated: ab_common.py says how.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from pathlib import Path

from ab_common import (
    ARCHIVE,
    ROOT,
    SECOND,
    quotewire,
    read_archive,
    send,
    server,
    wait_for_shadows,
    write_articles,
)

from quotewire.client import Client
from quotewire.types import Article

MODELS = """\
default = "quotewire-base"

[[models]]
folder = "quotewire-base"

[[models]]
folder = "{second}"
"""
EXPERIMENT = """\
[[experiments]]
name = "ab-demo"
salt = "2026-11"
coverage = 1.0
"""
VARIANT = """
[[experiments.variants]]
name = "{name}"
model = "{model}"
{rest}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--articles", type=int, default=300, help="how many are sent")
    parser.add_argument("--seconds", type=float, default=150, help="sending stops after this")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "ab-demo")
    parser.add_argument("--archive", type=Path, default=ARCHIVE, help="as ../shared/data has them")
    parser.add_argument("--second", type=Path, default=SECOND, help="the other model's folder")
    options = parser.parse_args()
    if not (options.second / "config.json").is_file():
        parser.error(f"--second: no model in {options.second}")
    folder: Path = options.out.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    articles = traffic(options.archive, options.articles)
    experiments = write_configuration(folder, second=options.second.resolve())
    write_articles(folder / "articles.jsonl", articles)
    log = folder / "log"
    with server(folder) as address:
        with Client(address) as client:
            sent, judged = send(client, articles, seconds=options.seconds)
        print(f"{sent} articles answered, {judged} statements judged by simulated editors")
        wait_for_shadows(log, 2 * sent)
    configured: list[str | Path] = [log, "--experiments", experiments]
    print()
    print(quotewire("experiments", "report", *configured))
    page = folder / "report.html"
    quotewire("experiments", "report", *configured, "--out", page)
    found = quotewire(
        "experiments", "diff", log, folder / "articles.jsonl", "--experiments", experiments,
        "--a", "base", "--b", "small", "--out", folder / "disagreements",
    )  # fmt: skip
    print(found)
    print(f"the report as a page:  {page}")
    print(f"where they disagree:   {folder / 'disagreements' / 'disagreements.html'}")
    print("label some there, save, and see what the labels say:")
    print(f"  quotewire experiments report {log} --experiments {experiments} --labels labels.json")


def write_configuration(folder: Path, *, second: Path) -> Path:
    """models.toml and experiments.toml; the path of the latter."""
    (folder / "models.toml").write_text(MODELS.format(second=second.as_posix()))
    name = json.loads((second / "config.json").read_text())["name"]
    variants = "".join(
        VARIANT.format(name=variant, model=model, rest=rest)
        for variant, model, rest in (
            ("base", "quotewire-base", "weight = 1"),
            ("small", name, "weight = 1"),
            ("base-unseen", "quotewire-base", "shadow = true"),
            ("small-unseen", name, "shadow = true"),
        )
    )
    path = folder / "experiments.toml"
    path.write_text(EXPERIMENT + variants)
    return path


def traffic(archive: Path, count: int) -> list[Article]:
    if archive.is_file():
        lines = read_archive(archive)
        step = max(1, len(lines) // count)
        print(f"traffic: every {step}th article of {archive.name}")
        return [
            Article(id=one["id"], text=one["text"], meta={"section": one["section"]})
            for one in lines[::step][:count]
        ]
    print(f"traffic: no {archive}; articles put together from the paragraphs of examples/")
    return made_up(count)


def made_up(count: int) -> list[Article]:
    """Articles of three to six paragraphs of the examples, drawn with a fixed seed."""
    paragraphs: list[str] = []
    for line in (ROOT / "examples" / "articles.jsonl").read_text(encoding="utf-8").splitlines():
        paragraphs += json.loads(line)["text"].split("\n\n")
    for name in ("article.txt", "court.txt", "press_release.txt"):
        paragraphs += (ROOT / "examples" / name).read_text(encoding="utf-8").split("\n\n")
    paragraphs = sorted({one.strip() for one in paragraphs if one.strip()})
    draw = random.Random(0)
    return [
        Article(
            id=f"made-up-{n}",
            text="\n\n".join(draw.sample(paragraphs, draw.randint(3, 6))),
            publisher=draw.choice(["The Harrow Ledger", "Maren Evening Post"]),
        )
        for n in range(count)
    ]


if __name__ == "__main__":
    main()
