"""The statistics against truths: cases computed by hand, simulations with fixed seeds (`make soak`
runs more of them and reports the rates, docs/experiments.md has them)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, norm
from statsmodels.stats.power import normal_power

from quotewire.experiments.statistics import (
    FIRST_LOOK,
    LEVEL,
    ONE_LOOK,
    POWER,
    Comparison,
    Scale,
    Table,
    always_factor,
    always_p,
    compare,
    compare_all,
    course,
    course_at,
    linearised,
    units_for,
)
from tests.load.harness import GIVE_UP_S, SOAK, report

ALPHA = 1 - LEVEL
pytestmark = pytest.mark.timeout(GIVE_UP_S)


def pairs(a: Table, b: Table) -> Table:
    """Units of one article each, ``a`` and ``b`` counted on it."""
    ones = np.ones(len(a))
    return np.column_stack([a, ones, b, ones])


def split(values: Table, *, to_b: Table) -> Table:
    """Units of one article each, answered by A or by B."""
    zero = np.zeros(len(values))
    a = np.where(to_b[:, None], 0, np.column_stack([values, zero + 1]))
    b = np.where(to_b[:, None], np.column_stack([values, zero + 1]), 0)
    return np.concatenate([a, b], axis=1)


def allowed(trials: int, rate: float) -> int:
    """So many hits in that many trials, or more, are a matter of one in 10,000 at that rate."""
    return int(binom.ppf(0.9999, trials, rate))


def test_a_case_by_hand() -> None:
    # Four articles, A found 1, 2, 3, 4 and B 2, 2, 4, 6: differences 1, 0, 1, 2.
    units = pairs(np.array([1.0, 2, 3, 4]), np.array([2.0, 2, 4, 6]))
    result = compare(units, scale=Scale.DIFFERENCE)
    assert (result.a, result.b, result.effect, result.units) == (2.5, 3.5, 1.0, 4)
    # The mean of paired differences: standard deviation sqrt(2/3), over sqrt(4).
    assert result.error == pytest.approx(math.sqrt(2 / 3) / 2)
    ratio = compare(units, scale=Scale.RATIO)
    assert ratio.effect == pytest.approx(3.5 / 2.5 - 1)


def test_the_error_of_a_ratio_by_hand() -> None:
    # Accepted of judged in three articles of A (1/2, 2/2, 0/1) and two of B (1/1, 1/2).
    units = np.array([[1.0, 2, 0, 0], [2, 2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 2]])
    estimate, error = linearised(units, scale=Scale.DIFFERENCE)
    a, b = 3 / 5, 2 / 3
    assert estimate == pytest.approx(b - a)
    influence_a = [(1 - a * 2) / 5, (2 - a * 2) / 5, (0 - a) / 5]
    influence_b = [(1 - b) / 3, (1 - b * 2) / 3]
    square = sum(x * x for x in influence_a + influence_b)
    assert error == pytest.approx(math.sqrt(square * 5 / 4))


def test_clusters_count_not_their_articles() -> None:
    """A publisher's ten articles that are all alike know no more than one of them."""
    generator = np.random.default_rng(1)
    single = split(generator.poisson(3, 400).astype(float), to_b=generator.random(400) < 0.5)
    assert linearised(10 * single, scale=Scale.DIFFERENCE) == pytest.approx(
        linearised(single, scale=Scale.DIFFERENCE)
    )


def test_the_bootstrap_agrees_with_the_delta_method() -> None:
    generator = np.random.default_rng(2)
    a = generator.poisson(4, 800).astype(float)
    units = pairs(a, a + generator.poisson(0.3, 800))
    for scale in Scale:
        result = compare(units, scale=scale)
        assert result.once is not None and result.effect is not None and result.error is not None
        center, error = linearised(units, scale=scale)
        back = np.expm1 if scale is Scale.RATIO else np.asarray
        expected = [float(back(center + sign * norm.ppf(0.975) * error)) for sign in (-1, 1)]
        assert result.once == pytest.approx(expected, abs=0.1 * (expected[1] - expected[0]))


def test_a_thousand_units_need_more_than_one_memory_chunk_and_give_the_same() -> None:
    generator = np.random.default_rng(3)
    units = pairs(*(generator.poisson(4, 3000).astype(float) for _ in "ab"))
    both = compare_all([units, units], scales=[Scale.DIFFERENCE, Scale.RATIO])
    assert both[0] == compare(units, scale=Scale.DIFFERENCE)
    assert both[1] == compare(units, scale=Scale.RATIO)


def test_the_interval_and_the_p_value_say_the_same() -> None:
    for units in (100, 1000, 30_000):
        edge = always_factor(units)
        assert always_p(edge * 1.0001, units) < ALPHA < always_p(edge * 0.9999, units)
        assert edge > norm.ppf(1 - ALPHA / 2)
    assert always_p(0.0, 500) == 1.0
    # By hand: after 1,000 units, rho squared is (-2 log 0.05 + log(-2 log 0.05) + 1) / 1000.
    twice = -2 * math.log(0.05)
    scaled = twice + math.log(twice) + 1
    by_hand = math.sqrt(2 * (scaled + 1) / scaled * math.log(math.sqrt(scaled + 1) / 0.05))
    assert always_factor(1000) == pytest.approx(by_hand)


# Simulations.  Articles have very different numbers of statements (negative binomial).
TRIALS, ARTICLES = (1000 if SOAK else 400), 2000
LOOKS = np.arange(FIRST_LOOK, ARTICLES + 1, 100)


def simulated(generator: np.random.Generator, kind: str, *, lift: float = 1.0) -> Table:
    """ARTICLES units whose truth is: B's ratio is ``lift`` times A's."""
    length = generator.gamma(1.5, 1 / 1.5, ARTICLES)
    if kind == "pairs":
        a = generator.poisson(6 * length).astype(float)
        kept = generator.binomial(a.astype(int), 0.9).astype(float)
        return pairs(a, kept + generator.poisson((lift - 0.9) * 6 * length))
    to_b = generator.random(ARTICLES) < 0.5
    if kind == "split":
        return split(
            generator.poisson(np.where(to_b, lift, 1) * 6 * length).astype(float), to_b=to_b
        )
    judged = 1.0 + generator.poisson(6 * length)
    # Editors like some articles' statements better than others': statements are not independent.
    rate = generator.beta(8, 2, ARTICLES) * np.where(to_b, lift, 1)
    accepted = generator.binomial(judged.astype(int), np.minimum(rate, 1)).astype(float)
    rows = np.column_stack([accepted, judged])
    zero = np.zeros_like(rows)
    return np.where(to_b[:, None], np.concatenate([zero, rows], 1), np.concatenate([rows, zero], 1))


@pytest.mark.parametrize("kind", ["pairs", "split", "acceptance"])
def test_nothing_differs_and_nothing_is_found_at_all_looks_together(kind: str) -> None:
    """A/A with a look after every hundred articles: the always-valid interval leaves the truth out
    at any look in no more of the experiments than it says; the same by the usual interval is
    wrong several times as often."""
    generator = np.random.default_rng(4)
    scale = Scale.DIFFERENCE if kind == "acceptance" else Scale.RATIO
    ever_left, ever_left_once, left_at_the_end = 0, 0, 0
    for _ in range(TRIALS):
        units = simulated(generator, kind)
        path = course_at(units, at=LOOKS, scale=scale)
        ever_left += bool(np.any((path.low > 0) | (path.high < 0)))
        back = np.asarray if scale is Scale.DIFFERENCE else np.log1p
        reach = (back(path.high) - back(path.low)) / 2
        error = reach / np.array([always_factor(n) for n in LOOKS])
        beyond = np.abs(back(path.effect)) > norm.ppf(1 - ALPHA / 2) * error
        ever_left_once += bool(np.any(beyond))
        left_at_the_end += bool(beyond[-1])
    report(
        "A/A",
        kind=kind,
        experiments=TRIALS,
        articles=ARTICLES,
        looks=len(LOOKS),
        always_valid_at_any_look=ever_left / TRIALS,
        one_look_at_any_look=ever_left_once / TRIALS,
        one_look_at_the_last=left_at_the_end / TRIALS,
    )
    assert ever_left <= allowed(TRIALS, ALPHA)
    assert left_at_the_end <= allowed(TRIALS, ALPHA)
    assert ever_left_once > allowed(TRIALS, ALPHA)  # so peeking does need the other interval


def test_the_bootstrap_keeps_its_level_for_one_look() -> None:
    generator = np.random.default_rng(5)
    missed = 0
    for seed in range(200):
        units = simulated(generator, "pairs", lift=1.05)[:300]
        result = compare(units, scale=Scale.RATIO, resamples=300, seed=seed)
        assert result.once is not None
        missed += not result.once[0] <= 0.05 <= result.once[1]
    assert 1 <= missed <= allowed(200, ALPHA + 0.01)  # quantiles of 300 draws are not exact


@pytest.mark.parametrize("kind", ["pairs", "split", "acceptance"])
def test_one_look_at_few_articles_finds_nothing_where_nothing_is(kind: str) -> None:
    generator = np.random.default_rng(10)
    scale = Scale.DIFFERENCE if kind == "acceptance" else Scale.RATIO
    found = 0
    for _ in range(TRIALS):
        estimate, error = linearised(simulated(generator, kind)[:60], scale=scale)
        found += bool(abs(estimate) > norm.ppf(1 - ALPHA / 2) * error)
    assert found <= allowed(TRIALS, 0.065)  # of 60 units the error is not known exactly


def test_below_the_first_look_nothing_is_said() -> None:
    units = simulated(np.random.default_rng(11), "pairs", lift=3.0)
    few, some, many = (
        compare(units[:n], scale=Scale.RATIO, resamples=100)
        for n in (ONE_LOOK - 1, FIRST_LOOK - 1, FIRST_LOOK)
    )
    assert undefined(few) and few.effect is not None
    assert some.once is not None and some.always is None and some.p_always is None
    assert many.always is not None and many.p_always is not None


@pytest.mark.parametrize("kind", ["pairs", "split"])
def test_a_planted_difference_is_found_with_the_stated_power(kind: str) -> None:
    """``detectable`` is what a report promises to see with 80%: planted, it is seen about that
    often, and the interval holds it."""
    pilot = [simulated(np.random.default_rng(seed), kind) for seed in range(20)]
    promised = [compare(units, scale=Scale.RATIO, resamples=1).detectable for units in pilot]
    lift = 1 + float(np.median([value for value in promised if value is not None]))
    generator = np.random.default_rng(6)
    found = covered = 0
    for _ in range(TRIALS):
        path = course_at(
            simulated(generator, kind, lift=lift), at=np.array([ARTICLES]), scale=Scale.RATIO
        )
        found += bool(path.low[-1] > 0)
        covered += bool(path.low[-1] <= lift - 1 <= path.high[-1])
    report(
        "planted",
        kind=kind,
        experiments=TRIALS,
        articles=ARTICLES,
        lift=round(lift - 1, 4),
        power_stated=POWER,
        power=found / TRIALS,
        interval_holds_it=covered / TRIALS,
    )
    assert binom.ppf(0.001, TRIALS, 0.77) <= found <= binom.ppf(0.999, TRIALS, 0.85)
    assert covered >= binom.ppf(0.001, TRIALS, LEVEL)


def test_the_stated_power_is_that_of_statsmodels() -> None:
    generator = np.random.default_rng(7)
    result = compare(simulated(generator, "acceptance"), scale=Scale.DIFFERENCE)
    assert result.detectable is not None and result.error is not None
    # The power of a two-sided z-test at the level whose bound is the always-valid one.
    level = 2 * norm.sf(always_factor(result.units))
    power = normal_power(result.detectable / result.error, nobs=1, alpha=level, sigma=1.0)
    assert power == pytest.approx(0.8, abs=1e-6)


def test_how_many_more_are_needed() -> None:
    generator = np.random.default_rng(8)
    first = simulated(generator, "pairs")[:500]
    result = compare(first, scale=Scale.RATIO)
    needed = units_for(result, half_width=0.01)
    assert needed is not None and needed > 500
    many = np.concatenate([simulated(generator, "pairs") for _ in range(30)])
    then = compare(many[:needed], scale=Scale.RATIO, resamples=10)
    assert len(many) >= needed and then.always is not None
    assert (then.always[1] - then.always[0]) / 2 == pytest.approx(0.01, rel=0.15)


def test_the_course_ends_where_the_comparison_stands() -> None:
    units = simulated(np.random.default_rng(9), "split", lift=1.2)
    result, path = compare(units, scale=Scale.RATIO), course(units, scale=Scale.RATIO)
    assert path.units[0] == FIRST_LOOK and path.units[-1] == ARTICLES
    assert result.always == pytest.approx((path.low[-1], path.high[-1]))
    assert result.effect == pytest.approx(path.effect[-1])


def undefined(result: Comparison) -> bool:
    return (result.once, result.always, result.p_always, result.p_once) == (None,) * 4


def test_what_is_undefined_is_none() -> None:
    nothing = compare(np.zeros((0, 4)), scale=Scale.RATIO)
    assert nothing.effect is None and undefined(nothing) and nothing.units == 0
    no_down = compare(np.zeros((5, 4)), scale=Scale.DIFFERENCE)
    assert no_down.a is None and no_down.effect is None and undefined(no_down)
    # A found nothing at all: B has no ratio to it, but a difference.
    units = pairs(np.zeros(5), np.array([1.0, 0, 2, 0, 1]))
    assert compare(units, scale=Scale.RATIO).effect is None
    assert compare(units, scale=Scale.DIFFERENCE).effect == pytest.approx(0.8)


def test_where_nothing_varies_no_width_is_claimed() -> None:
    same = pairs(*[np.array([1.0, 2, 3])] * 2)
    for scale in Scale:
        result = compare(same, scale=scale)
        assert (
            result.same and result.effect == 0 and result.always is None and result.p_always == 1.0
        )
        assert units_for(result, half_width=0.01) is None
