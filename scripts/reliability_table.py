"""What `make soak` measured, as the tables of docs/reliability.md.

    python scripts/reliability_table.py runs/soak.jsonl            # prints them
    python scripts/reliability_table.py runs/soak.jsonl --write    # puts them into the page

Of each test the last line counts.  A figure beyond what the test holds is marked: a test that fails
writes its line, too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- measured: begin (scripts/reliability_table.py) -->", "<!-- measured: end -->"

Figures = dict[str, Any]


def _callers(f: Figures) -> str:
    return (
        f"{f['answered']:,} articles in {f['seconds']} s ({f['per_second']:,} a second): "
        f"{f['alone']:,} alone, {f['in batches']:,} in batches, {f['in streams']:,} in streams; "
        f"**{f['lost']} lost**"
    )


def _overload(f: Figures) -> str:
    share = f["goodput_of_peak"]
    return (
        f"peak {f['peak_per_second']} answers a second, {f['offered_per_second']} calls a second "
        f"offered, **goodput {f['goodput_per_second']} a second: {share:.1%} of the peak**"
        f"{_held(share >= 0.85, '85%')}; {f.get('answered', 0):,} answered, "
        f"{f.get('refused', 0):,} refused, every refusal well-formed, {f.get('late', 0):,} late"
    )


def _hostile(f: Figures) -> str:
    growth = f["growth_of_second_half"]
    refused = sum(f.get(code, 0) for code in ("INVALID_ARGUMENT", "NOT_FOUND"))
    return (
        f"{f['answered']:,} articles answered, {refused:,} refused as their sender's fault, "
        f"**no INTERNAL**; memory of the server {f['rss_half_mib']} MiB at half, "
        f"{f['rss_end_mib']} MiB in the end, **at most {growth:+.1%} over the second half**"
        f"{_held(growth <= 0.05, '5%')}"
    )


def _shadow(f: Figures) -> str:
    cost, noise = f["p99_with_minus_without_ms"], f["p99_without_minus_without_ms"]
    mean, own = f["mean_with_minus_without_ms"], f["mean_without_minus_none_ms"]
    return (
        f"{f['calls']:,} calls with a shadow, {f['shadowed']:,} of them scored by it; p50 "
        f"{f['without_p50_ms']} ms without, {f['with_p50_ms']} with; p99 {f['without_p99_ms']} ms "
        f"without, {f['with_p99_ms']} with: **{_interval(cost)} ms**, noise {_interval(noise)} ms"
        f"{_held(cost[0] <= max(noise[1], 0), 'p99 within noise')}; mean {_interval(mean)} ms; "
        f"the experiment itself (its assignment and its log): mean {_interval(own)} ms"
    )


def _interval(bounds: list[float]) -> str:
    """Of a difference, 95%."""
    return f"{bounds[0]:+} to {bounds[1]:+}"


# What stands in the page's first column, and how the figures are told in its second.
ROWS: dict[str, tuple[str, Callable[[Figures], str]]] = {
    "64 callers": ("64 callers", _callers),
    "10 times overload": ("ten times overload", _overload),
    "noise on the socket": (
        "noise on the socket",
        lambda f: (
            f"{f['connections']:,} connections beside {f['good_calls']:,} good calls, "
            f"**{f['failed']} failed**"
        ),
    ),
    "vanishing clients": (
        "vanishing clients",
        lambda f: (
            f"{f['rounds']:,} rounds, {f['calls']:,} calls, **{f['left_behind']} left behind**"
        ),
    ),
    "slow reader": (
        "slow reader",
        lambda f: (
            f"{f['articles']:,} long answers, {f['answered_in_the_end']:,} of them there in the end"
        ),
    ),
    "poison": (
        "poison",
        lambda f: f"{f['good']:,} good answers beside {f['poison']:,} failures of their own",
    ),
    "hostile articles": ("hostile articles", _hostile),
    "kill -9": (
        "`kill -9`",
        lambda f: (
            f"{f['kills']} kills, {f['streamed']:,} articles streamed, **{f['lost']} lost**; "
            f"{f['calls_repeated']} single calls repeated"
        ),
    ),
    "a shadow's cost": ("a shadow's cost", _shadow),
    "shadow dropped": (
        "a shadow without room",
        lambda f: (
            f"{f['offered']:,} articles at once, room for {f['room']:,}: {f['done']:,} scored, "
            f"{f['dropped']:,} dropped and counted, {f['failed']} failed"
        ),
    ),
    "reloads under load": (
        "reloads under load",
        lambda f: f"{f['reloads']} reloads, {f['answered']:,} answers, **{f['failed']} failed**",
    ),
}


def _held(good: bool, bar: str) -> str:
    return "" if good else f" (**the test holds {bar}: it failed**)"


def last_of_each(lines: Iterable[str]) -> list[Figures]:
    """The last figures of every test that the page tells of, in the page's order."""
    last = {figures["test"]: figures for figures in map(json.loads, filter(str.strip, lines))}
    return [last[name] for name in ROWS if name in last]


def tables(measured: Iterable[Figures]) -> str:
    """As Markdown: one table for whatever was measured on the same code, libraries and machine."""
    groups: dict[str, list[Figures]] = {}
    for figures in measured:
        groups.setdefault(_signature(figures["measured_on"]), []).append(figures)
    parts = []
    for signature, group in groups.items():
        loads = [figures["measured_on"]["load_of_last_minute"] for figures in group]
        rows = [f"| {ROWS[f['test']][0]} | {ROWS[f['test']][1](f)} |" for f in group]
        parts.append(
            f"{signature}; load of the last minute {min(loads):.1f} to {max(loads):.1f}, that of "
            "the tests included:\n\n| test | measured |\n|---|---|\n" + "\n".join(rows)
        )
    return "\n\n".join(parts)


def _signature(on: Figures) -> str:
    model = "The fake model" if on["model"] == "fake" else f"Model {on['model']}"
    return (
        f"{model}, commit {on['commit']}, grpcio {on['grpcio']}, Python {on['python']}, "
        f"{on['processors']}"
    )


def written(page: str, text: str) -> str:
    """The page with ``text`` between its marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"the page has no lines {BEGIN} and {END}")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description="What `make soak` measured, as Markdown.")
    parser.add_argument("report", type=Path, help="the lines of make soak (SOAK_REPORT)")
    parser.add_argument("--write", action="store_true", help=f"put it into {PAGE.name}")
    arguments = parser.parse_args()
    measured = last_of_each(arguments.report.read_text(encoding="utf-8").splitlines())
    if not measured:
        raise SystemExit(f"{arguments.report}: no line of a test that {PAGE.name} tells of")
    if missing := ROWS.keys() - {figures["test"] for figures in measured}:
        print(f"not measured: {', '.join(sorted(missing))}")
    text = tables(measured)
    if arguments.write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
