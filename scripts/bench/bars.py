"""The issue's bars, from the rounds of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scripts.bench.driver import Rounds
from scripts.bench.figures import Bar, Spread, bar, paired, paired_figures, quantile

MB = 1e6
_REST = ("tokenise", "proposals", "decode", "resolve", "other")
Value = Callable[[Mapping[str, Any]], float]


def each(rounds: Rounds, side: str, value: Value) -> Spread | None:
    """``value`` of every round of ``side`` that went well."""
    return Spread.of(value(result) for result in rounds.get(side, ()) if result)


def floor_share(rounds: Rounds, layout: str, *, look: bool = False) -> Spread | None:
    """The encoder's matrix-multiply floor (its operations at the best rate measured in the same
    round) as a share of the whole time from text to statements; with the second look's, too, if
    asked for.  ``layout``: "1 thread", "2 threads", "2 processes"."""
    shares = []
    pairs = zip(rounds.get(f"matmul, {layout}", ()), rounds.get(f"batch, {layout}", ()))  # noqa: B905
    for matmul, batch in pairs:
        if matmul and batch:
            operations = batch["encoder_operations"] + look * batch["look_operations"]
            shares.append(operations / matmul["best"] / batch["seconds"])
    return Spread.of(shares)


def rest_share(result: Mapping[str, Any]) -> float:
    """Share of the time that is neither the network's encoder nor its heads and second look."""
    stages = result["stages"]
    return sum(stages.get(stage, 0.0) for stage in _REST) / sum(stages.values())


def best_layout(rounds: Rounds, name: str) -> str | None:
    """The layout of side ``name`` with the highest median rate of the whole machine."""
    figure = "best" if name == "matmul" else "articles_per_s"
    layouts = {
        side.removeprefix(f"{name}, "): spread.median
        for side in rounds
        if side.startswith(f"{name}, ") and (spread := each(rounds, side, lambda r: r[figure]))
    }
    return max(layouts, key=lambda layout: layouts[layout]) if layouts else None


def growth(rounds: Rounds, side: str) -> Spread | None:
    """Resident memory of the last round over that of the second (the first one fills caches)."""
    held = [result["resident_bytes"] for result in rounds.get(side, ()) if result]
    return Spread.of([held[-1] / held[1]]) if len(held) >= 3 else None


def single_ratio(rounds: Rounds) -> Spread | None:
    """p50 of one caller at the server over p50 of the bare call, round by round."""
    halves: Rounds = {
        side: [r and {"p50": quantile(r["each_s"], 0.5)} for r in rounds.get(side, ())]
        for side in ("server, 1 callers", "single")
    }
    return paired(halves, "server, 1 callers", "single", "p50")


def bars(rounds: Rounds, about: Mapping[str, Mapping[str, Any]]) -> list[Bar]:
    """Every bar of the issue, those that could not be measured with no value."""
    layout = best_layout(rounds, "batch") or "1 thread"
    server, worker = about.get("server", {}), about.get("batch, 1 thread", {})

    def rate(above: str, below: str) -> Spread | None:
        return paired(rounds, above, below, "articles_per_s")

    def held(said: Mapping[str, Any]) -> Spread | None:
        return Spread.of([said["at_rest_bytes"] / MB] if said else [])

    ours = "batch, 1 thread"
    found = [
        bar(f"batch ({layout}): share of the encoder's floor", floor_share(rounds, layout), 0.6),
        bar("batch (1 thread): share of the encoder's floor", floor_share(rounds, "1 thread"), 0.6),
        bar(
            "tokenise, decode, resolve: share of the time",
            each(rounds, ours, rest_share),
            0.15,
            least=False,
        ),
        bar(
            f"server, 64 callers ÷ batch ({layout})",
            rate("server, 64 callers", f"batch, {layout}"),
            0.9,
        ),
        bar("single article, server ÷ bare call (p50)", single_ratio(rounds), 1.25, least=False),
        bar("articles/s ÷ spaCy with textacy (1 thread)", rate(ours, "spacy, 1 thread"), 4.0),
        bar("articles/s ÷ the plain way (1 thread)", rate(ours, "plain, 1 thread"), 4.0),
        bar("quotewire-small ÷ quotewire-base (1 thread)", rate("small, 1 thread", ours), 1.8),
        bar(
            "100,000 words ÷ 1,000 words, time per word",
            paired_figures(rounds, ("long", "long_s_per_word"), ("long", "short_s_per_word")),
            1.3,
            least=False,
        ),
        bar(
            "server: first answer after imports",
            each(rounds, "startup", lambda r: r["server_after_imports_s"]),
            5.0,
            least=False,
            unit="s",
        ),
        bar("server: memory at rest", held(server), 700, least=False, unit="MB"),
        bar("batch worker: memory at rest", held(worker), 900, least=False, unit="MB"),
        bar("batch worker: memory, last ÷ second round", growth(rounds, ours), 1.05, least=False),
        bar(
            "server: memory, last ÷ second round",
            growth(rounds, "server, 64 callers"),
            1.05,
            least=False,
        ),
    ]
    return found
