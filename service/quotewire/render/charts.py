"""Pictures of a report as SVG, to stand inside a page: colours come from the page's style sheet
(classes ``ch-…``), so that they follow light and dark; every picture has its figures in words in
its ``title``, and no colour says anything alone.

Lengths are in CSS pixels of a picture :data:`WIDTH` wide, which scales to the page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH = 720
_NARROW = 440  # of pictures that stand side by side
_ROW, _LABEL, _TOP, _FOOT = 30, 250, 8, 26

Words = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot with its interval.  ``tone`` is ``good``, ``bad``, ``found``, ``none`` or ``open``."""

    label: str
    value: float
    low: float
    high: float
    tone: str
    words: str


def ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Round numbers from ``low`` to ``high``, about so many."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [(first + n) * step for n in range(count)]


def _svg(height: float, parts: Iterable[Markup], *, title: str, width: int = WIDTH) -> Markup:
    return Markup(
        '<svg class="ch" viewBox="0 0 {} {:.0f}" role="img" xmlns="http://www.w3.org/2000/svg">'
        "<title>{}</title>{}</svg>"
    ).format(width, height, title, Markup("").join(parts))


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        kind, x1, y1, x2, y2
    )


def _text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> Markup:
    return Markup(
        '<text class="ch-text {}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'
    ).format(kind, x, y, anchor, words)


def _short(words: str, most: int = 36) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def forest(marks: Sequence[Mark], *, words: Words, title: str) -> Markup:
    """One row a mark: the dot and its interval on one common scale with 0 marked.  Intervals that
    would make all others too small to see are cut, with an arrowhead."""
    if not marks:
        return Markup("")
    reach = _reach([abs(bound) for mark in marks for bound in (mark.low, mark.high)])
    left, right = float(_LABEL), WIDTH - 14.0
    height = _TOP + _ROW * len(marks) + _FOOT

    def x(value: float) -> float:
        share = (max(-reach, min(reach, value)) + reach) / (2 * reach)
        return left + share * (right - left)

    bottom = height - _FOOT
    parts = [_line(x(t), _TOP, x(t), bottom, "ch-grid") for t in ticks(-reach, reach)]
    parts.append(_line(x(0), _TOP, x(0), bottom, "ch-zero"))
    for n, mark in enumerate(marks):
        y = _TOP + _ROW * (n + 0.5)
        parts.append(
            Markup('<g class="ch-{}"><title>{}</title>{}</g>').format(
                mark.tone, mark.words, Markup("").join(_mark(mark, y, x, reach))
            )
        )
        parts.append(_text(left - 12, y + 4, _short(mark.label), anchor="end"))
    parts += [
        _text(x(t), height - 8, words(t), anchor="middle", kind="ch-dim")
        for t in ticks(-reach, reach)
    ]
    return _svg(height, parts, title=title)


def _reach(bounds: Sequence[float]) -> float:
    """How far the scale goes: to the largest bound, but no further than four times the middle
    one."""
    ordered = sorted(bounds)
    return max(min(ordered[-1], 4 * ordered[len(ordered) // 2]), 1e-6) * 1.05


def _mark(mark: Mark, y: float, x: Callable[[float], float], reach: float) -> Iterable[Markup]:
    yield _line(x(mark.low), y, x(mark.high), y, "ch-bar")
    for bound in (mark.low, mark.high):
        if abs(bound) <= reach:
            yield _line(x(bound), y - 5, x(bound), y + 5, "ch-bar")
        else:
            tip, back = x(bound), math.copysign(7, bound)
            yield Markup('<path class="ch-dot" d="M{:.1f} {:.1f}l{:.1f} -5v10z"/>').format(
                tip, y, -back
            )
    yield Markup('<circle class="ch-dot" cx="{:.1f}" cy="{:.1f}" r="5"/>').format(x(mark.value), y)


def path_of(
    units: Sequence[float],
    value: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    *,
    words: Words,
    across: str,
    title: str,
) -> Markup:
    """How an estimate and its interval went with the number of units; undefined looks are left
    out.  Bounds of the first looks may leave the picture."""
    rows = [
        row for row in zip(units, value, low, high, strict=True) if all(map(math.isfinite, row))
    ]
    if len(rows) < 2:
        return Markup("")
    height, left, right, top, bottom = 220.0, 56.0, _NARROW - 24.0, 10.0, 178.0
    tail = rows[len(rows) // 4 :]
    bottom_value = min(0.0, *(row[2] for row in tail))
    top_value = max(0.0, *(row[3] for row in tail))
    pad = (top_value - bottom_value) * 0.08 or 1e-6
    lowest, highest = bottom_value - pad, top_value + pad
    first, last = rows[0][0], rows[-1][0]

    def x(count: float) -> float:
        return left + (count - first) / max(last - first, 1) * (right - left)

    def y(number: float) -> float:
        share = (min(highest, max(lowest, number)) - lowest) / (highest - lowest)
        return bottom - share * (bottom - top)

    def points(at: int) -> list[str]:
        return [f"{x(row[0]):.1f} {y(row[at]):.1f}" for row in rows]

    parts = [_line(left, y(t), right, y(t), "ch-grid") for t in ticks(lowest, highest)]
    area = "M" + "L".join(points(2)) + "L" + "L".join(reversed(points(3))) + "z"
    parts.append(Markup('<path class="ch-area" d="{}"/>').format(area))
    parts.append(_line(left, y(0), right, y(0), "ch-zero"))
    parts.append(Markup('<path class="ch-path" d="{}"/>').format("M" + "L".join(points(1))))
    parts += [
        _text(left - 8, y(t) + 4, words(t), anchor="end", kind="ch-dim")
        for t in ticks(lowest, highest)
    ]
    parts += [
        _text(x(t), bottom + 18, f"{t:,.0f}", anchor="middle", kind="ch-dim")
        for t in ticks(first, last)
        if float(t).is_integer()
    ]
    parts.append(_text((left + right) / 2, height - 6, across, anchor="middle", kind="ch-dim"))
    return _svg(height, parts, title=title, width=_NARROW)


def shares(rows: Sequence[tuple[str, int, float]], *, title: str) -> Markup:
    """Name, count and expected count of each part of a whole: one bar, a tick where each part was
    to end."""
    total, meant = sum(row[1] for row in rows), sum(row[2] for row in rows)
    if not total or not meant:
        return Markup("")
    parts: list[Markup] = []
    at = end = 0.0
    for n, (name, count, expected) in enumerate(rows):
        width = count / total * WIDTH
        parts.append(
            Markup('<rect class="ch-s{}" x="{:.1f}" y="14" width="{:.1f}" height="26"/>').format(
                n % 4, at, width
            )
        )
        if width > 110:
            label = f"{_short(name, 20)} {count / total:.1%}"
            parts.append(_text(at + width / 2, 32, label, anchor="middle", kind="ch-on"))
        at += width
        end += expected / meant * WIDTH
        if n < len(rows) - 1:
            parts.append(_line(end, 6, end, 48, "ch-zero"))
    return _svg(52, parts, title=title)


def curves(series: Sequence[tuple[str, Sequence[float]]], *, words: Words, title: str) -> Markup:
    """Quantiles, every hundredth from 0 to 1, of several series: the value across (on a logarithmic
    scale), the share of articles up to it upwards."""
    values = [v for _, curve in series for v in curve[1:-1] if v > 0]
    if not values:
        return Markup("")
    low, high = math.log(min(values)), math.log(max(values)) + 1e-9
    height, left, right, top, bottom = 230.0, 50.0, WIDTH - 14.0, 10.0, 186.0

    def x(value: float) -> float:
        where = (math.log(max(value, 1e-12)) - low) / (high - low)
        return left + min(1.0, max(0.0, where)) * (right - left)

    def y(share: float) -> float:
        return bottom - share * (bottom - top)

    parts = [_line(left, y(t), right, y(t), "ch-grid") for t in (0, 0.25, 0.5, 0.75, 0.95, 1)]
    parts += [
        _text(left - 8, y(t) + 4, f"{t:.0%}", anchor="end", kind="ch-dim")
        for t in (0, 0.25, 0.5, 0.75, 0.95)
    ]
    for t in _log_ticks(math.exp(low), math.exp(high)):
        parts.append(_line(x(t), top, x(t), bottom, "ch-grid"))
        parts.append(_text(x(t), bottom + 18, words(t), anchor="middle", kind="ch-dim"))
    for n, (name, curve) in enumerate(series):
        points = "L".join(f"{x(v):.1f} {y(k / 100):.1f}" for k, v in enumerate(curve) if v > 0)
        parts.append(Markup('<path class="ch-l{}" d="M{}"/>').format(n % 4, points))
        at = left + 12 + 175 * n
        parts.append(_line(at, height - 10, at + 26, height - 10, f"ch-l{n % 4}"))
        parts.append(_text(at + 32, height - 6, _short(name, 20)))
    return _svg(height, parts, title=title)


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    marks = [f * 10.0**power for power in range(first, last + 1) for f in steps]
    return [mark for mark in marks if low <= mark <= high]
