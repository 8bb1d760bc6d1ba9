"""What the figures come to, in plain words; honest where there is too little to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from quotewire.experiments.evidence import LABELLED, PAIRS, SPLIT, Line
from quotewire.experiments.report import Report, Versus
from quotewire.experiments.statistics import LEVEL, Scale


class Finding(StrEnum):
    MORE = "more"
    FEWER = "fewer"
    NO_DIFFERENCE = "no difference"  # the whole interval lies within the precision asked for
    UNCLEAR = "unclear"
    TOO_LITTLE = "too little data"


@dataclass(frozen=True, slots=True)
class Sentence:
    metric: str
    finding: Finding
    words: str
    good: bool | None = None  # whether what was found speaks for B; None where neither


# What B does where it has more or fewer: the figure stands in the middle.
_FOUND: Mapping[str, tuple[str, str]] = {
    "acceptance": (
        "has {0} more of its judged statements accepted",
        "has {0} fewer of its judged statements accepted",
    ),
    "rejection": (
        "has {0} more of its judged statements rejected",
        "has {0} fewer of its judged statements rejected",
    ),
    "statements": (
        "finds {0} more statements per article",
        "finds {0} fewer statements per article",
    ),
    "intermediaries": (
        "finds {0} more intermediaries per article",
        "finds {0} fewer intermediaries per article",
    ),
    "intermediaries_per_statement": (
        "finds {0} more intermediaries per statement",
        "finds {0} fewer intermediaries per statement",
    ),
    "seconds": ("takes {0} more time per article", "takes {0} less time per article"),
    "errors": ("fails on {0} more of its articles", "fails on {0} fewer of its articles"),
}
_NOUN: Mapping[str, str] = {
    "statements": "statements per article",
    "intermediaries": "intermediaries per article",
    "intermediaries_per_statement": "intermediaries per statement",
    "seconds": "time per article",
    "errors": "failures",
}


def noun(metric: str) -> str:
    if metric.endswith("_f1"):
        return f"{metric.removesuffix('_f1').replace('_', ' ')} F1"
    return _NOUN.get(metric, metric)


def amount(value: float, scale: Scale, *, sign: bool = True) -> str:
    """``+3.1%`` of a ratio, ``+3.1 points`` of a share."""
    figure = f"{100 * value:+.1f}" if sign else f"{100 * abs(value):.1f}"
    figure = figure.replace("-", "−")
    return f"{figure}%" if scale is Scale.RATIO else f"{figure} points"


def band(bounds: tuple[float, float], scale: Scale) -> str:
    low, high = (f"{100 * value:+.1f}".replace("-", "−") for value in bounds)
    return f"[{low}%, {high}%]" if scale is Scale.RATIO else f"[{low}, {high}]"


def sentences(report: Report, versus: Versus) -> list[Sentence]:
    """One for each line: first what was found, then what is no difference, then what is open."""
    order = list(Finding)
    told = [_sentence(report, versus, line) for line in versus.lines]
    return sorted(told, key=lambda one: order.index(one.finding) if one.finding not in
                  (Finding.MORE, Finding.FEWER) else 0)  # fmt: skip


def verdict(report: Report, versus: Versus) -> str:
    """Everything in one line."""
    told = sentences(report, versus)
    if not told:
        return f"Nothing can be said about {versus.b} against {versus.a}: they share no metric."
    if all(one.finding is Finding.TOO_LITTLE for one in told):
        most = max(line.comparison.units for line in versus.lines)
        unit = units_word(report, versus.lines[0])
        return (
            f"Too little data to compare {versus.b} with {versus.a}: {most:,} {unit}; "
            f"nothing is said below {versus.lines[0].fewest}."
        )
    parts = "; ".join(one.words for one in told)
    return f"{parts[0].upper()}{parts[1:]}." if not parts.startswith(versus.b) else f"{parts}."


def units_word(report: Report, line: Line) -> str:
    return f"{report.unit}s" if line.design == SPLIT else "articles"


def _sentence(report: Report, versus: Versus, line: Line) -> Sentence:
    result, name = line.comparison, noun(line.metric)
    units = units_word(report, line)
    if not line.enough:
        words = f"{name}: too little data ({result.units:,} {units})"
        return Sentence(line.metric, Finding.TOO_LITTLE, words)
    if result.effect is None:
        words = f"{name}: cannot be compared (one of them has none at all)"
        return Sentence(line.metric, Finding.UNCLEAR, words)
    if result.same:
        # None of n differs: at 95%, fewer than 3 in n do (the rule of three; Hanley 1983).
        words = f"no difference in {name}: the same in all {result.units:,} {units}"
        if line.design == SPLIT:
            words = f"no difference seen in {name}: nothing varied in {result.units:,} {units}"
        return Sentence(line.metric, Finding.NO_DIFFERENCE, words)
    if line.interval is None:
        words = f"{name}: cannot be compared (nothing varied in {result.units:,} {units})"
        return Sentence(line.metric, Finding.UNCLEAR, words)
    bounds, precision = band(line.interval, result.scale), report.plan.precision
    margin = amount(precision, result.scale, sign=False)
    if line.corrected is not None and line.corrected < 1 - LEVEL:
        finding = Finding.MORE if result.effect > 0 else Finding.FEWER
        good = None if not line.good else (result.effect > 0) == (line.good > 0)
        return Sentence(line.metric, finding, f"{versus.b} {_found(line)} {bounds}", good)
    if max(map(abs, line.interval)) <= precision:
        words = f"no difference in {name} beyond ±{margin} {bounds}"
        return Sentence(line.metric, Finding.NO_DIFFERENCE, words)
    words = f"{name}: cannot tell yet, {amount(result.effect, result.scale)} {bounds}"
    if more := still_needed(report, line):
        words += f"; {more} for ±{margin}"
    return Sentence(line.metric, Finding.UNCLEAR, words)


def _found(line: Line) -> str:
    effect = line.comparison.effect or 0.0
    figure = amount(effect, line.comparison.scale, sign=False)
    if line.metric.endswith("_f1"):
        way = "higher" if effect > 0 else "lower"
        return f"has a {noun(line.metric)} on labelled articles that is {figure} {way}"
    return _FOUND[line.metric][0 if effect > 0 else 1].format(figure)


def still_needed(report: Report, line: Line) -> str | None:
    """How many more units, and days if they come as they came so far (where the log spans a day or
    more); None where it cannot be told or none are needed."""
    if line.needed is None or line.needed <= line.comparison.units:
        return None
    more = line.needed - line.comparison.units
    words = f"{more:,} more {units_word(report, line)} needed"
    days = report.days
    if line.design in (PAIRS, SPLIT) and days is not None and days >= 1:
        wait = ceil(more * days / line.comparison.units)
        these = f"{more:,} {units_word(report, line)}"
        words = f"{wait:,} more day{'' if wait == 1 else 's'} ({these}) needed"
    if line.design == LABELLED:
        words = f"{more:,} more labelled articles needed"
    return words
