"""Ratios of totals, compared over articles: estimates, intervals and tests.

Every metric is a ratio of two totals over units (statements / articles, accepted / judged, 2 tp /
(predicted + gold)).  A unit is an article, or what the experiment assigns where that is coarser (a
publisher, a caller); units are independent, statements inside one are not.  A unit is a row
``(up_a, down_a, up_b, down_b)``: in pairs both halves are filled, in split traffic one of them is
0.  So pairs and split traffic, served or labelled, all go through the same few functions.

Sources of the methods: docs/experiments.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

Table = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 2000
SEED = 0
# Units in both arms together below which nothing is said: the asymptotics of the always-valid
# intervals need some units to begin with (tests/experiments simulate from this first look on).
FIRST_LOOK = 100
# The same for somebody who looks once, at a number of units settled before: bootstrap and normal
# approximation need fewer.
ONE_LOOK = 50
# The always-valid intervals are tightest (relative to one look) at this many units.  A constant:
# they are valid only where this was not chosen after seeing the data.
TUNED_FOR = 1000
POWER = 0.8

# Bootstrap weights held at a time, numbers of 8 bytes.
_WEIGHTS_AT_ONCE = 4_000_000


class Scale(StrEnum):
    """How B is compared with A."""

    DIFFERENCE = "difference"  # B - A; for shares
    RATIO = "ratio"  # B / A - 1; for counts and times, that have no natural unit


@dataclass(frozen=True, slots=True)
class Comparison:
    """B against A by one metric.

    ``a`` and ``b`` are the ratios of each; ``effect`` is B - A or B / A - 1 as ``scale`` says, and
    so are both intervals, at LEVEL: ``once`` by bootstrap, right for somebody who looks once, at a
    number of articles settled before; ``always`` holds at all looks together.  ``p_once`` and
    ``p_always`` belong to them.  ``detectable`` is the smallest true effect that this many units
    show by the always-valid interval with probability POWER.  All are None where undefined; the
    intervals also where no two units differ, which is no proof of a width of 0, and with fewer
    units than ONE_LOOK or FIRST_LOOK.
    """

    scale: Scale
    units: int
    a: float | None
    b: float | None
    effect: float | None
    error: float | None
    once: tuple[float, float] | None
    always: tuple[float, float] | None
    p_once: float | None
    p_always: float | None
    detectable: float | None

    @property
    def same(self) -> bool:
        """Whether A and B gave the same in every unit, so that nothing varied."""
        return self.effect == 0 and not self.error


def ratios(sums: Table) -> Table:
    """``sums`` [..., 4] as the ratios [..., 2] of A and B, NaN where undefined."""
    up, down = sums[..., 0::2], sums[..., 1::2]
    out: Table = np.full(up.shape, np.nan)
    return np.divide(up, down, out=out, where=down > 0)


def _theta(sums: Table, scale: Scale) -> Table:
    """The estimate in which it is nearly normal: B - A, or log B - log A."""
    values = ratios(sums)
    if scale is Scale.DIFFERENCE:
        return np.asarray(values[..., 1] - values[..., 0])
    logs = np.log(np.where(values > 0, values, np.nan))
    return np.asarray(logs[..., 1] - logs[..., 0])


def _gradient(sums: Table, scale: Scale) -> Table:
    """The derivative [..., 4] of :func:`_theta` by the sums."""
    with np.errstate(divide="ignore", invalid="ignore"):
        up, down = sums[..., 0::2], sums[..., 1::2]
        if scale is Scale.DIFFERENCE:
            by_up, by_down = 1 / down, -up / down**2
        else:
            by_up, by_down = 1 / up, -1 / down
    out = np.stack([-by_up[..., 0], -by_down[..., 0], by_up[..., 1], by_down[..., 1]], axis=-1)
    return np.asarray(np.where(np.isfinite(out), out, np.nan))


def linearised(units: Table, *, scale: Scale) -> tuple[float, float]:
    """The estimate and its standard error by the delta method, units [unit, 4] as clusters.

    The error is the root of the sum of squares of each unit's influence, the gradient of the
    estimate times its row (Taylor linearisation of a ratio; Deng, Knoblich and Lu 2018).
    """
    sums = units.sum(axis=0)
    influence = units @ _gradient(sums, scale)
    n = len(units)
    return float(_theta(sums, scale)), float(np.sqrt(np.sum(influence**2) * n / max(n - 1, 1)))


def always_factor(units: float, *, level: float = LEVEL) -> float:
    """By how many standard errors the always-valid interval reaches out after that many units.

    The asymptotic confidence sequence from Robbins' normal mixture: Waudby-Smith, Arbour, Sinha,
    Kennedy and Ramdas (2024), theorem 2.2, with rho tuned for TUNED_FOR units (their section B.2);
    the boundary itself is Robbins (1970), see also Howard et al. (2021), equation 14.
    """
    alpha = 1 - level
    scaled = units * _rho_squared(level)
    return float(np.sqrt(2 * (1 + 1 / scaled) * (np.log1p(scaled) / 2 - np.log(alpha))))


def _rho_squared(level: float) -> float:
    twice = -2 * np.log(1 - level)
    return float((twice + np.log(twice) + 1) / TUNED_FOR)


def always_p(z: float, units: float) -> float:
    """The always-valid p-value of an estimate ``z`` standard errors from 0: the reciprocal of the
    mixture's likelihood ratio (Johari et al. 2022).  Below 1 - LEVEL exactly where the interval of
    :func:`always_factor` at LEVEL leaves out 0."""
    scaled = units * _rho_squared(LEVEL)
    return float(min(1.0, np.exp(np.log1p(scaled) / 2 - z * z * scaled / (2 * (1 + scaled)))))


def compare(
    units: Table, *, scale: Scale, resamples: int = RESAMPLES, seed: int = SEED
) -> Comparison:
    """B against A over rows [unit, 4]; see :class:`Comparison`."""
    return compare_all([units], scales=[scale], resamples=resamples, seed=seed)[0]


def compare_all(
    metrics: Sequence[Table],
    *,
    scales: Sequence[Scale],
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Comparison]:
    """Several metrics over the same units, each [unit, 4]: all are summed over the same draws."""
    if not metrics or not len(metrics[0]):
        return [_nothing(scale) for scale in scales]
    sums = resampled_sums(np.concatenate(metrics, axis=1), resamples=resamples, seed=seed)
    return [
        _comparison(units, scale=scale, samples=sums[:, 4 * n : 4 * n + 4])
        for n, (units, scale) in enumerate(zip(metrics, scales, strict=True))
    ]


def _nothing(scale: Scale) -> Comparison:
    return Comparison(scale, 0, *[None] * 9)


def _comparison(units: Table, *, scale: Scale, samples: Table) -> Comparison:
    n = int(np.count_nonzero(units.any(axis=1)))
    a, b = (known(value) for value in ratios(units.sum(axis=0)))
    theta, error = linearised(units, scale=scale)
    back = _back(scale)
    effect = known(back(theta))
    if effect is None or not np.isfinite(error):
        return Comparison(scale, n, a, b, effect, *[None] * 6)
    if error <= 1e-12 * max(1.0, abs(theta)):
        p = 1.0 if not theta else None
        return Comparison(scale, n, a, b, effect, 0.0, None, None, p, p, None)
    reach, later = always_factor(n) * error, n >= FIRST_LOOK
    return Comparison(
        scale=scale,
        units=n,
        a=a,
        b=b,
        effect=effect,
        error=error,
        once=interval(back(_theta(samples, scale))) if n >= ONE_LOOK else None,
        always=(float(back(theta - reach)), float(back(theta + reach))) if later else None,
        p_once=float(2 * norm.sf(abs(theta) / error)) if n >= ONE_LOOK else None,
        p_always=always_p(theta / error, n) if later else None,
        detectable=float(back((always_factor(n) + norm.ppf(POWER)) * error)) if later else None,
    )


def _back(scale: Scale) -> Callable[[Table | float], Table]:
    """From :func:`_theta`'s scale to the reader's."""
    return np.asarray if scale is Scale.DIFFERENCE else np.expm1


def known(value: float | Table) -> float | None:
    """NaN and infinity at the outer edge are None."""
    return float(value) if np.isfinite(value) else None


def weights_in_chunks(units: int, *, resamples: int, seed: int) -> Iterator[Table]:
    """How often each unit is drawn in each bootstrap sample (Efron 1979), [some resamples, units]
    at a time, so that memory stays bounded."""
    generator = np.random.default_rng(seed)
    chunk = max(1, _WEIGHTS_AT_ONCE // max(units, 1))
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        yield generator.multinomial(units, np.full(units, 1 / units), size).astype(float)


def resampled_sums(values: Table, *, resamples: int, seed: int) -> Table:
    """The totals [resamples, column] of ``values`` [unit, column] over bootstrap samples."""
    chunks = weights_in_chunks(len(values), resamples=resamples, seed=seed)
    return np.concatenate([weights @ values for weights in chunks])


def interval(sample: Table) -> tuple[float, float] | None:
    """The middle LEVEL of ``sample`` (percentile method), undefined values left out; None where
    more than one in twenty is undefined."""
    defined = sample[np.isfinite(sample)]
    if len(defined) < LEVEL * len(sample):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def units_for(comparison: Comparison, *, half_width: float, sequential: bool = True) -> int | None:
    """How many units in all make the always-valid interval (``sequential``; else the one for one
    look) reach no further than ``half_width`` (on the comparison's scale) to either side, if they
    vary as those seen did; None where nothing varied yet."""
    if not comparison.error or not comparison.units:
        return None
    wanted = np.log1p(half_width) if comparison.scale is Scale.RATIO else half_width
    spread = comparison.error * np.sqrt(comparison.units)  # of one unit

    def excess(log_units: float) -> float:
        units = np.exp(log_units)
        factor = always_factor(units) if sequential else norm.ppf((1 + LEVEL) / 2)
        return float(spread * factor / np.sqrt(units) - wanted)

    low, high = 0.0, np.log(1e15)
    if excess(high) > 0:
        return None
    if excess(low) <= 0:
        return 1
    return int(np.ceil(np.exp(brentq(excess, low, high))))


@dataclass(frozen=True, slots=True)
class Course:
    """How a difference went: after ``units`` [look] units, its estimate and always-valid interval
    [look] on the reader's scale (NaN where undefined)."""

    units: NDArray[np.int64]
    effect: Table
    low: Table
    high: Table


def course(units: Table, *, scale: Scale, looks: int = 60) -> Course:
    """The comparison as it stood after the first 100, … units, in the order of the rows."""
    seen = units[units.any(axis=1)]
    n = len(seen)
    at = (
        np.unique(np.linspace(min(FIRST_LOOK, n), n, looks).astype(np.int64)) if n else np.arange(0)
    )
    return course_at(seen, at=at, scale=scale)


def course_at(units: Table, *, at: NDArray[np.int64], scale: Scale) -> Course:
    """As :func:`course`, after each of the numbers of units in ``at`` (ascending, from 1)."""
    places = at - 1
    sums = np.cumsum(units, axis=0)[places]
    # The second moments give every look's variance: the sum over units of (gradient . row)**2.
    moments = np.cumsum(units[:, :, None] * units[:, None, :], axis=0)[places]
    gradient = _gradient(sums, scale)
    square = np.einsum("li,lij,lj->l", gradient, moments, gradient)
    error = np.sqrt(np.maximum(square, 0) * at / np.maximum(at - 1, 1))
    theta = _theta(sums, scale)
    reach = np.array([always_factor(count) for count in at]) * error
    back = _back(scale)
    return Course(at, back(theta), back(theta - reach), back(theta + reach))
