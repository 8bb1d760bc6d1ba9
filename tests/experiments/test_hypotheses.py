"""The tests against truths: cases computed by hand, simulations with fixed seeds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom, binomtest, norm
from statsmodels.stats.multitest import multipletests

from quotewire.experiments.hypotheses import (
    MISMATCH_P,
    holm,
    paired_test,
    sign_flip_p,
    split_test,
)

HALF = {"a": 1.0, "b": 1.0}


def test_a_split_by_hand() -> None:
    split = split_test({"a": 60, "b": 40}, HALF)
    # Chi-square 10**2/50 + 10**2/50 = 4 with one degree of freedom.
    assert split.p == pytest.approx(0.0455, abs=1e-4)
    assert split.expected == {"a": 50.0, "b": 50.0} and not split.mismatch


def test_52_to_48_is_noticed() -> None:
    assert split_test({"a": 5200, "b": 4800}, HALF).mismatch
    assert not split_test({"a": 520, "b": 480}, HALF).mismatch  # too few to tell
    meant = split_test({"a": 5200, "b": 4800}, {"a": 52, "b": 48})
    assert meant.p == pytest.approx(1.0) and meant.always_p == 1.0


def test_three_variants_and_one_without_any() -> None:
    split = split_test({"a": 1000, "b": 480}, {"a": 2, "b": 1, "c": 0.5})
    assert split.mismatch and split.counts["c"] == 0
    assert split_test({}, HALF).p is None
    assert split_test({"a": 5}, {"a": 1.0}).p is None


def test_a_right_split_is_seldom_called_wrong_and_a_wrong_one_is_found() -> None:
    generator = np.random.default_rng(1)
    trials, units = 2000, 20_000

    def alarms(share: float) -> int:
        drawn = generator.binomial(units, share, trials)
        return sum(split_test({"a": n, "b": units - n}, HALF).mismatch for n in drawn.tolist())

    assert alarms(0.5) <= binom.ppf(0.9999, trials, MISMATCH_P)
    # 52 to 48: z = 0.02 * sqrt(20,000) / 0.5 = 5.7 standard errors against the bound of 3.3.
    assert alarms(0.52) >= 0.98 * trials


def test_the_sequential_test_of_the_split_may_be_looked_at_any_time() -> None:
    generator = np.random.default_rng(2)
    trials, looks = 100, np.arange(100, 5001, 200)
    false = found = 0
    for _ in range(trials):
        for share, to in ((0.5, "false"), (0.54, "found")):
            drawn = np.cumsum(generator.random(looks[-1]) < share)[looks - 1]
            values = [
                split_test({"a": int(n), "b": int(of - n)}, HALF).always_p
                for n, of in zip(drawn, looks, strict=True)
            ]
            alarm = min(p for p in values if p is not None) < 0.05
            false += alarm and to == "false"
            found += alarm and to == "found"
    assert false <= binom.ppf(0.9999, trials, 0.05)
    assert found >= 0.95 * trials


def test_paired_choices_by_hand() -> None:
    """Ten discordant items, one an article, nine for B: McNemar's exact test, 22 / 1024."""
    items = [(f"b{n}", False, True) for n in range(9)] + [("a", True, False)]
    items += [("both", True, True)] * 3 + [("none", False, False)]
    result = paired_test(items)
    assert (result.both, result.only_a, result.only_b, result.neither) == (3, 1, 9, 1)
    assert (result.items, result.articles) == (14, 12)
    assert result.p == pytest.approx(22 / 1024) and result.mcnemar_p == pytest.approx(22 / 1024)


def test_many_items_of_few_articles_prove_little() -> None:
    """Thirty items for B, but all of them in three articles: no sign test can be below 1/4."""
    result = paired_test([(f"x{n % 3}", False, True) for n in range(30)])
    assert result.p == pytest.approx(2 / 2**3)
    assert result.mcnemar_p is not None and result.mcnemar_p < 1e-6


def test_without_discordant_items_there_is_no_p() -> None:
    assert paired_test([("x", True, True)]).p is None
    assert paired_test([]).mcnemar_p is None


def test_sign_flips_are_counted_one_by_one() -> None:
    generator = np.random.default_rng(3)
    for _ in range(20):
        leads = generator.integers(-4, 5, size=9).tolist()
        sums = [
            sum(sign * lead for sign, lead in zip(signs, leads, strict=True))
            for signs in itertools.product((-1, 1), repeat=len(leads))
        ]
        expected = np.mean([abs(value) >= abs(sum(leads)) for value in sums])
        assert sign_flip_p(leads) == pytest.approx(expected)
    assert sign_flip_p([1] * 12 + [-1] * 3) == pytest.approx(binomtest(3, 15).pvalue)
    assert sign_flip_p([0, 0]) == 1.0


def test_holm_by_hand() -> None:
    # Times 4, 3, 2, 1 in ascending order, never below the one before.
    corrected = holm([0.01, None, 0.04, 0.03, 0.005])
    assert corrected == [pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06),
                         pytest.approx(0.02)]  # fmt: skip
    assert holm([None, None]) == [None, None] and holm([]) == []


def test_holm_is_that_of_statsmodels() -> None:
    p_values = [0.012, 0.9, 0.0004, 0.04, 0.04, 0.7, 0.011]
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def test_holm_keeps_the_chance_of_any_false_alarm() -> None:
    generator = np.random.default_rng(4)
    # Six metrics that depend on each other, none of which differs.
    base = generator.standard_normal((500, 1))
    p = 2 * norm.sf(np.abs(0.6 * base + 0.8 * generator.standard_normal((500, 6))))
    alarms = p[p.min(axis=1) < 0.05].tolist()  # correction never makes an alarm
    any_holm = sum(min(v for v in holm(row) if v is not None) < 0.05 for row in alarms)
    assert any_holm <= binom.ppf(0.9999, 500, 0.05) < len(alarms)
