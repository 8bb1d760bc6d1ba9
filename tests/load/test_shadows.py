"""What a shadow model costs the callers: nothing that can be told from noise."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from quotewire.client import AsyncClient
from quotewire.experiments.logs import read_exposures
from quotewire.experiments.records import Role
from tests.load.harness import GIVE_UP_S, PATIENCE_S, SOAK, ServerProcess, article, check, report

# Calls arrive at a pace of their own, at about a third of what the model can do.
RATE_PER_S = 10.0
SECONDS = 60.0 if SOAK else 1.0
WORDS = 200
TOKENS_PER_S = 10_000.0
QUEUE_ARTICLES = 32

SHADOW = """
[[experiments]]
name = "cost"
coverage = {coverage}
[[experiments.variants]]
name = "base"
model = "{base}"
[[experiments.variants]]
name = "next"
model = "{next}"
shadow = true
"""
pytestmark = pytest.mark.timeout(GIVE_UP_S)


async def latencies(client: AsyncClient, *, seconds: float, words: int) -> list[float]:
    """Seconds of each call of an open loop, ascending."""
    begun = time.monotonic()

    async def call(number: int) -> float:
        due = begun + number / RATE_PER_S
        await asyncio.sleep(max(due - time.monotonic(), 0))
        started = time.monotonic()
        extraction = await client.extract(article(number, words=words), timeout_s=PATIENCE_S)
        seconds = time.monotonic() - started
        check(number, extraction, words=words)
        return seconds

    return sorted(await asyncio.gather(*map(call, range(int(seconds * RATE_PER_S)))))


async def test_a_shadow_costs_callers_nothing(tmp_path: Path) -> None:
    """The same traffic without and with a shadow as slow as the model, twice each, in turns; the
    figures are reported (a busy machine must not fail a test), the counts hold."""
    models = tmp_path / "models.toml"
    models.write_text('[[models]]\nfolder = "one"\n[[models]]\nfolder = "two"\n', encoding="utf-8")
    experiments = tmp_path / "experiments.toml"
    figures: dict[str, list[float]] = {"without": [], "with": []}
    # The names that tests/load/process.py gives the models that it loads.
    base, following = "fake@1.0.0", "fake@1.0.1"

    def write(coverage: int) -> None:
        text = SHADOW.format(coverage=coverage, base=base, next=following)
        experiments.write_text(text, encoding="utf-8")

    for coverage, name in ((0, "without"), (1, "with")) * 2:
        write(coverage)
        with ServerProcess(
            tokens_per_s=TOKENS_PER_S,
            models_file=models,
            experiments_file=experiments,
            shadow_queue_articles=QUEUE_ARTICLES,
        ) as server:
            async with AsyncClient(server.target) as client:
                await latencies(client, seconds=SECONDS / 10, words=WORDS)  # warm
                figures[name] += await latencies(client, seconds=SECONDS, words=WORDS)
            server.end()
            assert "ERROR" not in server.log
    rows = list(read_exposures(str(tmp_path / "experiments-log")))
    served = sum(row.role is Role.SERVED for row in rows)
    shadowed = sum(row.role is Role.SHADOW for row in rows)
    assert served == 2 * (int(SECONDS * RATE_PER_S) + int(SECONDS / 10 * RATE_PER_S))
    assert 0 < shadowed <= served
    assert {row.error for row in rows} == {None}
    report(
        "shadow",
        calls=len(figures["with"]),
        shadowed_share=round(shadowed / served, 3),
        **{
            f"{name}_p{percent}_ms": round(1000 * quantile(sorted(values), percent / 100), 2)
            for name, values in figures.items()
            for percent in (50, 95, 99)
        },
    )


def quantile(values: list[float], share: float) -> float:
    """The smallest value that at least ``share`` of the ascending values do not pass."""
    return values[min(int(share * len(values)), len(values) - 1)]
