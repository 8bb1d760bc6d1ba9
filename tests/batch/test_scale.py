"""The table of docs/scale.md is what scripts/scale.py calculates."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT


def scale(*options: str) -> str:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "scale.py", *options],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_page_shows_what_is_calculated() -> None:
    assert scale() in (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("articles", "cores", "row"),
    [
        ("36000", "1", "scoring | 1.0 hours"),
        ("36000", "2", "scoring | 30 minutes"),
        ("72000", "2", "core hours of scoring | 2"),
        ("36000", "1", "shards | 8"),
    ],
)
def test_hours_follow_from_articles_rate_and_cores(articles: str, cores: str, row: str) -> None:
    options = ["--articles", articles, "--cores", cores, "--articles-per-s", "10"]
    assert f"| {row} |" in scale(*options)
