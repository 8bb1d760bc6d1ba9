"""A/B from end to end: a server with two variants, an experiment, traffic, editors, the report.

    python scripts/ab_demo.py [--articles 300] [--seconds 150] [--out runs/ab-demo]

Traffic: the BBC archive (../shared/data) where it is there.  Elsewhere articles are put together at
random from the paragraphs of examples/, which shows the way, not a truth.

Variants: quotewire-base against quotewire-small, where that model is there; else against itself
with a higher bound on confidence.  Each serves half of the articles, and each scores the others'
half unseen.

Editors are simulated: each article's statements are judged with probability JUDGED, a statement is
accepted with the model's own confidence in it as probability, else corrected or rejected, one as
often as the other.  The same statement gets the same verdict, whoever served it.  So what the
report says of acceptance is true of these editors only.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from quotewire.client import Client
from quotewire.experiments.logs import read_exposures
from quotewire.types import Article, Extraction, Statement

ROOT = Path(__file__).resolve().parent.parent
ARCHIVE = ROOT.parent / "shared" / "data" / "archive_bbc.jsonl.gz"
EXPERIMENT = "ab-demo"
JUDGED = 0.6
# A server on a slow disk may take so long to load two models, shadows so long to finish, and the
# server so long to end what it has begun.
START_S, SHADOWS_S, STOP_S = 300, 300, 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--articles", type=int, default=300, help="how many are sent")
    parser.add_argument("--seconds", type=float, default=150, help="sending stops after this")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "ab-demo")
    options = parser.parse_args()
    folder: Path = options.out.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    articles = traffic(options.articles)
    experiments = write_configuration(folder)
    write_articles(folder / "articles.jsonl", articles)
    with server(folder) as address:
        sent, judged = run_traffic(address, articles, seconds=options.seconds)
        print(f"{sent} articles answered, {judged} statements judged by simulated editors")
        wait_for_shadows(folder / "log", sent)
    log, configured = str(folder / "log"), ["--experiments", str(experiments)]
    print()
    quotewire("experiments", "report", log, *configured)
    page = folder / "report.html"
    quotewire("experiments", "report", log, *configured, "--out", str(page))
    quotewire(
        "experiments", "diff", log, str(folder / "articles.jsonl"), *configured,
        "--a", "base", "--b", variant_b()[0], "--out", str(folder / "disagreements"),
    )  # fmt: skip
    print(f"\nthe report as a page:  {page}")
    print(f"where they disagree:   {folder / 'disagreements' / 'disagreements.html'}")
    print("label some there, save, and see what the labels say:")
    print(f"  quotewire experiments report {log} --experiments {experiments} --labels labels.json")


def variant_b() -> tuple[str, str, float | None]:
    """Name, model and bound on confidence of what is compared with quotewire-base."""
    if (ROOT / "models" / "quotewire-small" / "config.json").is_file():
        return "small", "quotewire-small", None
    return "sure", "quotewire-base", 0.8


def write_configuration(folder: Path) -> Path:
    """models.toml and experiments.toml; the path of the latter."""
    name, model, bound = variant_b()
    folders = "".join(
        f'[[models]]\nfolder = "{one}"\n\n' for one in dict.fromkeys(["quotewire-base", model])
    )
    (folder / "models.toml").write_text(f'default = "quotewire-base"\n\n{folders}')
    options = "" if bound is None else f"options = {{ min_confidence = {bound} }}\n"
    variants = [
        ("base", "quotewire-base", "weight = 1\n"),
        (name, model, f"weight = 1\n{options}"),
        ("base-unseen", "quotewire-base", "shadow = true\n"),
        (f"{name}-unseen", model, f"shadow = true\n{options}"),
    ]
    tables = "".join(
        f'\n[[experiments.variants]]\nname = "{variant}"\nmodel = "{of}"\n{rest}'
        for variant, of, rest in variants
    )
    path = folder / "experiments.toml"
    path.write_text(
        f'[[experiments]]\nname = "{EXPERIMENT}"\nsalt = "2026-11"\ncoverage = 1.0\n{tables}'
    )
    return path


def traffic(count: int) -> list[Article]:
    if ARCHIVE.is_file():
        with gzip.open(ARCHIVE, "rt", encoding="utf-8") as lines:
            archive = [json.loads(line) for line in lines]
        step = max(1, len(archive) // count)
        print(f"traffic: every {step}th article of {ARCHIVE.name}")
        return [
            Article(id=one["id"], text=one["text"], meta={"section": one["section"]})
            for one in archive[::step][:count]
        ]
    print("traffic: articles put together from the paragraphs of examples/")
    return made_up(count)


def made_up(count: int) -> list[Article]:
    """Articles of three to six paragraphs of the examples, drawn with a fixed seed."""
    paragraphs: list[str] = []
    for line in (ROOT / "examples" / "articles.jsonl").read_text(encoding="utf-8").splitlines():
        paragraphs += json.loads(line)["text"].split("\n\n")
    for name in ("article.txt", "court.txt", "press_release.txt"):
        paragraphs += (ROOT / "examples" / name).read_text(encoding="utf-8").split("\n\n")
    paragraphs = sorted({one.strip() for one in paragraphs if one.strip()})
    chance = random.Random(0)
    return [
        Article(
            id=f"made-up-{n}",
            text="\n\n".join(chance.sample(paragraphs, chance.randint(3, 6))),
            publisher=chance.choice(["The Harrow Ledger", "Maren Evening Post"]),
        )
        for n in range(count)
    ]


def write_articles(path: Path, articles: Sequence[Article]) -> None:
    lines = (
        json.dumps({"id": one.id, "text": one.text, "publisher": one.publisher, **one.meta})
        for one in articles
    )
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A server with the folder's configuration on a free port; its address.  On leaving, what still
    waits to be written is written."""
    environment = os.environ | {
        "QUOTEWIRE_MODELS_FILE": str(folder / "models.toml"),
        "QUOTEWIRE_EXPERIMENTS_FILE": str(folder / "experiments.toml"),
        "QUOTEWIRE_EXPERIMENTS_LOG": str(folder / "log"),
        "QUOTEWIRE_SHADOW_QUEUE_ARTICLES": "4096",
    }
    log = folder / "server.log"
    command = [sys.executable, "-m", "quotewire", "serve", "--host", "127.0.0.1", "--port", "0"]
    with log.open("w") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        yield _address(process, log)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=STOP_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Waits until the server is ready."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        text = log.read_text()
        listening = re.search(r"listening on (\S+:\d+)", text)
        if listening and re.search(r"\bserving ", text.split(listening[0])[1]):
            print(f"server ready on {listening[1]}")
            return listening[1]
        time.sleep(0.2)
    sys.exit(f"the server did not start:\n{log.read_text()}")


def run_traffic(address: str, articles: Sequence[Article], *, seconds: float) -> tuple[int, int]:
    """Sends the articles one after the other and the editors' verdicts with them; how many articles
    were answered, and how many statements judged."""
    judged, sent = 0, 0
    deadline = time.monotonic() + seconds
    with Client(address) as client:
        for article in articles:
            if time.monotonic() > deadline:
                break
            extraction = client.extract(article)
            sent += 1
            judged += feed_back(client, extraction)
            if sent % 50 == 0:
                print(f"  {sent} articles", flush=True)
    return sent, judged


def feed_back(client: Client, extraction: Extraction) -> int:
    if chance(extraction.article_id, "read") >= JUDGED:
        return 0
    for statement in extraction.statements:
        verdict = simulated_verdict(extraction.article_id, statement)
        client.record_feedback(
            article_id=extraction.article_id,
            statement_id=statement.id,
            verdict=verdict,
            editor="simulated",
            corrected={"speaker.name": None} if verdict == "corrected" else None,
        )
    return len(extraction.statements)


def simulated_verdict(article_id: str, statement: Statement) -> str:
    if chance(article_id, statement.id, "right") < statement.confidence:
        return "accepted"
    return "corrected" if chance(article_id, statement.id, "how") < 0.5 else "rejected"


def chance(*words: str) -> float:
    """A number in [0, 1) that the same words always get."""
    digest = hashlib.sha256("|".join(words).encode()).hexdigest()
    return int(digest[:12], 16) / 16**12


def wait_for_shadows(log: Path, sent: int) -> None:
    """Until every article has its two unseen answers, or no more come."""
    print("waiting for the answers that nobody sees", flush=True)
    deadline, before, since = time.monotonic() + SHADOWS_S, -1, time.monotonic()
    while time.monotonic() < deadline:
        there = sum(row.role.value == "shadow" for row in read_exposures(str(log)))
        if there >= 2 * sent:
            return
        if there > before:
            before, since = there, time.monotonic()
        elif time.monotonic() - since > 60:
            break
        time.sleep(2)
    print(f"  {before} of {2 * sent} came; the report does without the others")


def quotewire(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "quotewire", *arguments], check=True)


if __name__ == "__main__":
    main()
