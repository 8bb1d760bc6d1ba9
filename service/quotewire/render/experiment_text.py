"""The report of an experiment as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from quotewire.evaluation.text import UNDEFINED, table
from quotewire.experiments.evidence import Line
from quotewire.experiments.hypotheses import Paired
from quotewire.experiments.observations import METRICS
from quotewire.experiments.report import Figures, Report, Versus
from quotewire.experiments.statistics import LEVEL, Scale
from quotewire.experiments.verdict import amount, band, noun, verdict


def rate(value: float | None, metric: str) -> str:
    """A metric's own value: a share in per cent, a number to three places."""
    if value is None:
        return UNDEFINED
    if metric == "seconds":
        return milliseconds(value)
    if scale_of(metric) is Scale.DIFFERENCE:
        return f"{100 * value:.1f}%"
    return f"{value:.2f}"


def scale_of(metric: str) -> Scale:
    return next((m.scale for m in METRICS if m.name == metric), Scale.DIFFERENCE)


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"


def p_value(p: float | None) -> str:
    if p is None:
        return UNDEFINED
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def difference(line: Line) -> str:
    effect = line.comparison.effect
    return UNDEFINED if effect is None else amount(effect, line.comparison.scale)


def bounds_of(line: Line, which: tuple[float, float] | None) -> str:
    return UNDEFINED if which is None else band(which, line.comparison.scale)


def span_of_time(report: Report) -> str | None:
    if report.first is None or report.last is None:
        return None
    first, last = (f"{time:%Y-%m-%d %H:%M}" for time in (report.first, report.last))
    return f"{first} to {last} UTC"


def heading(report: Report) -> list[str]:
    parts = [report.title]
    if report.salt is not None:
        parts.append(f"salt {report.salt}")
    if (when := span_of_time(report)) is not None:
        parts.append(when)
    out = [" · ".join(parts)]
    gone = report.left_out
    if gone.twice or gone.overridden or gone.cancelled:
        out.append(
            f"left out: {gone.twice:,} rows written twice, {gone.overridden:,} chosen by the "
            f"allow-list, {gone.cancelled:,} cancelled by their callers"
        )
    return out


def figures_rows(variants: Sequence[Figures]) -> list[list[str]]:
    """One row a variant, as :data:`FIGURES` heads them."""
    return [
        [
            one.variant,
            f"{one.served:,}",
            f"{one.shadowed:,}",
            f"{one.units:,}",
            f"{one.judged:,}",
            *(rate(one.rates[metric.name], metric.name) for metric in METRICS),
            *(
                milliseconds(value) if value is not None else UNDEFINED
                for value in (
                    (one.latency.p50, one.latency.p95, one.latency.p99)
                    if one.latency
                    else (None, None, None)
                )
            ),
        ]
        for one in variants
    ]


FIGURES = (
    "variant",
    "served",
    "shadow",
    "units",
    "judged",
    "accepted",
    "rejected",
    "statements",
    "via",
    "via/st.",
    "mean",
    "failed",
    "p50",
    "p95",
    "p99",
)


def split_line(report: Report) -> str | None:
    split = report.split
    if split is None:
        return None
    told = ", ".join(
        f"{name} {count:,} (expected {split.expected[name]:,.0f})"
        for name, count in split.counts.items()
    )
    if split.p is None:
        return f"traffic: {told}"
    word = "NOT as the weights ask for" if split.mismatch else "as the weights ask for"
    return f"traffic: {told}: {word} (chi-square p {p_value(split.p)})"


def line_cells(line: Line) -> list[str]:
    result = line.comparison
    return [
        noun(line.metric),
        line.design,
        f"{result.units:,}",
        rate(result.a, line.metric),
        rate(result.b, line.metric),
        difference(line),
        bounds_of(line, result.always),
        bounds_of(line, result.once),
        p_value(line.corrected),
    ]


LINES = (
    "metric",
    "by",
    "units",
    "A",
    "B",
    "B against A",
    f"{LEVEL:.0%}, always valid",
    f"{LEVEL:.0%}, one look",
    "p (Holm)",
)


def tally(test: Paired, *, a: str, b: str) -> str:
    """The outcome of labels, in one line."""
    told = (
        f"{test.items:,} disagreements in {test.articles:,} articles: only {a} right "
        f"{test.only_a:,}, only {b} right {test.only_b:,}, both {test.both:,}, "
        f"neither {test.neither:,}"
    )
    return told if test.p is None else f"{told}; p {p_value(test.p)} by article"


def choice_words(name: str, test: Paired, versus: Versus) -> str:
    told = (
        f"{name}: {test.items:,} in {test.articles:,} articles; both right {test.both:,}, "
        f"only {versus.a} {test.only_a:,}, only {versus.b} {test.only_b:,}, "
        f"neither {test.neither:,}"
    )
    if test.p is None:
        return f"{told}; nothing to tell them apart by"
    by_statement = p_value(test.mcnemar_p)
    return f"{told}; p {p_value(test.p)} by article (McNemar over statements {by_statement})"


def latency_words(versus: Versus) -> str | None:
    told = [
        f"{name} {1000 * bounds[0]:+,.0f} to {1000 * bounds[1]:+,.0f} ms"
        for name, bounds in versus.latency.items()
        if bounds is not None
    ]
    return f"latency, {versus.b} minus {versus.a} (one look): {', '.join(told)}" if told else None


def segment_rows(versus: Versus) -> list[list[str]]:
    return [
        [
            f"{part.division}: {part.value}",
            *line_cells(part.line)[:-2],
            p_value(part.line.corrected),
        ]
        for part in versus.segments
    ]


def render(report: Report, *, segments: bool = True) -> str:
    """The whole report; verdicts first."""
    sections = ["\n".join(heading(report))]
    sections += [verdict(report, one) for one in report.versus]
    if report.warnings:
        sections.append("\n".join(f"warning: {warning}" for warning in report.warnings))
    if (told := split_line(report)) is not None:
        sections.append(told)
    sections.append(table(FIGURES, figures_rows(report.variants)))
    for one in report.versus:
        sections += _versus(one, segments=segments)
    if not report.versus:
        sections.append("There is but one variant: nothing to compare.")
    return "\n\n".join(sections) + "\n"


def _versus(versus: Versus, *, segments: bool) -> Iterable[str]:
    yield f"A = {versus.a}, B = {versus.b}; {versus.pairs:,} articles answered by both" + (
        f", {versus.gold_articles:,} of them labelled" if versus.gold_articles else ""
    )
    yield table(LINES, [line_cells(line) for line in versus.lines])
    if versus.others:
        yield "the same by the other design (no part of the verdict)\n" + table(
            LINES, [line_cells(line) for line in versus.others]
        )
    told = [choice_words(name, test, versus) for name, test in versus.choices.items()]
    if (latency := latency_words(versus)) is not None:
        told.append(latency)
    if told:
        yield "\n".join(told)
    if segments and versus.segments:
        head = ("segment", *LINES[:-2], "p (Holm, segments)")
        yield table(head, segment_rows(versus))
