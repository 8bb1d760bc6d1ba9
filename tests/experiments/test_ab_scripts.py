"""`make ab-demo` and scripts/ab_replay.py from end to end: a real server, real models, few articles
of our own."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from quotewire.experiments.logs import read_exposures, read_feedback
from tests.conftest import ROOT

BASE = ROOT / "models" / "quotewire-base"
ARTICLES = 6
TEXTS = [
    f"“We will mend the bridge by May,” Mayor Ann Lee told the Harrow Ledger on day {n}.\n\n"
    "The council said that it had not been asked. According to a report of the harbour office, "
    "the ferries are full."
    for n in range(ARTICLES)
]
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """quotewire-base under another name, and more careful."""
    folder = tmp_path / "second"
    shutil.copytree(BASE, folder)
    config = json.loads((folder / "config.json").read_text())
    config["name"] = "quotewire-careful"
    config["decoding"]["valid_threshold"] = [0.99, 0.99]
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def script(name: str, *arguments: str | Path) -> str:
    """What scripts/NAME prints."""
    command = [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def rows_of(folder: Path) -> Counter[tuple[str, str, str]]:
    """How many rows the exposure log has of each experiment, variant and role."""
    return Counter(
        (row.experiment, row.variant, row.role.value)
        for row in read_exposures(str(folder / "log"))
        if row.error is None
    )


def test_the_demo_goes_from_traffic_to_a_report(second: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    told = script(
        "ab_demo.py", "--articles", str(ARTICLES), "--seconds", "600", "--second", second,
        "--archive", tmp_path / "none.jsonl.gz", "--out", out,
    )  # fmt: skip
    assert "put together from the paragraphs of examples/" in told
    assert "Too little data to compare small with base" in told
    rows = rows_of(out)
    served = rows["ab-demo", "base", "served"] + rows["ab-demo", "small", "served"]
    assert served == ARTICLES
    assert rows["ab-demo", "base-unseen", "shadow"] == ARTICLES
    assert rows["ab-demo", "small-unseen", "shadow"] == ARTICLES
    assert list(read_feedback(str(out / "log"))), "editors judged something"
    assert "<svg" in (out / "report.html").read_text(encoding="utf-8")
    assert (out / "disagreements" / "disagreements.html").is_file()


def test_the_replay_writes_its_page_without_a_word_of_the_archive(
    second: Path, tmp_path: Path
) -> None:
    archive, docs, out = tmp_path / "archive.jsonl.gz", tmp_path / "docs", tmp_path / "replay"
    docs.mkdir()
    with gzip.open(archive, "wt", encoding="utf-8") as lines:
        for n, text in enumerate(TEXTS):
            lines.write(json.dumps({"id": f"a{n}", "section": "news", "text": text}) + "\n")
    script(
        "ab_replay.py", "--archive", archive, "--second", second, "--docs", docs, "--out", out
    )  # fmt: skip
    rows = rows_of(out)
    split = [rows["replay-split", variant, "served"] for variant in ("base", "small")]
    assert sum(split) == ARTICLES
    assert rows["replay-shadow", "base", "served"] == ARTICLES
    assert rows["replay-shadow", "small", "shadow"] == ARTICLES
    pages = {path.name: path.read_text(encoding="utf-8") for path in docs.iterdir()}
    assert set(pages) == {"ab-example.md", "ab-example-split.html", "ab-example-shadow.html"}
    page = pages["ab-example.md"]
    assert f"{2 * ARTICLES} served, {ARTICLES} shadow, 0 failed, 0 shadows dropped" in page
    digests = {row.digest for row in read_exposures(str(out / "log"))}
    assert len(digests) == 2 and all(digest in page for digest in digests)
    assert page.count("Too little data") == 4  # in words, and in the reports themselves
    for text in pages.values():
        assert "bridge" not in text and "Ann Lee" not in text


def test_a_page_that_would_quote_an_article_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import ab_replay  # type: ignore[import-not-found]

    quoted: Any = ab_replay.quoted
    assert quoted("| rows |\nThe ferries, ARE full: said who? Nobody", [*TEXTS]) is None
    assert quoted("… report of the Harbour office, “the ferries”", [*TEXTS]) == (
        "report of the harbour office the"
    )
