"""What scripts/ab_demo.py and scripts/ab_replay.py share: an archive, a server with experiments,
simulated editors.

Editors are simulated: each article is read with probability JUDGED, and each of its statements is
accepted with the model's own confidence in it as probability, else corrected or rejected, one as
often as the other.  All of it follows from the ids alone, so that the same articles get the same
verdicts again.  So what a report says of acceptance is true of these editors only: it is what the
models themselves believe of their statements.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quotewire.client import Client
from quotewire.experiments.logs import read_exposures
from quotewire.types import Article, Extraction, Statement

ROOT = Path(__file__).resolve().parent.parent
ARCHIVE = ROOT.parent / "shared" / "data" / "archive_bbc.jsonl.gz"
SECOND = ROOT / "models" / "quotewire-small"
JUDGED = 0.6
# A server on a busy machine may take so long to load two models, shadows so long from one answer to
# the next, and the server so long to end what it has begun (seconds).
START_S, SILENCE_S, STOP_S = 600, 120, 300


def read_archive(path: Path) -> list[dict[str, Any]]:
    """``id``, ``section`` and ``text`` of each article."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_articles(path: Path, articles: Iterable[Article]) -> None:
    """As `quotewire experiments diff` reads them."""
    lines = (
        json.dumps({"id": one.id, "text": one.text, "publisher": one.publisher, **one.meta})
        for one in articles
    )
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A server with the folder's models.toml and experiments.toml on a free port; its address.  Its
    log goes to server.log, the experiments' to log/.  On leaving, what still waits to be written is
    written."""
    environment = os.environ | {
        "QUOTEWIRE_MODELS_FILE": str(folder / "models.toml"),
        "QUOTEWIRE_EXPERIMENTS_FILE": str(folder / "experiments.toml"),
        "QUOTEWIRE_EXPERIMENTS_LOG": str(folder / "log"),
        # Nobody waits here for the shadows but this script: all articles may.
        "QUOTEWIRE_SHADOW_QUEUE_ARTICLES": "10000",
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
            print(f"server ready on {listening[1]}", flush=True)
            return listening[1]
        time.sleep(0.2)
    sys.exit(f"the server did not start:\n{log.read_text()}")


def send(
    client: Client,
    articles: Sequence[Article],
    *,
    model: str = "",
    judged: bool = True,
    seconds: float = float("inf"),
) -> tuple[int, int]:
    """Streams the articles until ``seconds`` are over, and with ``judged`` the editors' verdicts on
    the answers; how many articles were answered, and how many statements judged."""
    ends = time.monotonic() + seconds

    def in_time() -> Iterator[Article]:
        for article in articles:
            if time.monotonic() > ends:
                return
            yield article

    sent = verdicts = 0
    # Two at a time keep the server busy and wait for each other only a little.
    for answer in client.extract_stream(in_time(), model=model, in_flight=2):
        if answer.extraction is None:
            sys.exit(f"article {answer.article.id} got no answer: {answer.error}")
        sent += 1
        if judged:
            verdicts += feed_back(client, answer.extraction)
        if sent % 50 == 0:
            print(f"  {sent} articles", flush=True)
    return sent, verdicts


def feed_back(client: Client, extraction: Extraction) -> int:
    """Sends the simulated editors' verdicts on an answer; how many."""
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


def wait_for_shadows(log: Path, expected: int) -> int:
    """Until so many answers that nobody sees are there, or no more come; how many did."""
    print("waiting for the answers that nobody sees", flush=True)
    before, since = -1, time.monotonic()
    while before < expected and time.monotonic() - since < SILENCE_S:
        there = sum(row.role.value == "shadow" for row in read_exposures(str(log)))
        if there > before:
            before, since = there, time.monotonic()
        if there < expected:
            time.sleep(2)
    if before < expected:
        print(f"  {before} of {expected} came; the report does without the others")
    return before


def quotewire(*arguments: str | Path) -> str:
    """What this command prints; ends the script where it fails."""
    command = [sys.executable, "-m", "quotewire", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        sys.exit(f"quotewire {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout
