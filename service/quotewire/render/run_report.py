"""A run's report for people: as text, and as one HTML file with its pictures inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from quotewire.render.table import printable

if TYPE_CHECKING:
    from quotewire.batch.report import RunReport

_LABEL = 30  # characters of a bar's label; the rest is cut
_QUOTE = 160  # of a quotation


@dataclass(frozen=True, slots=True)
class Bar:
    """``share`` in [0, 1] of the longest bar; ``figure`` is the number beside it, in words."""

    label: str
    whole_label: str
    share: float
    figure: str


@dataclass(frozen=True, slots=True)
class Slice:
    """A piece of a band whose pieces fill it: from ``start``, ``width`` wide, both in [0, 1]."""

    label: str
    start: float
    width: float
    figure: str
    percent: str


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    note: str
    bars: tuple[Bar, ...] = ()
    slices: tuple[Slice, ...] = ()
    columns: tuple[Bar, ...] = ()


def report_text(report: RunReport) -> str:
    """The report as lines of at most about 100 characters, for terminals and logs."""
    return "\n".join(_lines(report)) + "\n"


def report_html(report: RunReport) -> str:
    """A whole page, without scripts and without other files."""
    return _template().render(
        name=printable(report.name),
        models=", ".join(map(printable, report.models)) or "–",
        finished=report.finished,
        tiles=_tiles(report),
        charts=[chart for chart in _charts(report) if chart is not None],
        printings=[
            (
                _cut(printing.text, _QUOTE),
                _many(printing.articles),
                _many(printing.outlets),
                ", ".join(map(printable, printing.speakers)) or "–",
            )
            for printing in report.printings
        ],
        letters=[
            (printable(f"{letter.file}:{letter.line}"), letter.reason, printable(letter.detail))
            for letter in report.dead_examples
        ],
        passed_over=[(printable(kind), _many(n)) for kind, n in report.passed_over.items()],
    )


def _lines(report: RunReport) -> Iterator[str]:
    unfinished = "" if report.finished else " (unfinished: as far as it got)"
    yield f"{printable(report.name)}{unfinished}, by {', '.join(report.models) or 'no model'}"
    yield ""
    for label, figure, note in _tiles(report):
        yield f"  {label:<22}{figure:>14}  {note}".rstrip()
    for chart in _charts(report):
        if chart is not None:
            yield ""
            yield chart.title + (f" ({chart.note})" if chart.note else "")
            for bar in chart.bars:
                yield f"  {bar.label:<{_LABEL}} {'█' * round(24 * bar.share):<24} {bar.figure}"
            for piece in chart.slices:
                yield f"  {piece.label:<{_LABEL}} {piece.figure:>12} {piece.percent:>5}"
            for column in chart.columns:
                yield f"  {column.label:>8} {'█' * round(48 * column.share):<48} {column.figure}"
    if report.printings:
        yield ""
        yield "Most printed quotations"
        for printing in report.printings:
            outlets = f", {_of(printing.outlets, 'outlet')}" if printing.outlets else ""
            who = ", ".join(map(printable, printing.speakers)) or "nobody named"
            text = _cut(printing.text, 60)
            yield f"  {_many(printing.articles)} articles{outlets}: {text} ({who})"
    if report.dead_examples:
        yield ""
        yield "Dead letters, the first of each reason"
        for letter in report.dead_examples:
            place = printable(f"{letter.file}:{letter.line}")
            yield f"  {letter.reason}: {place}: {printable(letter.detail)}"
    if report.passed_over:
        yield ""
        kinds = ", ".join(f"{_many(n)} {printable(k)}" for k, n in report.passed_over.items())
        yield f"Passed over, as they are no articles: {kinds}"


def _tiles(report: RunReport) -> list[tuple[str, str, str]]:
    """Label, figure, note."""
    good = report.answered
    some = good - report.without_statements
    copies = report.exact_copies + report.near_copies
    rate, tokens = report.articles_per_second, report.tokens_per_second
    return [
        ("Records", _many(report.records), "in the inputs"),
        ("Answered", _many(good), f"{_percent(some, good)} of them with statements"),
        (
            "Copies",
            _many(copies),
            f"{_many(report.exact_copies)} exact, {_many(report.near_copies)} near; "
            f"{_many(report.copies_passed)} not scored",
        ),
        ("Dead letters", _many(report.dead), _percent(report.dead, report.records)),
        (
            "Statements",
            _many(report.statements),
            f"{report.statements / good:.1f} an article" if good else "",
        ),
        (
            "Named speakers",
            _percent(report.statements - report.unnamed, report.statements),
            f"of statements; {_percent(report.nested, report.statements)} are nested",
        ),
        ("Articles/s", "–" if rate is None else f"{rate:,.1f}", "one worker"),
        (
            "Tokens/s",
            "–" if tokens is None else f"{tokens:,.0f}",
            f"one worker; {_many(report.tokens)} in {_duration(report.worker_seconds)}",
        ),
    ]


def _charts(report: RunReport) -> list[Chart | None]:
    return [
        _band("Statements by kind", report.by_kind),
        _band("Speakers by type", report.by_speaker_type),
        _ranking(
            "Most quoted",
            "statements",
            [(s.name, s.statements, f"in {_of(s.articles, 'article')}") for s in report.speakers],
        ),
        _ranking(
            "Through whom",
            "statements that reached the page by way of",
            [(c.name, c.statements, _of(c.speakers, "speaker")) for c in report.channels],
        ),
        _ranking(
            "Outlets",
            "articles",
            [(o.name, o.articles, _of(o.statements, "statement")) for o in report.outlets],
        ),
        _histogram("Statements over time", "by the articles' dates", report.published),
        _histogram(
            "Confidence",
            "statements by calibrated probability",
            {f"{n / 10:.1f}": count for n, count in enumerate(report.confidences)},
        ),
        _histogram(
            "Statements in an article",
            "articles",
            _shortened(report.statements_per_article),
        ),
        _ranking("Languages", "articles", [(k, n, "") for k, n in report.languages.items()][:10])
        if len(report.languages) > 1
        else None,
        _ranking("Dead letters", "by reason", [(k, n, "") for k, n in report.dead_letters.items()]),
    ]


def _shortened(counts: Sequence[int]) -> dict[str, int]:
    """Without the empty end; the last count is of that many or more."""
    last = max((n for n, count in enumerate(counts) if count), default=-1)
    return {
        f"{n}+" if n == len(counts) - 1 else str(n): count
        for n, count in enumerate(counts[: last + 1])
    }


def _ranking(title: str, note: str, rows: Sequence[tuple[str, int, str]]) -> Chart | None:
    if not rows:
        return None
    most = max(count for _, count, _ in rows) or 1
    bars = (
        Bar(
            _cut(name, _LABEL),
            printable(name),
            count / most,
            _many(count) + (f", {more}" if more else ""),
        )
        for name, count, more in rows
    )
    return Chart(title, note, bars=tuple(bars))


def _histogram(title: str, note: str, counts: Mapping[str, int]) -> Chart | None:
    most = max(counts.values(), default=0)
    if not most:
        return None
    columns = (Bar(label, label, count / most, _many(count)) for label, count in counts.items())
    return Chart(title, note, columns=tuple(columns))


def _band(title: str, counts: Mapping[str, int]) -> Chart | None:
    total = sum(counts.values())
    if not total:
        return None
    slices, start = [], 0.0
    for label, count in counts.items():
        share = count / total
        slices.append(Slice(label, start, share, _many(count), _percent(count, total)))
        start += share
    return Chart(title, "", slices=tuple(slices))


def _many(number: int) -> str:
    return f"{number:,}"


def _of(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def _cut(text: str, length: int) -> str:
    text = printable(text)
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("quotewire.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("run_report.html")
