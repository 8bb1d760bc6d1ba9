"""The report of an experiment as one self-contained HTML page with pictures, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from markupsafe import Markup

from quotewire.experiments.evidence import Line
from quotewire.experiments.report import Report, Segment, Versus
from quotewire.experiments.statistics import FIRST_LOOK, LEVEL, ONE_LOOK, Scale
from quotewire.experiments.verdict import (
    Finding,
    Sentence,
    amount,
    noun,
    sentences,
    units_word,
    verdict,
)
from quotewire.render.charts import Mark, curves, forest, path_of, shares
from quotewire.render.drawing import templates
from quotewire.render.experiment_text import (
    FIGURES,
    LINES,
    bounds_of,
    choice_words,
    difference,
    figures_rows,
    heading,
    latency_words,
    line_cells,
    milliseconds,
    segment_rows,
    split_line,
)

_TONES = {
    Finding.NO_DIFFERENCE: "none",
    Finding.UNCLEAR: "open",
    Finding.TOO_LITTLE: "open",
}
_TAGS = {
    "good": "speaks for {b}",
    "bad": "speaks for {a}",
    "found": "differs",
    "none": "no difference",
    "open": "open",
}


@dataclass(frozen=True, slots=True)
class _Said:
    tone: str
    tag: str
    words: str


@dataclass(frozen=True, slots=True)
class _Picture:
    head: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class _Section:
    """One :class:`Versus` as the template shows it."""

    versus: Versus
    verdict: str  # where the sentences one by one would only repeat themselves
    said: Sequence[_Said]
    forests: Sequence[_Picture]
    courses: Sequence[_Picture]
    lines: Sequence[Sequence[str]]
    others: Sequence[Sequence[str]]
    notes: Sequence[str]
    segment_forest: Markup
    segments: Sequence[Sequence[str]]


def experiment_page(report: Report) -> str:
    """The whole page; it needs no script and no other file."""
    split = report.split
    bar = (
        Markup("")
        if split is None
        else shares(
            [(name, count, split.expected[name]) for name, count in split.counts.items()],
            title=split_line(report) or "",
        )
    )
    timed = [(one.variant, one.latency.curve) for one in report.variants if one.latency]
    return (
        templates()
        .get_template("experiment.html")
        .render(
            report=report,
            heading=heading(report),
            bar=bar,
            split=split_line(report),
            mismatch=split is not None and split.mismatch,
            figures=list(zip(FIGURES, *figures_rows(report.variants), strict=True)),
            latency=curves(timed, words=milliseconds, title="Seconds per article, by variant"),
            lines_head=LINES,
            segments_head=("segment", *LINES[:-2], "p (Holm, segments)"),
            sections=[_section(report, one) for one in report.versus],
            level=f"{LEVEL:.0%}",
            first_look=FIRST_LOOK,
            one_look=ONE_LOOK,
        )
    )


def _section(report: Report, versus: Versus) -> _Section:
    told = {sentence.metric: sentence for sentence in sentences(report, versus)}
    tones = {metric: _tone(sentence) for metric, sentence in told.items()}
    notes = [choice_words(name, test, versus) for name, test in versus.choices.items()]
    latency = latency_words(versus)
    return _Section(
        versus=versus,
        verdict="" if any(line.enough for line in versus.lines) else verdict(report, versus),
        said=[
            _Said(tones[metric], _TAGS[tones[metric]].format(a=versus.a, b=versus.b), one.words)
            for metric, one in told.items()
        ],
        forests=_forests(versus, tones),
        courses=_courses(report, versus),
        lines=[line_cells(line) for line in versus.lines],
        others=[line_cells(line) for line in versus.others],
        notes=[*notes, *([latency] if latency else [])],
        segment_forest=_segment_forest(versus.segments),
        segments=segment_rows(versus),
    )


def _tone(sentence: Sentence) -> str:
    if sentence.finding in _TONES:
        return _TONES[sentence.finding]
    if sentence.good is None:
        return "found"
    return "good" if sentence.good else "bad"


def _words(scale: Scale) -> str:
    return "per cent" if scale is Scale.RATIO else "percentage points"


def _tick(scale: Scale, value: float) -> str:
    sign = "%" if scale is Scale.RATIO else ""
    return "0" if abs(value) < 1e-12 else f"{100 * value:+.3g}{sign}".replace("-", "−")


def _mark(line: Line, label: str, tone: str) -> Mark | None:
    result = line.comparison
    if line.interval is None or result.effect is None:
        return None
    words = f"{label}: {difference(line)} {bounds_of(line, line.interval)}"
    return Mark(label, result.effect, *line.interval, tone, words)


def _forests(versus: Versus, tones: dict[str, str]) -> list[_Picture]:
    out = []
    for scale in Scale:
        marks = [
            mark
            for line in versus.lines
            if line.comparison.scale is scale
            and (mark := _mark(line, noun(line.metric), tones[line.metric])) is not None
        ]
        if marks:
            head = f"{versus.b} against {versus.a}, {_words(scale)}"
            picture = forest(
                marks,
                words=partial(_tick, scale),
                title="; ".join(mark.words for mark in marks),
            )
            out.append(_Picture(head, picture))
    return out


def _courses(report: Report, versus: Versus) -> list[_Picture]:
    out = []
    for line in versus.lines:
        if line.course is None or not line.sequential or line.comparison.always is None:
            continue
        way, scale = line.course, line.comparison.scale
        svg = path_of(
            way.units.astype(float).tolist(),
            way.effect.tolist(),
            way.low.tolist(),
            way.high.tolist(),
            words=partial(_tick, scale),
            across=units_word(report, line),
            title=f"{noun(line.metric)}, as more {units_word(report, line)} came",
        )
        if svg:
            effect = line.comparison.effect or 0.0
            out.append(_Picture(f"{noun(line.metric)}: {amount(effect, scale)}", svg))
    return out


def _segment_forest(segments: Sequence[Segment]) -> Markup:
    marks = []
    for part in segments:
        if part.line.metric != "intermediaries" or not part.line.enough:
            continue
        corrected = part.line.corrected
        tone = "found" if corrected is not None and corrected < 1 - LEVEL else "open"
        mark = _mark(part.line, f"{part.division}: {part.value}", tone)
        if mark is not None:
            marks.append(mark)
    return forest(
        marks,
        words=partial(_tick, Scale.RATIO),
        title="; ".join(mark.words for mark in marks),
    )
