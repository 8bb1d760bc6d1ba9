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
SECONDS, TURNS = (30.0, 4) if SOAK else (1.0, 1)
WORDS = 200
TOKENS_PER_S = 10_000.0

SHADOW = """
[[experiments]]
name = "cost"
coverage = 1
[[experiments.variants]]
name = "base"
model = "{base}"
[[experiments.variants]]
name = "next"
model = "{next}"
shadow = true
"""
pytestmark = pytest.mark.timeout(GIVE_UP_S)


async def latencies(client: AsyncClient, *, seconds: float, model: str = "") -> list[float]:
    """Seconds of each call of an open loop."""
    begun = time.monotonic()

    async def call(number: int) -> float:
        due = begun + number / RATE_PER_S
        await asyncio.sleep(max(due - time.monotonic(), 0))
        started = time.monotonic()
        extraction = await client.extract(
            article(number, words=WORDS), model=model, timeout_s=PATIENCE_S
        )
        taken = time.monotonic() - started
        check(number, extraction, words=WORDS)
        return taken

    return await asyncio.gather(*map(call, range(int(seconds * RATE_PER_S))))


async def test_a_shadow_costs_callers_nothing(tmp_path: Path) -> None:
    """The same traffic without and with a shadow as slow as the model, in turns; the figures are
    reported (a busy machine must not fail a test), the counts hold."""
    models, experiments = tmp_path / "models.toml", tmp_path / "experiments.toml"
    models.write_text('[[models]]\nfolder = "one"\n[[models]]\nfolder = "two"\n', encoding="utf-8")
    # The names that tests/load/process.py gives the models that it loads.
    base, following = "fake@1.0.0", "fake@1.0.1"
    experiments.write_text(SHADOW.format(base=base, next=following), encoding="utf-8")
    figures: dict[str, list[float]] = {"without": [], "with": []}
    with ServerProcess(
        tokens_per_s=TOKENS_PER_S, models_file=models, experiments_file=experiments
    ) as server:
        async with AsyncClient(server.target) as client:
            for _ in range(TURNS):
                # Who asks for a version is in no experiment.
                figures["without"] += await latencies(client, seconds=SECONDS, model=base)
                figures["with"] += await latencies(client, seconds=SECONDS)
                await asyncio.sleep(SECONDS / 10)  # the shadow's last articles
        server.end()
        assert "ERROR" not in server.log
    rows = list(read_exposures(str(tmp_path / "experiments-log")))
    served = sum(row.role is Role.SERVED for row in rows)
    shadowed = sum(row.role is Role.SHADOW for row in rows)
    assert served == len(figures["with"]) == TURNS * int(SECONDS * RATE_PER_S)
    assert shadowed <= served
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
