"""What README.md and docs/archives.md walk through runs as it stands there, on a small archive in
the place of the BBC's."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run, run
from tests.conftest import ROOT

__all__ = ["run"]

TEXTS = [
    "Ann Lee told Reuters the road is shut until spring.",
    "Nobody came.",
    "Bob Ray said the bridge is open.",
]
# The page, the heading, and where the archive lies that its commands read.
PAGES = [
    ("README.md", "### Archives", "../shared/data/archive_bbc.jsonl.gz"),
    ("docs/archives.md", "## Three commands", "archive_bbc.jsonl.gz"),
]


def commands(page: str, heading: str) -> Iterator[list[str]]:
    """The commands set in under the heading, up to those that are no part of the walk (after the
    first that asks DuckDB)."""
    section = (ROOT / page).read_text(encoding="utf-8").split(f"\n{heading}\n")[1]
    section = re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0]
    script = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    lexer = shlex.shlex(script, posix=True, punctuation_chars="\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " ", True, ""
    words: list[str] = []
    for token in [*lexer, "\n"]:
        if set(token) != {"\n"}:
            words.append(token)
        elif words:
            yield words
            if words[0] == "python":
                return
            words = []


@pytest.mark.parametrize(("page", "heading", "archive"), PAGES)
def test_three_commands(
    page: str, heading: str, archive: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "checkout"
    here.mkdir()
    monkeypatch.chdir(here)
    (here / archive).parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"id": f"bbc{n}", "text": text}) for n, text in enumerate(TEXTS)]
    (here / archive).write_bytes(gzip.compress("\n".join(lines).encode()))

    walk = list(commands(page, heading))
    assert [words[:2] for words in walk if words[0] != "pip"] == [
        ["quotewire", "score"],
        ["quotewire", "report"],
        ["python", "-c"],
    ]
    answer = ""
    for words in walk:
        if words[0] == "quotewire":
            # Workers of their own would load the model by its name.
            more = ["--workers", "0"] if words[1] == "score" else []
            result = run(*words[1:], *more)
            assert result.exit_code == 0, result.output
        elif words[0] == "python":
            done = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            answer = done.stdout
    assert "Lee" in answer
    assert [path.name for path in here.glob("*.html")], "the page of the report"
