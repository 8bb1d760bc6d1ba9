"""Tests: is the traffic split as it was meant to be, who is right more often, and what is left
after looking at several metrics.  Sources of the methods: docs/experiments.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln
from scipy.stats import chisquare
from statsmodels.stats.contingency_tables import mcnemar

# A split is called wrong below this p (Fabijan et al. 2019): with a report a day for some years,
# a right split is called wrong hardly ever.
MISMATCH_P = 0.001
# McNemar by the binomial distribution up to so many discordant items, by chi-square beyond.
EXACT_UP_TO = 25
# Weight of the prior (in units) around the meant split, in the sequential test of the split: tuned
# to deviations of some points.
_SPLIT_PRIOR = 1000.0


@dataclass(frozen=True, slots=True)
class Split:
    """Units of each variant against what the weights ask for.  ``p`` is the chi-square test's,
    ``always_p`` one that stays right however often one looks; both None with fewer than two
    variants or no units."""

    counts: Mapping[str, int]
    expected: Mapping[str, float]
    p: float | None
    always_p: float | None

    @property
    def mismatch(self) -> bool:
        return self.p is not None and self.p < MISMATCH_P


def split_test(counts: Mapping[str, int], weights: Mapping[str, float]) -> Split:
    """The sample-ratio-mismatch test: ``counts`` of units by variant against ``weights`` (any
    positive numbers, for every variant).

    ``p``: Pearson's chi-square (scipy).  ``always_p``: the reciprocal of the Bayes factor of a
    Dirichlet prior around the weights against the weights (Lindon and Malek 2022).
    """
    names = list(weights)
    share = np.array([weights[name] for name in names], float)
    share /= share.sum()
    seen = np.array([counts.get(name, 0) for name in names], float)
    total = seen.sum()
    expected = dict(zip(names, (share * total).tolist(), strict=True))
    told = {name: counts.get(name, 0) for name in names}
    if len(names) < 2 or not total:
        return Split(told, expected, None, None)
    prior = _SPLIT_PRIOR * share
    log_factor = (
        gammaln(prior.sum())
        - gammaln(prior.sum() + total)
        + np.sum(gammaln(prior + seen) - gammaln(prior))
        - np.sum(seen * np.log(share))
    )
    return Split(
        counts=told,
        expected=expected,
        p=float(chisquare(seen, share * total).pvalue),
        always_p=float(np.exp(min(0.0, -log_factor))),
    )


@dataclass(frozen=True, slots=True)
class Paired:
    """Who was right on items that both variants answered.

    ``p`` takes the article as unit: an exact sign-flip test over articles (Fisher 1935), which is
    McNemar's exact test where no article has more than one discordant item.  ``mcnemar_p`` is
    McNemar's test over items, as if they were independent: exact up to EXACT_UP_TO discordant
    items, chi-square with continuity correction beyond (statsmodels).  Both None without any
    discordant item.
    """

    both: int
    only_a: int
    only_b: int
    neither: int
    articles: int
    p: float | None
    mcnemar_p: float | None

    @property
    def items(self) -> int:
        return self.both + self.only_a + self.only_b + self.neither


def paired_test(items: Iterable[tuple[str, bool, bool]]) -> Paired:
    """From (article, whether A was right, whether B was right), one for each item."""
    cells: dict[tuple[bool, bool], int] = defaultdict(int)
    lead: dict[str, int] = defaultdict(int)  # of B over A, by article
    for article, a, b in items:
        cells[a, b] += 1
        lead[article] += int(b) - int(a)
    only_a, only_b = cells[True, False], cells[False, True]
    discordant = only_a + only_b
    table = [[cells[True, True], only_a], [only_b, cells[False, False]]]
    return Paired(
        both=cells[True, True],
        only_a=only_a,
        only_b=only_b,
        neither=cells[False, False],
        articles=len(lead),
        p=sign_flip_p(list(lead.values())) if discordant else None,
        mcnemar_p=float(mcnemar(table, exact=discordant <= EXACT_UP_TO).pvalue)
        if discordant
        else None,
    )


def sign_flip_p(leads: Sequence[int]) -> float:
    """Two-sided p-value of "each of these is as likely with the other sign", exactly: the
    distribution of the sum over all sign flips, one convolution each."""
    sizes = [abs(lead) for lead in leads if lead]
    chances = np.ones(1)  # of each sum from -len // 2 to len // 2
    for size in sizes:
        grown = np.zeros(len(chances) + 2 * size)
        grown[: len(chances)] += chances / 2
        grown[2 * size :] += chances / 2
        chances = grown
    sums = np.abs(np.arange(len(chances)) - len(chances) // 2)
    return float(min(1.0, chances[sums >= abs(sum(leads))].sum()))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """The p-values corrected so that the chance of any wrong "differs" among them stays below the
    level, however they depend on each other (Holm 1979).  None stays None and does not count.

    In ascending order the first of m is multiplied by m, the next one by m - 1, …; none is below
    the one before, or above 1.  (statsmodels has it, too, and collects all garbage of the process
    each time, which may take a second.)
    """
    known = np.array([p for p in p_values if p is not None], float)
    order = np.argsort(known)
    steps = known[order] * np.arange(len(known), 0, -1)
    corrected_of = np.empty_like(known)
    corrected_of[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    corrected = iter(corrected_of.tolist())
    return [None if p is None else next(corrected) for p in p_values]
