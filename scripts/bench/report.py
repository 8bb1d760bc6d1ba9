"""The tables that a run prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from scripts.bench.bars import MB, best_layout, each, floor_share, rest_share
from scripts.bench.driver import Rounds
from scripts.bench.figures import Bar, Spread
from scripts.bench.operations import Sizes, attention_operations, linear_operations

WAYS = ("fp32", "bf16", "int8 fbgemm", "int8 onednn", "int8 qlinear")
STAGES = ("tokenise", "encode", "cues", "look", "proposals", "decode", "resolve", "other")


def spread_words(spread: Spread | None, form: str = "{:.2f}") -> str:
    """Median and quartiles: "2.10 (2.05 to 2.20)"."""
    if spread is None:
        return "–"
    if spread.rounds == 1:
        return form.format(spread.median)
    low, high = form.format(spread.low), form.format(spread.high)
    return f"{form.format(spread.median)} ({low} to {high})"


def tables(
    rounds: Rounds, about: Mapping[str, Any], found: Sequence[Bar], sizes: Sizes
) -> Iterator[Table]:
    for make in (matmul_table, ceiling_table, rates_table, stages_table, server_table, once_table):
        table = make(rounds, about, sizes)
        if table.row_count:
            yield table
    yield bars_table(found)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    return table


def matmul_table(rounds: Rounds, about: Mapping[str, Any], sizes: Sizes) -> Table:
    """Rates at the encoder's own shapes."""
    table = _table(
        "Matrix multiplication at the encoder's shapes, 10⁹ operations a second",
        "",
        *WAYS,
        "attention fp32",
        "attention bf16",
    )
    for side in rounds:
        if side.startswith("matmul"):
            cells = [_rate(rounds, side, "rates", way) for way in WAYS]
            cells += [_rate(rounds, side, "attention", kind) for kind in ("fp32", "bf16")]
            table.add_row(side.removeprefix("matmul, "), *cells)
    return table


def _rate(rounds: Rounds, side: str, group: str, way: str) -> str:
    values = [r[group][way] / 1e9 for r in rounds[side] if r and way in r[group]]
    return spread_words(Spread.of(values), "{:,.0f}")


def ceiling_table(rounds: Rounds, about: Mapping[str, Any], sizes: Sizes) -> Table:
    """The floor that the best rate gives, and how near we are."""
    table = _table(
        "The encoder's floor, and the whole way beside it (1 ÷ their ratio is the share)",
        "",
        "operations a token",
        "floor, µs a token",
        "ours, µs a token",
        "share of floor",
        "with the second look",
    )
    for side in rounds:
        layout = side.removeprefix("batch, ")
        done = [r for r in rounds[side] if r] if side.startswith("batch") else []
        if not done or not (best := each(rounds, f"matmul, {layout}", lambda r: r["best"])):
            continue
        length = done[0]["tokens"] / max(done[0]["windows"], 1)
        operations = linear_operations(sizes) + attention_operations(sizes, length=length)
        ours = each(rounds, side, lambda r: 1e6 * r["seconds"] / r["tokens"])
        table.add_row(
            layout,
            f"{operations / 1e6:.1f} M",
            f"{1e6 * operations / best.median:.1f}",
            spread_words(ours, "{:.1f}"),
            spread_words(floor_share(rounds, layout)),
            spread_words(floor_share(rounds, layout, look=True)),
        )
    return table


def rates_table(rounds: Rounds, about: Mapping[str, Any], sizes: Sizes) -> Table:
    """Whole ways from raw text."""
    table = _table(
        "From raw text to statements",
        "",
        "precision",
        "articles/s",
        "words/s",
        "tokens/s",
        "resident MB",
        "peak MB",
    )
    for side, results in rounds.items():
        done = [r for r in results if r]
        if not done or "words_per_s" not in done[0]:
            continue
        ours = "tokens_per_s" in done[0]
        table.add_row(
            side,
            str(about.get(side, {}).get("precision", "")),
            spread_words(each(rounds, side, lambda r: r["articles_per_s"])),
            spread_words(each(rounds, side, lambda r: r["words_per_s"]), "{:,.0f}"),
            *(
                [
                    spread_words(each(rounds, side, lambda r: r["tokens_per_s"]), "{:,.0f}"),
                    f"{done[-1]['resident_bytes'] / MB:,.0f}",
                    f"{max(r['peak_bytes'] for r in done) / MB:,.0f}",
                ]
                if ours
                else ["", "", ""]
            ),
        )
    return table


def stages_table(rounds: Rounds, about: Mapping[str, Any], sizes: Sizes) -> Table:
    table = _table("Where the time goes, % of it", "", *STAGES, "all but the network")
    for side, results in rounds.items():
        if not any(r and "stages" in r for r in results):
            continue
        cells = []
        for stage in STAGES:
            share = each(
                rounds, side, lambda r, s=stage: 100 * r["stages"][s] / sum(r["stages"].values())
            )
            cells.append(f"{share.median:.1f}" if share else "–")
        rest = each(rounds, side, lambda r: 100 * rest_share(r))
        table.add_row(side, *cells, spread_words(rest, "{:.1f}"))
    return table


def server_table(rounds: Rounds, about: Mapping[str, Any], sizes: Sizes) -> Table:
    layout = best_layout(rounds, "batch")
    table = _table(
        "The server", "", "articles/s", "p50 ms", "p99 ms", "resident MB", f"batch: {layout}"
    )
    batch = each(rounds, f"batch, {layout}", lambda r: r["articles_per_s"])
    for side, results in rounds.items():
        done = [r for r in results if r]
        if not done or not side.startswith("server"):
            continue
        rate = each(rounds, side, lambda r: r["articles_per_s"])
        table.add_row(
            side,
            spread_words(rate),
            spread_words(each(rounds, side, lambda r: 1e3 * r["p50_s"]), "{:.0f}"),
            spread_words(each(rounds, side, lambda r: 1e3 * r["p99_s"]), "{:.0f}"),
            f"{done[-1]['resident_bytes'] / MB:,.0f}",
            f"× {rate.median / batch.median:.2f}" if rate and batch else "–",
        )
    return table


def once_table(rounds: Rounds, about: Mapping[str, Any], sizes: Sizes) -> Table:
    """Start-up, and the long article beside the short ones."""
    table = _table("Start-up and length", "", "seconds")
    named = {
        "server: imports": "server_imports_s",
        "server: first answer after imports": "server_after_imports_s",
        "extractor: imports": "extractor_imports_s",
        "extractor: load": "extractor_load_s",
        "extractor: first article": "extractor_first_article_s",
    }
    for name, key in named.items():
        if spread := each(rounds, "startup", lambda r, k=key: r[k]):
            table.add_row(name, spread_words(spread))
    for key in ("short", "long"):
        words = each(rounds, "long", lambda r, k=key: r[f"{k}_words"])
        spread = each(rounds, "long", lambda r, k=key: 1e3 * r[f"{k}_s_per_word"])
        if words and spread:
            table.add_row(f"1,000 words of an article of {words.median:,.0f}", spread_words(spread))
    return table


def bars_table(found: Sequence[Bar]) -> Table:
    table = _table("The bars", "", "measured", "bar", "")
    for one in found:
        sign = "≥" if one.least else "≤"
        form = "{:,.0f}" if one.unit == "MB" else "{:.2f}"
        holds = {True: "holds", False: "does not hold", None: "not measured"}[one.holds]
        unit = f" {one.unit}" if one.unit else ""
        limit = form.format(one.bar)
        table.add_row(one.name, f"{spread_words(one.spread, form)}{unit}", f"{sign} {limit}", holds)
    return table
