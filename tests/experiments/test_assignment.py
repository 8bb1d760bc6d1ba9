"""Who gets which variant: the same in every language, and nobody is moved who need not be."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotewire.experiments.assignment import (
    BUCKETS,
    Chosen,
    Experiment,
    Override,
    Unit,
    Variant,
    choose,
    draw,
    made_id,
    text_hash,
    unit_of,
)
from quotewire.types import Article
from tests.conftest import ROOT

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)

# Made by Node.js (crypto and BigInt), and the first by sha256sum, too: salt, unit, unit hash,
# bucket, point, and the number of the variant for the weights 1:1, 9:1 and 1:2:3.
GOLDEN = [
    ("2026-11", "a1", "aaf9f62f5f99468a059fa13cf68ce873", 8858, 3363, (0, 0, 1)),
    ("2026-11", "a2", "caa8d216afb4859290af280c96bc7178", 226, 8392, (1, 0, 2)),
    ("2026-11", "a3", "4e0d430b230d294f6cf1a8b96c97cc26", 3887, 8838, (1, 0, 2)),
    ("2026-11", "Daily Planet", "c81e881428d84ca2e33b301f3147457b", 4370, 4027, (0, 0, 1)),
    ("2026-11", "newsdesk", "c9b632ee23369399d275d867e3944b4c", 9065, 1052, (0, 0, 0)),
    ("winter", "a1", "38e36fb4d13ba67dd451c3b1afa71993", 7133, 7139, (1, 0, 2)),
    ("winter", "Süddeutsche Zeitung", "a0a3355d00e250d48497fdab5034f578", 9172, 9544, (1, 1, 2)),
    ("2026-11", "新華社", "a659fe1b911fdd5b8c2d257fc91c811d", 2459, 3341, (0, 0, 1)),
    ("2026-11", "🌉", "59817734fd30be2e81422d1affbcb597", 5726, 3991, (0, 0, 1)),
    ("s", "a:b", "8a3c9fa9c0c54e67ae7df2ed6f55667c", 71, 1580, (0, 0, 0)),
]
# Likewise: text, its hash.
GOLDEN_TEXTS = [
    ("“We leave,” Ann Lee told Reuters.", "b445918a2c74c01962e4d7211695efc6"),
    (
        "  “We leave,”\u00a0Ann\n\n Lee told\u2003Reuters. ",
        "b445918a2c74c01962e4d7211695efc6",
    ),
    ("Cafe\u0301", "73473dcc12b763085904a5279d048c4d"),
    ("Café", "73473dcc12b763085904a5279d048c4d"),
    ("", "e3b0c44298fc1c149afbf4c8996fb924"),
]


def experiment(*weights: int, **changes: Any) -> Experiment:
    values: dict[str, Any] = {
        "name": "e",
        "salt": "2026-11",
        "unit": Unit.ARTICLE,
        "covered": BUCKETS,
        "variants": [
            Variant(name=str(number), model="m", weight=weight)
            for number, weight in enumerate(weights or (1, 1))
        ],
    }
    return Experiment(**{**values, **changes})


def chosen(
    *experiments: Experiment, article: Article | None = None, **changes: Any
) -> Chosen | None:
    values = {"request": "", "caller": "newsdesk", "at": NOW, **changes}
    return choose(experiments, article or Article("a1", "text"), **values)


def variants(*experiments: Experiment, articles: int = 2000) -> list[str | None]:
    """What each of many articles gets."""
    got = [chosen(*experiments, article=Article(f"n{n}", "")) for n in range(articles)]
    return [one.variant.name if one else None for one in got]


@pytest.mark.parametrize(("salt", "unit", "unit_hash", "bucket", "point", "numbers"), GOLDEN)
def test_golden_vectors(
    salt: str, unit: str, unit_hash: str, bucket: int, point: int, numbers: tuple[int, ...]
) -> None:
    drawn = draw(salt=salt, unit=unit)
    assert (drawn.unit_hash, drawn.bucket, drawn.point) == (unit_hash, bucket, point)
    for weights, number in zip(((1, 1), (9, 1), (1, 2, 3)), numbers, strict=True):
        got = chosen(experiment(*weights, salt=salt), article=Article(unit, "text"))
        assert got is not None
        assert got.variant.name == str(number)
        assert got.draw.bucket == bucket


@pytest.mark.parametrize(("text", "expected"), GOLDEN_TEXTS)
def test_golden_texts(text: str, expected: str) -> None:
    assert text_hash(text) == expected


def test_the_golden_vectors_stand_in_the_docs() -> None:
    page = (ROOT / "docs" / "experiments.md").read_text("utf-8")
    for salt, unit, unit_hash, bucket, point, (even, *_) in GOLDEN:
        variant = "AB"[even]
        assert f"| `{salt}` | `{unit}` | `{unit_hash}` | {bucket} | {point} | {variant} |" in page
    for _, expected in GOLDEN_TEXTS:
        assert expected in page


@given(salt=st.text(), unit=st.text())
def test_any_salt_and_unit_have_a_bucket(salt: str, unit: str) -> None:
    drawn = draw(salt=salt, unit=unit)
    assert 0 <= drawn.bucket < BUCKETS
    assert 0 <= drawn.point < BUCKETS
    assert drawn == draw(salt=salt, unit=unit)


@given(
    unit=st.text(min_size=1),
    weights=st.lists(st.integers(0, 10_000), min_size=1, max_size=5).filter(any),
    covered=st.integers(0, BUCKETS),
    more=st.integers(0, BUCKETS),
)
def test_more_coverage_moves_no_unit(
    unit: str, weights: list[int], covered: int, more: int
) -> None:
    article = Article(unit, "")
    before = chosen(experiment(*weights, covered=covered), article=article)
    after = chosen(experiment(*weights, covered=max(covered, more)), article=article)
    if before:
        assert after
        assert after.variant.name == before.variant.name
        assert weights[int(after.variant.name)] > 0


def test_coverage_and_weights_hold() -> None:
    got = Counter(variants(experiment(3, 1, covered=4000), articles=20_000))
    # Five standard deviations of a binomial: one run in two million fails, and the hash never
    # changes.
    assert abs(got[None] - 12_000) < 5 * (20_000 * 0.6 * 0.4) ** 0.5
    assert abs(got["1"] - 2000) < 5 * (20_000 * 0.1 * 0.9) ** 0.5


def test_the_variant_does_not_depend_on_the_bucket() -> None:
    """Else the first buckets that coverage takes would be of one variant."""
    few = Counter(variants(experiment(covered=500), articles=20_000))
    assert abs(few["0"] - few["1"]) < 5 * (20_000 * 0.05) ** 0.5


def test_experiments_with_other_salts_are_independent() -> None:
    first = variants(experiment())
    second = variants(experiment(salt="winter"))
    both = Counter(zip(first, second, strict=True))
    assert len(both) == 4
    assert all(abs(count - 500) < 5 * (2000 * 0.25 * 0.75) ** 0.5 for count in both.values())


def test_the_first_experiment_that_takes_an_article_has_it() -> None:
    first, second = experiment(covered=4000), experiment(name="f", salt="winter")
    names = {
        got.experiment.name if (got := chosen(first, second, article=Article(f"n{n}", ""))) else ""
        for n in range(100)
    }
    assert names == {"e", "f"}
    for n in range(100):
        article = Article(f"n{n}", "")
        alone, got = chosen(first, article=article), chosen(first, second, article=article)
        assert got
        assert got == alone if alone else got.experiment is second


def test_requests_that_ask_for_another_model_are_left_alone() -> None:
    one = experiment(requests=frozenset({"", "stable"}))
    assert chosen(one, request="stable")
    assert not chosen(one, request="quotewire-base@1.0.0")
    assert not chosen(experiment(requests=frozenset({"stable"})), request="")


def test_an_experiment_runs_from_start_until_end() -> None:
    one = experiment(start=NOW, end=NOW.replace(hour=15))
    hours = {hour: bool(chosen(one, at=NOW.replace(hour=hour))) for hour in (13, 14, 15)}
    assert hours == {13: False, 14: True, 15: False}


def test_what_a_unit_is() -> None:
    article = Article("a1", "text", publisher="Daily Planet")
    assert unit_of(Unit.ARTICLE, article, "newsdesk") == "a1"
    assert unit_of(Unit.PUBLISHER, article, "newsdesk") == "Daily Planet"
    assert unit_of(Unit.CALLER, article, "newsdesk") == "newsdesk"


@pytest.mark.parametrize("unit", list(Unit))
def test_where_the_unit_is_missing_the_text_takes_its_place(unit: Unit) -> None:
    text = "“We leave,” Ann Lee told Reuters."
    nobody = Article(made_id(text), text)
    assert unit_of(unit, nobody, "anonymous") == "text:b445918a2c74c01962e4d7211695efc6"


def test_an_id_that_only_looks_made_is_the_callers() -> None:
    article = Article("sha256:" + 32 * "0", "text")
    assert unit_of(Unit.ARTICLE, article, "newsdesk") == article.id


@pytest.mark.parametrize(
    "override",
    [
        Override(variant="1", articles=frozenset({"a1"})),
        Override(variant="1", publishers=frozenset({"Daily Planet"})),
        Override(variant="1", callers=frozenset({"newsdesk"})),
    ],
)
def test_an_override_goes_before_coverage_and_weights(override: Override) -> None:
    one = experiment(1, 0, covered=0, overrides=[override])
    got = chosen(one, article=Article("a1", "text", publisher="Daily Planet"))
    assert got
    assert (got.variant.name, got.override) == ("1", True)
    assert not chosen(one, article=Article("a2", "text"), caller="other")
