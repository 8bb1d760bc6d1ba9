"""Quantiles of latency, and how they differ: descriptive, for one look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quotewire.experiments.observations import Observation
from quotewire.experiments.statistics import Table, interval, weights_in_chunks

QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Seconds per article: p50, p95, p99 and ``curve``, every hundredth from 0 to 1 (101 values,
    for pictures); over ``articles`` answers."""

    articles: int
    p50: float
    p95: float
    p99: float
    curve: tuple[float, ...]


def quantiles_of(seen: Sequence[Observation]) -> Quantiles | None:
    """Over the answers that have a time; failures are left out."""
    seconds = [one.seconds for one in seen if one.seconds is not None and one.error is None]
    if not seconds:
        return None
    curve = np.quantile(seconds, np.linspace(0, 1, 101))
    p50, p95, p99 = np.quantile(seconds, QUANTILES)
    return Quantiles(len(seconds), float(p50), float(p95), float(p99), tuple(curve.tolist()))


def latency_differences(
    seen: Sequence[Observation],
    both: Sequence[tuple[Observation, Observation]],
    *,
    a: str,
    b: str,
    resamples: int,
    seed: int,
) -> Mapping[str, tuple[float, float] | None]:
    """Bootstrap intervals of B's minus A's p50, p95 and p99 (seconds), over what each served; units
    are what was drawn.  Empty where one of them served nothing."""
    mine = [
        one
        for one in seen
        if one.variant in (a, b) and one.served and one.seconds is not None and one.error is None
    ]
    if {one.variant for one in mine} != {a, b}:
        return {}
    places = {unit: n for n, unit in enumerate(dict.fromkeys(one.unit for one in mine))}
    sides = []
    for name in (a, b):
        own = sorted((one.seconds or 0.0, places[one.unit]) for one in mine if one.variant == name)
        sides.append((np.array([s for s, _ in own]), np.array([u for _, u in own])))
    samples = [
        _weighted(weights, *sides[1]) - _weighted(weights, *sides[0])
        for weights in weights_in_chunks(len(places), resamples=resamples, seed=seed)
    ]
    differences = np.concatenate(samples)
    return {
        f"p{round(100 * share)}": interval(differences[:, n]) for n, share in enumerate(QUANTILES)
    }


def _weighted(weights: Table, seconds: Table, units: Table) -> Table:
    """The quantiles [resample, QUANTILES] of ``seconds`` (ascending) with the weights [resample,
    unit] of their units."""
    mass = np.cumsum(weights[:, units], axis=1)
    total = mass[:, -1:]
    places = [np.sum(mass < share * total, axis=1) for share in QUANTILES]
    found = seconds[np.minimum(np.stack(places, axis=1), len(seconds) - 1)]
    return np.asarray(np.where(total > 0, found, np.nan))
