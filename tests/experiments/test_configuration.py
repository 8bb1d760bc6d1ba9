"""experiments.toml: what it says, and what is wrong with it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quotewire.errors import ConfigError
from quotewire.experiments.assignment import Experiment, Override, Unit, Variant
from quotewire.experiments.configuration import read_experiments, selectors
from tests.conftest import ROOT

SMALL = """
[[experiments]]
name = "small-or-base"
coverage = 0.2

[[experiments.variants]]
name = "base"
model = "quotewire-base"
"""


def read(folder: Path, text: str) -> tuple[Experiment, ...]:
    path = folder / "experiments.toml"
    path.write_text(text, encoding="utf-8")
    return read_experiments(path)


def test_no_file_no_experiments() -> None:
    assert read_experiments(None) == ()


def test_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, SMALL) == (
        Experiment(
            name="small-or-base",
            salt="small-or-base",
            unit=Unit.ARTICLE,
            covered=2000,
            variants=[Variant(name="base", model="quotewire-base")],
            overrides=[],
        ),
    )


def test_the_example_of_the_docs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "experiments.md").read_text("utf-8")
    [example] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    experiments = read(tmp_path, example)
    assert experiments == (
        Experiment(
            name="small-or-base",
            salt="2026-11",
            unit=Unit.ARTICLE,
            covered=2000,
            requests=frozenset({"", "stable"}),
            start=datetime(2026, 11, 23, 8, tzinfo=UTC),
            end=datetime(2026, 12, 7, 8, tzinfo=UTC),
            log_text=False,
            variants=[
                Variant(name="base", model="quotewire-base", weight=1),
                Variant(name="small", model="small", weight=1, min_confidence=0.4),
                Variant(name="next", model="quotewire-base@2.0.0", weight=0, shadow=True),
            ],
            overrides=[
                Override(
                    variant="small",
                    publishers=frozenset({"Daily Planet"}),
                    callers=frozenset({"testers"}),
                )
            ],
        ),
    )
    assert [model for _, model in selectors(experiments)] == [
        "quotewire-base",
        "small",
        "quotewire-base@2.0.0",
    ]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[[experiments]]", "[[experiments", "no TOML"),
        ("[[experiments]]", "extra = 1\n[[experiments]]", "unknown key 'extra'"),
        ('name = "small-or-base"', "", r"experiments\[0\]\.name: got nothing"),
        ("small-or-base", "small/base", r"experiments\[0\]\.name: got 'small/base'"),
        ("coverage = 0.2", "", r"experiments\[0\]\.coverage: got nothing"),
        ("0.2", "1.2", r"coverage: got 1\.2; allowed: a multiple of 0\.0001 in \[0, 1\]"),
        ("0.2", "0.00012", "coverage: got 0.00012"),
        ("0.2", "true", "coverage: got True"),
        ("coverage", 'salt = "a:b"\ncoverage', "salt: got 'a:b'.*without a colon"),
        ("coverage", 'unit = "reader"\ncoverage', "unit: got 'reader'; .*article, publisher"),
        ("coverage", 'requests = "x"\ncoverage', "requests: got 'x'"),
        ("coverage", "start = 2026-11-22T08:00:00\ncoverage", "start: got .*; .*with its zone"),
        (
            "coverage",
            "start = 2026-11-22T08:00:00Z\nend = 2026-11-22T08:00:00Z\ncoverage",
            "end: got .*; allowed: after the start",
        ),
        ("coverage", 'log_text = "yes"\ncoverage', "log_text: got 'yes'; allowed: true or false"),
        ("coverage", "sharing = 1\ncoverage", r"experiments\[0\]: unknown key 'sharing'"),
        ("model =", "modell =", r"variants\[0\]\.model: got nothing"),
        ('"quotewire-base"', '"x"\nweight = -1', r"variants\[0\]\.weight: got -1"),
        ('"quotewire-base"', '"x"\nweight = 0', "variants: none is served"),
        ('"quotewire-base"', '"x"\nshadow = true', "variants: none is served"),
        ('"quotewire-base"', '"x"\nshadow = true\nweight = 1', "weight: got 1 for a shadow"),
        (
            '"quotewire-base"',
            '"x"\noptions = { min_confidence = 2 }',
            r"variants\[0\]\.options\.min_confidence: got 2; allowed: a number in \[0, 1\]",
        ),
        ('"quotewire-base"', '"x"\noptions = { acts = 1 }', r"options: unknown key 'acts'"),
        (
            '"quotewire-base"',
            '"x"\n[[experiments.variants]]\nname = "base"\nmodel = "y"',
            "variants: two have the same name",
        ),
        (
            '"quotewire-base"',
            '"x"\n[[experiments.overrides]]\nvariant = "other"\ncallers = ["c"]',
            r"overrides\[0\]\.variant: got 'other'; allowed: one of base",
        ),
        (
            '"quotewire-base"',
            '"x"\n[[experiments.overrides]]\nvariant = "base"',
            r"overrides\[0\]: allowed: at least one of articles, publishers, callers",
        ),
        ('"quotewire-base"', '"x"\n' + SMALL, "two have the name 'small-or-base'"),
        (
            '"quotewire-base"',
            '"x"\n' + SMALL.replace('"small-or-base"', '"other"\nsalt = "small-or-base"'),
            "two have the salt 'small-or-base'",
        ),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in SMALL
    with pytest.raises(ConfigError, match=complaint) as caught:
        read(tmp_path, SMALL.replace(old, new, 1))
    assert "experiments.toml" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        read_experiments(tmp_path / "none.toml")
