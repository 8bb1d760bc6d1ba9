"""A report as plain text for a terminal.  Figures are per cent; ``–`` is "undefined"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from quotewire.evaluation import measures
from quotewire.evaluation.measures import CALIBRATION, COLUMN_AT, OVERLAPS, SHARES
from quotewire.evaluation.report import LEVEL, RESAMPLES, SEED, Difference, Report

UNDEFINED = "–"

# Columns of the per-publisher table.
_HEADLINE = {
    "source": "source_f1",
    "cue": "cue_f1",
    "content": "content_f1",
    "found": "found_f1",
    "exact": "exact_f1",
    "soft": "soft_f1",
    "interm.": "intermediary_f1",
    "name": "speaker_name_accuracy",
    "act": "act_accuracy",
    "nested": "nested_f1",
}


def percent(value: float | None) -> str:
    return UNDEFINED if value is None else f"{100 * value:.1f}"


def _band(bounds: tuple[float, float] | None) -> str:
    return UNDEFINED if bounds is None else f"{percent(bounds[0])} to {percent(bounds[1])}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns padded to their widest cell, the first to the left, the others to the right."""
    cells = [list(head), *map(list, rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def render(report: Report, *, worst: int = 10, resamples: int = RESAMPLES, seed: int = SEED) -> str:
    """The whole report; ``worst`` articles are listed."""
    total = report.counts.sum(axis=0)
    bounds = report.intervals(resamples=resamples, seed=seed)
    band = f"{LEVEL:.0%} interval"

    def count(column: str) -> str:
        return f"{total[COLUMN_AT[column]]:.0f}"

    def overlap(name: str) -> list[str]:
        scores = [percent(report.value(f"{name}_{p}")) for p in ("precision", "recall", "f1")]
        counts = [count(f"{name}.{part}") for part in ("tp", "pred", "gold")]
        return [name, *scores, _band(bounds[f"{name}_f1"]), *counts]

    def share(name: str) -> list[str]:
        counts = [count(f"{name}.{part}") for part in ("right", "total")]
        return [name, percent(report.value(name)), _band(bounds[name]), *counts]

    overlaps = [name for name in OVERLAPS if report.counts_anything(name)]
    shares = [name for name in SHARES if report.value(name) is not None]
    calibration = [name for name in CALIBRATION if report.value(name) is not None]
    sections = [
        str(report.signature),
        table(
            ["measure", "P", "R", "F1", band, "right", "predicted", "gold"], map(overlap, overlaps)
        ),
    ]
    if shares or calibration:
        spread = [[n, percent(report.value(n)), _band(bounds[n]), "", ""] for n in calibration]
        rows = [*map(share, shares), *spread]
        sections.append(table(["measure", "%", band, "right", "of"], rows))
    silent = [
        name
        for name in (OVERLAPS | SHARES | CALIBRATION)
        if name not in (*overlaps, *shares, *calibration)
    ]
    if silent:
        sections.append("undefined (not labelled, or nothing to count): " + ", ".join(silent))
    sections.append(_publishers(report))
    if total[COLUMN_AT["confidence.total"]]:
        sections += [_thresholds(report), _reliability(report)]
    sections.append(
        "worst articles by soft F1\n"
        + table(
            ["article", "publisher", "F1", "right", "missed", "wrong"],
            [
                [s.id, s.publisher or "", percent(s.f1), str(s.right), str(s.missed), str(s.wrong)]
                for s in report.worst(worst)
            ],
        )
    )
    if report.missing:
        sections.append(
            f"{len(report.missing)} gold articles had no prediction and count as empty: "
            + ", ".join(report.missing)
        )
    return "\n\n".join(sections) + "\n"


def _publishers(report: Report) -> str:
    rows = [
        [name or "(none)", str(report.articles_of(name))]
        + [percent(values[metric]) for metric in _HEADLINE.values()]
        for name, values in report.by_publisher().items()
    ]
    everything = [percent(report.value(metric)) for metric in _HEADLINE.values()]
    rows.append(["all", str(len(report.ids)), *everything])
    return table(["publisher", "articles", *_HEADLINE], rows)


def _thresholds(report: Report) -> str:
    rows = [
        [f"{row['confidence']:.2f}", f"{row['statements']:.0f}"]
        + [percent(row[key]) for key in ("precision", "recall", "f1")]
        for row in report.thresholds()
    ]
    return "soft relation by least confidence\n" + table(
        ["confidence", "statements", "P", "R", "F1"], rows
    )


def _reliability(report: Report) -> str:
    rows = [
        [f"{row['low']:.1f} to {row['high']:.1f}", f"{row['statements']:.0f}"]
        + [percent(row[key]) for key in ("confidence", "right")]
        for row in report.reliability()
    ]
    return "reliability (right = soft)\n" + table(
        ["confidence", "statements", "mean confidence", "right"], rows
    )


def render_rules() -> str:
    """Every measure and its match rule."""
    rules = OVERLAPS | SHARES | CALIBRATION
    return f"match rules, version {measures.RULES_VERSION}\n" + "\n".join(
        f"{name}: {rule}" for name, rule in rules.items()
    )


def render_comparison(a: Report, b: Report, differences: Iterable[Difference]) -> str:
    """Two reports beside each other; differences are ``b`` minus ``a``, in points."""
    rows = [
        [
            d.metric,
            *(percent(value) for value in (d.a, d.b, d.difference)),
            _band(d.interval),
            UNDEFINED if d.p is None else f"{d.p:.3f}",
        ]
        for d in differences
    ]
    head = ["metric", "a", "b", "b - a", f"{LEVEL:.0%} interval", "p"]
    return f"a: {a.signature}\nb: {b.signature}\n\n{table(head, rows)}\n"
