"""``python -m scripts.bench.picture``: runs/bench.json -> docs/images/performance-time.svg and the
tables of docs/performance.md, between its marks."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from rich.table import Table

from quotewire.render.charts import ticks
from scripts.bench.bars import bars, each, floor_share
from scripts.bench.driver import ROOT, Rounds
from scripts.bench.operations import Sizes
from scripts.bench.report import tables

PICTURE = ROOT / "docs" / "images" / "performance-time.svg"
PAGE = ROOT / "docs" / "performance.md"
_MARKS = ("<!-- bench: begin -->", "<!-- bench: end -->")

# What the picture tells apart: its name, the stages in it, its colour.
_PARTS = (
    ("encoder", ("encode",), "#2f6f9f"),
    ("second look", ("look",), "#7fb2d6"),
    ("cue heads, proposals", ("cues", "proposals"), "#c9a227"),
    ("decoding", ("decode",), "#b5651d"),
    ("names, assembly", ("resolve",), "#7a9e3f"),
    ("tokenising and the rest", ("tokenise", "other"), "#8a8f98"),
)
_FLOOR, _CLASSIC = "#d0d4da", "#a79bb8"
_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 760, 190, 700, 44, 40


@dataclass(frozen=True, slots=True)
class Row:
    """One bar: its parts as (name, milliseconds an article, colour)."""

    label: str
    parts: Sequence[tuple[str, float, str]]

    @property
    def total(self) -> float:
        return sum(part[1] for part in self.parts)


def rows(rounds: Rounds) -> Iterator[Row]:
    """One thread: the floor of the encoder, ours, small, the plain way, spaCy with textacy."""
    share = floor_share(rounds, "1 thread")
    ours = each(rounds, "batch, 1 thread", lambda r: 1e3 * r["seconds"] / r["articles"])
    if share and ours:
        floor = share.median * ours.median
        yield Row("floor of the encoder", [("matrix products", floor, _FLOOR)])
    named = {
        "batch, 1 thread": "quotewire-base",
        "small, 1 thread": "quotewire-small",
        "plain, 1 thread": "the plain way",
    }
    for side, label in named.items():
        if any(rounds.get(side, ())):
            yield Row(label, [(n, _part(rounds, side, s), c) for n, s, c in _PARTS])
    classic = each(rounds, "spacy, 1 thread", lambda r: 1e3 * r["seconds"] / r["articles"])
    if classic:
        yield Row("spaCy with textacy", [("pipeline and rules", classic.median, _CLASSIC)])


def _part(rounds: Rounds, side: str, stages: Sequence[str]) -> float:
    spread = each(rounds, side, lambda r: 1e3 * sum(r["stages"][s] for s in stages) / r["articles"])
    return spread.median if spread else 0.0


def draw(found: Sequence[Row]) -> Markup:
    """Bars of milliseconds an article, on one thread."""
    longest = max(row.total for row in found)
    bottom = _TOP + _ROW * len(found)

    def x(ms: float) -> float:
        return _LEFT + ms / longest * (_RIGHT - _LEFT)

    out = [
        Markup('<line class="grid" x1="{0:.1f}" y1="{1}" x2="{0:.1f}" y2="{2}"/>').format(
            x(t), _TOP - 6, bottom
        )
        for t in ticks(0, longest)
    ]
    for n, row in enumerate(found):
        y, at = _TOP + _ROW * n, 0.0
        out.append(_text(_LEFT - 10, y + 19, row.label, "end"))
        for name, ms, colour in row.parts:
            out.append(
                Markup(
                    '<rect x="{:.1f}" y="{}" width="{:.1f}" height="28" fill="{}">'
                    "<title>{}: {:.1f} ms</title></rect>"
                ).format(x(at), y, max(x(at + ms) - x(at), 0), colour, name, ms)
            )
            at += ms
        out.append(_text(x(at) + 6, y + 19, f"{row.total:.0f} ms"))
    out += [_text(x(t), bottom + 16, f"{t:g}", "middle") for t in ticks(0, longest)]
    out.append(_text((_LEFT + _RIGHT) / 2, bottom + 36, "milliseconds an article", "middle"))
    place, line = 14.0, bottom + 62
    for name, _, colour in _PARTS:
        width = 26 + 7.4 * len(name)
        if place + width > _WIDTH:
            place, line = 14.0, line + 22
        out.append(
            Markup('<rect x="{:.0f}" y="{}" width="14" height="14" fill="{}"/>').format(
                place, line - 12, colour
            )
        )
        out.append(_text(place + 19, line, name))
        place += width
    words = "; ".join(f"{row.label} {row.total:.0f}" for row in found)
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img">'
        "<title>Milliseconds an article on one thread: {}</title><style>"
        "text{{font:13px system-ui,sans-serif;fill:#333}}.grid{{stroke:#8885;stroke-width:1}}"
        "@media(prefers-color-scheme:dark){{text{{fill:#ddd}}}}</style>{}</svg>\n"
    ).format(_WIDTH, line + 16, words, Markup("").join(out))


def _text(x: float, y: float, words: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, words)


def markdown(found: Iterator[Table]) -> str:
    """The tables as Markdown, each below its title."""
    pieces = []
    for table in found:
        heads = [str(column.header) for column in table.columns]
        lines = [f"**{table.title}**", "", f"| {' | '.join(heads)} |"]
        lines.append("|---" + "|---:" * (len(heads) - 1) + "|")
        for cells in zip(*(column.cells for column in table.columns), strict=True):
            lines.append(f"| {' | '.join(map(str, cells))} |")
        pieces.append("\n".join(lines))
    return "\n\n".join(pieces)


def measured_on(signature: Mapping[str, Any]) -> str:
    """One sentence about machine, code, data."""
    packages = signature["packages"]
    models = ", ".join(f"{m['model']} ({m['digest']})" for m in signature["models"])
    return (
        f"Commit {signature['commit']}; {signature['cores']} cores, {signature['processor']} "
        f"({', '.join(signature['features'])}); Python {signature['python']}, torch "
        f"{packages.get('torch')}; {models}; {signature['articles']} articles of "
        f"{signature['archive']} (digest {signature['data']}); {signature['rounds']} rounds; load "
        f"at the start {signature['load_at_start']:.1f}."
    )


def fill(page: str, content: str) -> str:
    """``page`` with ``content`` between its marks.  ValueError if it has none."""
    begin, end = map(re.escape, _MARKS)
    filled, count = re.subn(
        f"{begin}.*?{end}", lambda _: f"{_MARKS[0]}\n{content}\n{_MARKS[1]}", page, flags=re.S
    )
    if count != 1:
        raise ValueError(f"expected {_MARKS[0]} … {_MARKS[1]} once, found {count} times")
    return filled


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.picture", description=__doc__)
    parser.add_argument("--json", type=Path, default=ROOT / "runs" / "bench.json")
    parser.add_argument("--page", type=Path, default=PAGE, help="page to fill [%(default)s]")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="[%(default)s]")
    arguments = parser.parse_args()
    run = json.loads(arguments.json.read_text(encoding="utf-8"))
    rounds, about = run["rounds"], run["about"]
    found = list(rows(rounds))
    if found:
        arguments.picture.write_text(draw(found), encoding="utf-8")
        print(arguments.picture)
    made = tables(rounds, about, bars(rounds, about), Sizes(**run["sizes"]))
    content = f"{measured_on(run['signature'])}\n\n"
    if found:
        content += "![Where the time of an article goes](images/performance-time.svg)\n\n"
    content += markdown(made)
    if run["failed"]:
        content += "\n\nFailed: " + "; ".join(f"{k}: {v}" for k, v in run["failed"].items())
    page = arguments.page.read_text(encoding="utf-8")
    arguments.page.write_text(fill(page, content), encoding="utf-8")
    print(arguments.page)


if __name__ == "__main__":
    main()
