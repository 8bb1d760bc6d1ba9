"""What a shadow model costs the callers: nothing that can be told from noise; what finds no room is
dropped and counted."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from quotewire.client import AsyncClient
from quotewire.experiments.logs import read_exposures
from quotewire.experiments.records import Role
from tests.load.harness import (
    GIVE_UP_S,
    PATIENCE_S,
    SOAK,
    ServerProcess,
    article,
    check,
    free_port,
    report,
)

# Calls arrive at a pace of their own, at about a third of what the model can do.
RATE_PER_S = 10.0
SECONDS, TURNS = (20.0, 3) if SOAK else (1.0, 1)
WORDS = 200
# Articles of one batch, and how many of them may wait for the shadow.
BATCH, WAITING = 60, 8
TOKENS_PER_S = 10_000.0
# The names that tests/load/process.py gives the models that it loads.
BASE, NEXT = "fake@1.0.0", "fake@1.0.1"

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


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The settings of a server with a model and its shadow."""
    models, experiments = tmp_path / "models.toml", tmp_path / "experiments.toml"
    models.write_text('[[models]]\nfolder = "one"\n[[models]]\nfolder = "two"\n', encoding="utf-8")
    experiments.write_text(SHADOW.format(base=BASE, next=NEXT), encoding="utf-8")
    return {
        "models_file": models,
        "experiments_file": experiments,
        "experiments_log": tmp_path / "log",
    }


async def test_a_shadow_costs_callers_nothing(files: dict[str, Path]) -> None:
    """The same traffic without, with and again without a shadow as slow as the model, in turns.
    The figures are reported, and held by the soak alone: a busy machine must not fail a test."""
    figures: dict[str, list[float]] = {"before": [], "with": [], "after": []}
    metrics_port = free_port()
    with ServerProcess(tokens_per_s=TOKENS_PER_S, metrics_port=metrics_port, **files) as server:
        async with AsyncClient(server.target) as client:
            for _ in range(TURNS):
                # Who asks for a version is in no experiment.
                figures["before"] += await latencies(client, seconds=SECONDS, model=BASE)
                figures["with"] += await latencies(client, seconds=SECONDS)
                await asyncio.sleep(SECONDS / 10)  # the shadow's last articles
                figures["after"] += await latencies(client, seconds=SECONDS, model=BASE)
        counted = await settled(metrics_port, offered=len(figures["with"]))
        server.end()
        assert "ERROR" not in server.log
    rows = list(read_exposures(str(files["experiments_log"])))
    served = sum(row.role is Role.SERVED for row in rows)
    assert served == len(figures["with"]) == TURNS * int(SECONDS * RATE_PER_S)
    assert sum(row.role is Role.SHADOW for row in rows) == counted["done"]
    assert counted["failed"] == 0
    assert {row.error for row in rows} == {None}
    without = figures["before"] + figures["after"]
    cost = difference(without, figures["with"])
    noise = difference(figures["before"], figures["after"])
    report(
        "shadow",
        calls=served,
        shadowed=counted["done"],
        dropped=counted["dropped"],
        **{
            f"{name}_p{percent}_ms": round(1000 * float(np.percentile(values, percent)), 2)
            for name, values in (("without", without), ("with", figures["with"]))
            for percent in (50, 95, 99)
        },
        p99_with_minus_without_ms=[round(1000 * bound, 2) for bound in cost],
        p99_without_minus_without_ms=[round(1000 * bound, 2) for bound in noise],
    )
    if SOAK:
        assert cost[0] <= max(noise[1], 0), "p99 grows by more than noise"


async def test_what_finds_no_room_is_dropped_and_counted(files: dict[str, Path]) -> None:
    """More articles at once than may wait: callers get all of their answers, and each article was
    scored by the shadow or counted as dropped."""
    metrics_port = free_port()
    with ServerProcess(
        tokens_per_s=TOKENS_PER_S,
        metrics_port=metrics_port,
        shadow_queue_articles=WAITING,
        **files,
    ) as server:
        async with AsyncClient(server.target) as client:
            answers = await client.batch(
                [article(number, words=WORDS) for number in range(BATCH)], timeout_s=PATIENCE_S
            )
            for number, answer in enumerate(answers):
                check(number, answer.extraction, words=WORDS)
        counted = await settled(metrics_port, offered=BATCH)
        server.end()
    assert counted["dropped"] > 0
    roles = [row.role for row in read_exposures(str(files["experiments_log"]))]
    assert roles.count(Role.SERVED) == BATCH
    assert roles.count(Role.SHADOW) == counted["done"] == BATCH - counted["dropped"]
    report("shadow dropped", offered=BATCH, room=WAITING, **counted)


async def settled(metrics_port: int, *, offered: int) -> dict[str, int]:
    """What became of the articles offered to the shadow, once it is known of each."""
    ends = time.monotonic() + PATIENCE_S
    while True:
        counted = await asyncio.to_thread(outcomes, metrics_port)
        if sum(counted.values()) == offered:
            return counted
        assert time.monotonic() < ends, f"{counted} of {offered}"
        await asyncio.sleep(0.1)


def outcomes(metrics_port: int) -> dict[str, int]:
    """quotewire_shadow_articles_total by outcome."""
    counted = {"done": 0, "failed": 0, "dropped": 0}
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=30) as page:
        for family in text_string_to_metric_families(page.read().decode()):
            for sample in family.samples:
                if sample.name == "quotewire_shadow_articles_total":
                    counted[sample.labels["outcome"]] += int(sample.value)
    return counted


def difference(a: list[float], b: list[float], *, resamples: int = 2000) -> tuple[float, float]:
    """How much later the 99th percentile of b is than that of a: a 95% interval by bootstrap over
    calls (percentile method; Efron 1979)."""
    generator = np.random.default_rng(0)

    def p99(values: list[float]) -> np.ndarray:
        drawn = generator.choice(np.asarray(values), (resamples, len(values)))
        return np.percentile(drawn, 99, axis=1)

    low, high = np.percentile(p99(b) - p99(a), (2.5, 97.5))
    return float(low), float(high)
