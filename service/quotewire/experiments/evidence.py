"""From observations to lines: one metric of B against A, by the design that can tell most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quotewire.experiments.observations import (
    METRICS,
    Metric,
    Observation,
    pair_units,
    split_units,
)
from quotewire.experiments.statistics import (
    FIRST_LOOK,
    ONE_LOOK,
    RESAMPLES,
    SEED,
    Comparison,
    Course,
    Table,
    compare_all,
    course,
    units_for,
)

PAIRS, SPLIT, LABELLED = "pairs", "split", "labelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the reader wants to know: differences within ``precision`` (a share: 0.01 is 1% of a
    count or 1 point of a share) are none; ``sequential``: the articles keep coming and the reader
    looks again and again (else there are so many and no more); ``resamples`` and ``seed`` of the
    bootstrap."""

    precision: float = 0.01
    sequential: bool = True
    resamples: int = RESAMPLES
    seed: int = SEED


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of B against A.  ``design`` is PAIRS (both answered the same articles), SPLIT
    (each served its own) or LABELLED (pairs scored against gold); ``corrected`` the p-value after
    Holm over all lines of the report that decide; ``needed`` how many units in all make the
    interval as narrow as the plan asks.  A labelled set is looked at once: ``sequential`` False."""

    metric: str
    words: str
    design: str
    good: int
    comparison: Comparison
    sequential: bool
    corrected: float | None
    needed: int | None
    course: Course | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The one that decides: always valid where articles keep coming, else for one look."""
        return self.comparison.always if self.sequential else self.comparison.once

    @property
    def p(self) -> float | None:
        return self.comparison.p_always if self.sequential else self.comparison.p_once

    @property
    def fewest(self) -> int:
        """Nothing is said below so many units."""
        return FIRST_LOOK if self.sequential else ONE_LOOK

    @property
    def enough(self) -> bool:
        return self.comparison.units >= self.fewest


Counted = tuple[Metric, str, Table]  # metric, design, units [unit, 4]


def tables_of(
    seen: Sequence[Observation],
    both: Sequence[tuple[Observation, Observation]],
    *,
    a: str,
    b: str,
    metrics: Sequence[Metric] = METRICS,
) -> list[Counted]:
    """What each metric and design can be told from; the empty ones are left out."""
    offline = bool(both) and all(one.served for pair in both for one in pair)
    out: list[Counted] = []
    for metric in metrics:
        if offline or not metric.served_only:
            out.append((metric, PAIRS, pair_units(both, metric)))
        if not offline:
            out.append((metric, SPLIT, split_units(seen, metric, a=a, b=b)))
    return [
        (metric, design, units)
        for metric, design, units in out
        if units[:, 1].any() and units[:, 3].any()
    ]


def lines_of(tables: Sequence[Counted], *, plan: Plan, with_course: bool) -> list[Line]:
    lines: dict[int, Line] = {}
    for design in (PAIRS, SPLIT, LABELLED):
        mine = [n for n, table in enumerate(tables) if table[1] == design]
        compared = compare_all(
            [tables[n][2] for n in mine],
            scales=[tables[n][0].scale for n in mine],
            resamples=plan.resamples,
            seed=plan.seed,
        )
        for n, comparison in zip(mine, compared, strict=True):
            metric, _, units = tables[n]
            sequential = plan.sequential and design != LABELLED
            lines[n] = Line(
                metric=metric.name,
                words=metric.words,
                design=design,
                good=metric.good,
                comparison=comparison,
                sequential=sequential,
                corrected=None,
                needed=units_for(comparison, half_width=plan.precision, sequential=sequential),
                course=course(units, scale=metric.scale) if with_course else None,
            )
    return [lines[n] for n in range(len(tables))]


def chosen(lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """The lines that decide, one a metric: pairs, which see smaller differences with the same
    articles, where there are enough of them, else the design with more units."""
    decide, others = [], []
    for name in dict.fromkeys(line.metric for line in lines):
        mine = [line for line in lines if line.metric == name]
        best = max(mine, key=lambda x: (x.enough and x.design == PAIRS, x.comparison.units))
        decide.append(best)
        others += [line for line in mine if line is not best]
    return decide, others
