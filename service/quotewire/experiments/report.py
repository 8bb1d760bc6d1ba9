"""The report of an experiment: what each variant did, how two of them differ, and how sure that
is.  Pure: observations in, plain values out; the same for logs and for two models run offline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from quotewire.errors import InputError
from quotewire.evaluation.rows import GoldArticle
from quotewire.experiments import labelled
from quotewire.experiments.evidence import LABELLED, Line, Plan, chosen, lines_of, tables_of
from quotewire.experiments.hypotheses import Paired, Split, holm, paired_test, split_test
from quotewire.experiments.latency import Quantiles, latency_differences, quantiles_of
from quotewire.experiments.observations import METRICS, LeftOut, Metric, Observation, paired
from quotewire.experiments.right import judged_pairs
from quotewire.experiments.segments import MANY, picks
from quotewire.experiments.statistics import LEVEL, Scale

EDITORS, LABELS = "editors' verdicts on what was served", "labelled disagreements"


@dataclass(frozen=True, slots=True)
class Figures:
    """One variant by itself.  ``rates`` are the metrics' ratios by name, None where undefined;
    ``latency`` is over what it served (over everything where it served nothing)."""

    variant: str
    models: tuple[str, ...]
    served: int
    shadowed: int
    units: int
    articles: int
    judged: int
    rates: Mapping[str, float | None]
    latency: Quantiles | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A line over a part of the articles; ``corrected`` is Holm over all segments of the report."""

    division: str
    value: str
    line: Line


@dataclass(frozen=True, slots=True)
class Versus:
    """B against A.  ``lines`` decide (one design a metric), ``others`` are the same metrics by the
    other design; ``choices`` are McNemar's tests by where the judgements come from."""

    a: str
    b: str
    pairs: int
    lines: tuple[Line, ...]
    others: tuple[Line, ...]
    segments: tuple[Segment, ...]
    choices: Mapping[str, Paired]
    latency: Mapping[str, tuple[float, float] | None]
    gold_articles: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that can be said; see docs/experiments.md for how to read it.  ``unit`` is what
    was drawn: article, publisher or caller."""

    title: str
    salt: str | None
    unit: str
    first: datetime | None
    last: datetime | None
    plan: Plan
    variants: tuple[Figures, ...]
    split: Split | None
    versus: tuple[Versus, ...]
    left_out: LeftOut
    warnings: tuple[str, ...]

    @property
    def days(self) -> float | None:
        """How long the log is, in days; None where it has no times."""
        if self.first is None or self.last is None:
            return None
        return (self.last - self.first).total_seconds() / 86_400


def build_report(
    seen: Sequence[Observation],
    *,
    title: str,
    salt: str | None = None,
    unit: str = "article",
    left_out: LeftOut | None = None,
    weights: Mapping[str, float] | None = None,
    baseline: str | None = None,
    gold: Sequence[GoldArticle] = (),
    choices: Mapping[tuple[str, str], Sequence[tuple[str, bool, bool]]] | None = None,
    plan: Plan | None = None,
) -> Report:
    """The report over these observations (one experiment's).

    ``weights`` are those of the variants that serve, for the test of the split (none: not tested);
    ``baseline`` is A (default: the first of the weights, else that with the most rows); ``choices``
    are labelled disagreements by (A, B): (article, A right, B right).

    Raises InputError where nothing can be compared.
    """
    plan = plan or Plan()
    names = list(dict.fromkeys([*(weights or ()), *_by_rows(seen)]))
    present = [name for name in names if any(one.variant == name for one in seen)]
    if not present:
        raise InputError(
            field="observations", value="none", allowed="at least one answer that was drawn"
        )
    a = baseline or present[0]
    if a not in present:
        raise InputError(field="baseline", value=repr(a), allowed=", ".join(present))
    split = None if weights is None else split_test(_units_served(seen), weights)
    times = [one.time for one in seen if one.time is not None]
    versus = [
        _versus(seen, a=a, b=b, gold=gold, choices=(choices or {}).get((a, b)), plan=plan)
        for b in present
        if b != a
    ]
    versus = _corrected(versus)
    return Report(
        title=title,
        salt=salt,
        unit=unit,
        first=min(times, default=None),
        last=max(times, default=None),
        plan=plan,
        variants=tuple(_figures(seen, name) for name in present),
        split=split,
        versus=tuple(versus),
        left_out=left_out or LeftOut(),
        warnings=tuple(_warnings(seen, versus, split=split, weights=weights)),
    )


def _by_rows(seen: Iterable[Observation]) -> list[str]:
    counts: dict[str, int] = {}
    for one in seen:
        counts[one.variant] = counts.get(one.variant, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def _units_served(seen: Iterable[Observation]) -> dict[str, int]:
    units: dict[str, set[str]] = {}
    for one in seen:
        if one.served:
            units.setdefault(one.variant, set()).add(one.unit)
    return {name: len(found) for name, found in units.items()}


def _figures(seen: Sequence[Observation], name: str) -> Figures:
    mine = [one for one in seen if one.variant == name]
    served = [one for one in mine if one.served]
    rates: dict[str, float | None] = {}
    judged = 0.0
    for metric in METRICS:
        counts = [metric.count(one) for one in (served if metric.served_only else mine)]
        up, down = (sum(count[n] for count in counts if count) for n in (0, 1))
        rates[metric.name] = up / down if down else None
        if metric.name == "acceptance":
            judged = down
    return Figures(
        variant=name,
        models=tuple(sorted({one.model for one in mine if one.model})),
        served=len(served),
        shadowed=len(mine) - len(served),
        units=len({one.unit for one in mine}),
        articles=len({one.article for one in mine}),
        judged=int(judged),
        rates=rates,
        latency=quantiles_of(served or mine),
    )


def _versus(
    seen: Sequence[Observation],
    *,
    a: str,
    b: str,
    gold: Sequence[GoldArticle],
    choices: Sequence[tuple[str, bool, bool]] | None,
    plan: Plan,
) -> Versus:
    both = list(paired(seen, a=a, b=b))
    tables = tables_of(seen, both, a=a, b=b)
    lines = lines_of(tables, plan=plan, with_course=True)
    decide, others = chosen(lines)
    scored = labelled.on_gold(both, {article.id: article for article in gold})
    if scored is not None:
        in_a, in_b, measures = scored
        tables_f1 = [
            (_f1(measure), LABELLED, units)
            for measure in measures
            if (units := labelled.f1_units(in_a, in_b, measure))[:, (1, 3)].any()
        ]
        decide += lines_of(tables_f1, plan=plan, with_course=False)
    tests = {}
    if judged := list(judged_pairs(both)):
        tests[EDITORS] = paired_test(judged)
    if choices:
        tests[LABELS] = paired_test(choices)
    return Versus(
        a=a,
        b=b,
        pairs=len(both),
        lines=tuple(decide),
        others=tuple(others),
        segments=tuple(_segments(seen, both, decide, a=a, b=b, plan=plan)),
        choices=tests,
        latency=latency_differences(seen, both, a=a, b=b, resamples=plan.resamples, seed=plan.seed),
        gold_articles=0 if scored is None else len(scored[0].ids),
    )


def _f1(measure: str) -> Metric:
    words = f"F1: {labelled.rule(measure)}"
    return Metric(f"{measure}_f1", words, Scale.DIFFERENCE, lambda seen: None, good=1)


def _segments(
    seen: Sequence[Observation],
    both: Sequence[tuple[Observation, Observation]],
    decide: Sequence[Line],
    *,
    a: str,
    b: str,
    plan: Plan,
) -> list[Segment]:
    designs = {line.metric: line.design for line in decide}
    metrics = [m for m in METRICS if m.name in ("acceptance", "statements", "intermediaries")]
    out = []
    for division, value, pick in picks([one for one in seen if one.variant in (a, b)]):
        inside = [part for one in seen if (part := pick(one)) is not None]
        pairs = [
            (left, right)
            for x, y in both
            if (left := pick(x)) is not None and (right := pick(y)) is not None
        ]
        tables = [
            table
            for table in tables_of(inside, pairs, a=a, b=b, metrics=metrics)
            if designs.get(table[0].name) == table[1]
        ]
        quick = replace(plan, resamples=min(plan.resamples, 200))
        for line in lines_of(tables, plan=quick, with_course=False):
            out.append(Segment(division, value, line))
    return out


def _corrected(versus: Sequence[Versus]) -> list[Versus]:
    """Holm over the deciding lines of the whole report that have enough units, and over all of its
    segments."""

    def p_of(line: Line) -> float | None:
        return line.p if line.enough else None

    lines = iter(holm([p_of(line) for one in versus for line in one.lines]))
    parts = iter(holm([p_of(part.line) for one in versus for part in one.segments]))
    return [
        replace(
            one,
            lines=tuple(replace(line, corrected=next(lines)) for line in one.lines),
            segments=tuple(
                replace(part, line=replace(part.line, corrected=next(parts)))
                for part in one.segments
            ),
        )
        for one in versus
    ]


def _warnings(
    seen: Sequence[Observation],
    versus: Sequence[Versus],
    *,
    split: Split | None,
    weights: Mapping[str, float] | None,
) -> Iterable[str]:
    if split is not None and split.mismatch:
        told = ", ".join(f"{name} {count:,}" for name, count in split.counts.items())
        yield (
            f"The traffic is not split as the weights ask for ({told}; p = {split.p:.2g}): "
            "something chooses who is seen. Find out what before believing any figure of the split."
        )
    served = {one.variant for one in seen if one.served}
    if weights is None and len(served) > 1 and any(one.time is not None for one in seen):
        yield (
            "The split was not tested: its weights are unknown "
            "(give --experiments FILE, or --weights)."
        )
    for name in sorted({one.variant for one in seen}):
        models = sorted({one.model for one in seen if one.variant == name})
        if len(models) > 1:
            yield f"{name} was not one model but {len(models)}: {', '.join(models)}."
    segments = sum(part.line.corrected is not None for one in versus for part in one.segments)
    if segments > MANY:
        chance = int(np.ceil(segments * (1 - LEVEL)))
        yield (
            f"{segments} comparisons in segments: by chance alone about {chance} of them would "
            f"look like a difference at {LEVEL:.0%} if none were. Only those that stay below "
            f"{1 - LEVEL:.2f} after correction count, and those, too, are to be tested anew."
        )
