"""Whole reports against known truths: how often the verdict is wrong when somebody looks after
every hundred articles, and how often it finds what is there (`make soak` runs more of them)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from quotewire.experiments.evidence import Plan
from quotewire.experiments.observations import Observation
from quotewire.experiments.report import Report, build_report
from quotewire.experiments.statistics import FIRST_LOOK, LEVEL, POWER
from quotewire.experiments.verdict import Finding, sentences
from tests.experiments.make import world
from tests.load.harness import GIVE_UP_S, SOAK, report

TRIALS, ARTICLES = (200, 800) if SOAK else (8, 300)
LOOKS = range(FIRST_LOOK, ARTICLES + 1, 100)
# The intervals for one look decide nothing here.
PLAN = Plan(resamples=1)
# B finds as many intermediaries as A, but a fifth of them are others.
CHURN = 0.2
pytestmark = pytest.mark.timeout(GIVE_UP_S)


def looked_at(seen: list[Observation], *, articles: int) -> Report:
    """The report when so many articles had come."""
    come = [one for one in seen if int(one.article.removeprefix("x")) < articles]
    return build_report(come, title="t", weights={"base": 1.0, "small": 1.0}, plan=PLAN)


def told(seen: Report) -> dict[str, Finding]:
    """What the verdict calls a difference, by metric."""
    [versus] = seen.versus
    found = {one.metric: one.finding for one in sentences(seen, versus)}
    return {name: how for name, how in found.items() if how in (Finding.MORE, Finding.FEWER)}


def test_where_nothing_differs_no_verdict_of_any_look_says_so() -> None:
    """All metrics and all looks together are wrong in no more experiments than one interval is
    said to be."""
    wrong = 0
    for seed in range(TRIALS):
        seen = world(ARTICLES, churn=CHURN, seed=seed)
        wrong += any(told(looked_at(seen, articles=n)) for n in LOOKS)
    report(
        "A/A, whole reports",
        experiments=TRIALS,
        articles=ARTICLES,
        looks=len(LOOKS),
        wrong_verdict_at_any_look=wrong / TRIALS,
    )
    assert wrong <= binom.ppf(0.9999, TRIALS, 1 - LEVEL)


def test_a_planted_difference_is_told_as_often_as_the_report_promises() -> None:
    """``detectable``, read off experiments in which nothing differs, is planted.  The verdict's
    correction for several metrics costs some of the power that one metric has."""
    pilot = [
        line.comparison.detectable
        for seed in range(4)
        for line in looked_at(world(ARTICLES, churn=CHURN, seed=seed), articles=ARTICLES)
        .versus[0]
        .lines
        if line.metric == "intermediaries" and line.comparison.detectable is not None
    ]
    lift = 1 + float(np.median(pilot))
    single = corrected = 0
    for seed in range(1000, 1000 + TRIALS):
        seen = looked_at(
            world(ARTICLES, churn=CHURN, intermediaries=lift, seed=seed), articles=ARTICLES
        )
        line = next(one for one in seen.versus[0].lines if one.metric == "intermediaries")
        single += line.p is not None and line.p < 1 - LEVEL
        corrected += told(seen).get("intermediaries") is Finding.MORE
    report(
        "planted, whole reports",
        experiments=TRIALS,
        articles=ARTICLES,
        lift=round(lift - 1, 4),
        power_stated=POWER,
        power_of_the_metric=single / TRIALS,
        power_of_the_verdict=corrected / TRIALS,
    )
    assert single >= binom.ppf(0.0001, TRIALS, POWER)
    assert 0 < corrected <= single
