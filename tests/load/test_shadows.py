"""What a shadow model costs the callers: nothing that can be told from noise; what finds no room is
dropped and counted."""

from __future__ import annotations

import asyncio
import gc
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
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

# Calls arrive at random moments, but none while another one is in work as a rule: where callers
# wait for one another, a 99th percentile tells of nothing else.  Many come while the shadow is.
RATE_PER_S = 20.0
SECONDS, ROUNDS = (5.0, 6) if SOAK else (0.5, 1)
WORDS = 200
# Articles of one batch, and how many of them may wait for the shadow.
BATCH, WAITING = 60, 8
TOKENS_PER_S = 20_000.0
# The names that tests/load/process.py gives the models that it loads.
BASE, NEXT = "fake@1.0.0", "fake@1.0.1"

MODELS = f"""
models = [{{ folder = "one" }}, {{ folder = "two" }}]
[aliases]
control = "{BASE}"
shadowed = "{BASE}"
"""
SERVED = f"""
[[experiments]]
name = "{{name}}"
coverage = 1
requests = {{requests}}
[[experiments.variants]]
name = "base"
model = "{BASE}"
"""
SHADOW = f"""
[[experiments.variants]]
name = "next"
model = "{NEXT}"
shadow = true
"""
# The same experiment without a shadow, with one, without one again; and no experiment at all: who
# asks for a version is in none.
ASKED = {"control": "control", "shadow": "shadowed", "again": "control", "none": BASE}
pytestmark = pytest.mark.timeout(GIVE_UP_S)


async def latencies(client: AsyncClient, *, model: str, seed: int) -> list[float]:
    """Seconds of each call of an open loop, in order: one call at a random moment of the first half
    of each of RATE_PER_S intervals a second, at the same moments with the same seed."""
    moments = np.random.default_rng(seed).random(int(SECONDS * RATE_PER_S)) / 2
    begun = time.monotonic()

    async def call(number: int) -> float:
        due = begun + (number + moments[number]) / RATE_PER_S
        await asyncio.sleep(max(due - time.monotonic(), 0))
        started = time.monotonic()
        extraction = await client.extract(
            article(number, words=WORDS), model=model, timeout_s=PATIENCE_S
        )
        taken = time.monotonic() - started
        check(number, extraction, words=WORDS)
        return taken

    with no_garbage_collected():
        return await asyncio.gather(*map(call, range(len(moments))))


@contextmanager
def no_garbage_collected() -> Iterator[None]:
    """The test's own pauses are none of the server's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The settings of a server with a model and its shadow."""
    models, experiments = tmp_path / "models.toml", tmp_path / "experiments.toml"
    models.write_text(MODELS, encoding="utf-8")
    control = SERVED.format(name="control", requests='["control"]')
    shadow = SERVED.format(name="shadow", requests='["", "shadowed"]') + SHADOW
    experiments.write_text(control + shadow, encoding="utf-8")
    return {
        "models_file": models,
        "experiments_file": experiments,
        "experiments_log": tmp_path / "log",
    }


async def test_a_shadow_costs_callers_nothing(files: dict[str, Path]) -> None:
    """The same traffic through an experiment without and with a shadow as slow as the model, in
    turns.  The figures are reported, and held by the soak alone: a busy machine must not fail a
    test."""
    figures: dict[str, list[float]] = {arm: [] for arm in ASKED}
    metrics_port = free_port()
    with ServerProcess(tokens_per_s=TOKENS_PER_S, metrics_port=metrics_port, **files) as server:
        async with AsyncClient(server.target) as client:
            for turn in range(ROUNDS):
                arms = list(ASKED)
                for arm in arms[turn % 4 :] + arms[: turn % 4]:  # each is first, second, … in turn
                    figures[arm] += await latencies(client, model=ASKED[arm], seed=turn)
                    counted = await settled(metrics_port, offered=len(figures["shadow"]))
        server.end()
        assert "ERROR" not in server.log
    rows = list(read_exposures(str(files["experiments_log"])))
    for name, calls in (
        ("shadow", figures["shadow"]),
        ("control", figures["control"] + figures["again"]),
    ):
        served = [row for row in rows if (row.experiment, row.role) == (name, Role.SERVED)]
        assert len(served) == len(calls) > 0
    assert sum(row.role is Role.SHADOW for row in rows) == counted["done"]
    assert counted["failed"] == 0
    assert {row.error for row in rows} == {None}
    milliseconds = {arm: 1000 * np.array(seconds) for arm, seconds in figures.items()}
    control = [milliseconds["control"], milliseconds["again"]]
    cost = p99_difference([milliseconds["shadow"]], control)
    noise = p99_difference(control[1:], control[:1])
    told = {
        "none": milliseconds["none"],
        "without": np.concatenate(control),
        "with": milliseconds["shadow"],
    }
    report(
        "a shadow's cost",
        calls=len(figures["shadow"]),
        shadowed=counted["done"],
        dropped=counted["dropped"],
        **{
            f"{name}_p{percent}_ms": round(float(np.percentile(values, percent)), 2)
            for name, values in told.items()
            for percent in (50, 95, 99)
        },
        p99_with_minus_without_ms=cost,
        p99_without_minus_without_ms=noise,
        mean_with_minus_without_ms=mean_difference(milliseconds["shadow"], np.mean(control, 0)),
        mean_without_minus_none_ms=mean_difference(np.mean(control, 0), milliseconds["none"]),
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


def p99_difference(
    a: list[np.ndarray], b: list[np.ndarray], *, resamples: int = 2000
) -> tuple[float, float]:
    """By how much the 99th percentile of all of ``a`` exceeds that of ``b``: a 95% interval by
    bootstrap (percentile method; Efron 1979).

    Each array has one value for each moment of the schedule; moments are drawn, and all arrays
    give their values of these, since the same calls met one another in all of them.
    """
    generator = np.random.default_rng(0)
    drawn = generator.integers(len(a[0]), size=(resamples, len(a[0])))

    def p99(arrays: list[np.ndarray]) -> np.ndarray:
        return np.percentile(np.concatenate([one[drawn] for one in arrays], axis=1), 99, axis=1)

    low, high = np.percentile(p99(a) - p99(b), (2.5, 97.5))
    return round(float(low), 2), round(float(high), 2)


def mean_difference(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """How much more ``a`` is than ``b``, call by call: a 95% interval by the normal distribution,
    the 1% at either end cut off (one hiccup of the machine is no difference)."""
    differences = np.sort(a - b)
    cut = len(differences) // 100
    kept = differences[cut : len(differences) - cut]
    half = 1.96 * float(kept.std(ddof=1)) / len(kept) ** 0.5
    return round(float(kept.mean()) - half, 2), round(float(kept.mean()) + half, 2)
