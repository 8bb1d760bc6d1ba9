"""A run that is killed (-9) at any point and begun again ends with the rows of one that was not.

Real processes and real workers around the fake model (tests/batch/process.py); with
QUOTEWIRE_SOAK=1 (`make soak`) at more points.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT
from tests.load.harness import GIVE_UP_S, SOAK, report

pytestmark = pytest.mark.timeout(GIVE_UP_S)

SHARD = ["--shard-articles", "4"]
# Kills at so many random moments, by engine, and at these changes to the file system (a whole run
# makes some 90 of them).  `make soak` is to end within ten minutes; most of it is starting Ray.
RANDOM_KILLS = {"local": 50, "ray": 50} if SOAK else {"local": 1, "ray": 1}
CHANGES = range(2, 80, 4) if SOAK else (2, 14)
NODE_LOSSES = 3 if SOAK else 1
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",  # it would count as a change
    "RAY_worker_niceness": "0",
}


def start(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.batch.process", "score", *map(str, arguments)],
        cwd=ROOT,
        env={**ENVIRONMENT, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit code and what it said; nothing of it is left running."""
    try:
        _, said = process.communicate(timeout=GIVE_UP_S)
    finally:
        kill_all(process)
    return process.returncode, said


def kill_all(process: subprocess.Popen[str]) -> None:
    """The driver and its workers, at once."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def run(*arguments: str | Path, **environment: str) -> tuple[int, str]:
    return finish(start(*arguments, **environment))


def write(path: Path, texts: list[str]) -> Path:
    lines = [json.dumps({"id": f"a{n}", "text": text}) for n, text in enumerate(texts)]
    lines.insert(len(lines) // 2, "{broken")
    path.write_text("\n".join(lines) + "\n")
    return path


GOOD = [f"Ann{n} Lee{n} told Reuters the road number {n} is shut." for n in range(20)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("in") / "in.jsonl", GOOD)


def rows(out: Path) -> dict[str, list[dict[str, Any]]]:
    """All that a run gave, whatever its form; fails where a part is not there as its receipt says
    or anything else lies about."""
    run_folder = out.with_name(out.name + ".run") if out.suffix == ".jsonl" else out / "_run"
    letters = (run_folder / "dead_letters.jsonl").read_text().splitlines()
    assert not list(out.parent.rglob("*.partial")) and not list(run_folder.glob(".minhash*"))
    if out.suffix == ".jsonl":
        tables = {"lines": [json.loads(line) for line in out.read_text().splitlines()]}
    else:
        tables = {
            name: pq.read_table(out / name).sort_by([("article_row", "ascending")]).to_pylist()
            for name in ("statements", "articles")
        }
    return {**tables, "letters": [json.loads(letter) for letter in letters]}


@pytest.fixture(scope="module")
def undisturbed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The rows of runs that nobody disturbs, in this very form, by suffix."""
    folder = tmp_path_factory.mktemp("undisturbed")
    answers = {}
    for suffix in ("", ".jsonl"):
        out = folder / f"out{suffix}"
        code, said = run(source, "--out", out, "--workers", "0", *SHARD)
        assert code == 3, said
        answers[suffix] = rows(out)
    assert len(answers[""]["articles"]) == 21 and len(answers[".jsonl"]["lines"]) == 21
    assert len(answers[""]["statements"]) == 20 and len(answers[""]["letters"]) == 1
    return answers


@pytest.mark.parametrize(("who", "suffix"), [("driver", ".jsonl"), ("worker", "")])
def test_killed_at_each_step_and_resumed(
    source: Path, undisturbed: dict[str, Any], tmp_path: Path, who: str, suffix: str
) -> None:
    """In one process, which is driver and worker both, at its n-th change to the file system; a
    worker's are counted from its first shard on."""
    killed = 0
    for change in CHANGES:
        out = tmp_path / f"out{suffix}"
        command = [source, "--out", out, "--workers", "0", *SHARD]
        code, said = run(*command, QUOTEWIRE_TEST_DIE=f"{who}:{change}")
        killed += code == -signal.SIGKILL
        assert code in (-signal.SIGKILL, 3), said
        code, said = run(*command)
        assert code == 3, said
        assert rows(out) == undisturbed[suffix], f"after a kill at change {change}"
        for left in tmp_path.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    assert killed == len(CHANGES)
    report("killed at file system changes", who=who, form=suffix or "parquet", kills=killed)


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_killed_at_any_moment_again_and_again(
    source: Path, undisturbed: dict[str, Any], tmp_path: Path, engine: str
) -> None:
    """Driver and workers die together, as when the machine loses its power; every third time only
    the driver does."""
    out = tmp_path / "out"
    command = [source, "--out", out, "--workers", "2", "--engine", engine, *SHARD]
    chance = random.Random(5)
    kills = 0
    while kills < RANDOM_KILLS[engine]:
        process = start(*command, QUOTEWIRE_TEST_SLOW="0.3")
        _wait_for_receipts(out, kills % 5, process)
        time.sleep(chance.uniform(0, 0.5))
        process.kill() if kills % 3 == 2 else kill_all(process)
        code, said = finish(process)
        assert code in (-signal.SIGKILL, 3), said
        kills += 1
        if code == 3:  # it was done before
            assert rows(out) == undisturbed[""]
            shutil.rmtree(out)
    code, said = run(*command)
    assert code == 3, said
    assert rows(out) == undisturbed[""]
    report("killed at any moment", engine=engine, kills=kills)


def _wait_for_receipts(out: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Until the run has begun and so many shards are done in all (or it ends)."""
    receipts = out / "_run" / "receipts"
    while process.poll() is None:
        if receipts.is_dir() and len(list(receipts.glob("part-*.json"))) >= count:
            return
        time.sleep(0.01)


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_killed_worker_is_replaced(
    source: Path, undisturbed: dict[str, Any], tmp_path: Path, engine: str
) -> None:
    """Each worker that ever starts is killed at the 20th change it makes, in its second shard: a
    shard takes 11, and what libraries try out in their first one takes a few more."""
    out = tmp_path / "out"
    code, said = run(
        source, "--out", out, "--workers", "1", "--engine", engine, *SHARD,
        QUOTEWIRE_TEST_DIE="worker:20",
    )  # fmt: skip
    assert code == 3, said
    assert "its worker died" in said and "it is done again" in said
    assert rows(out) == undisturbed[""]


def test_a_lost_node_is_done_without(
    source: Path,
    undisturbed: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cluster of two nodes on this machine, each with a raylet and a worker of its own; one is
    lost (its raylet killed, -9) in mid-run, and the run goes on with the other.  A driver belongs
    to the head node where there are several on its machine."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("QUOTEWIRE_TEST_SLOW", "0.3")  # nodes inherit it, not workers of the driver
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    deaths = 0  # of workers that had a shard; a node may go before its worker has begun
    try:
        for loss in range(NODE_LOSSES):
            out = tmp_path / f"out{loss}"
            second = cluster.add_node(num_cpus=1)
            process = start(
                source, "--out", out, "--workers", "2", "--engine", "ray",
                "--address", cluster.address, *SHARD,
            )  # fmt: skip
            _wait_for_receipts(out, 2 + loss, process)
            cluster.remove_node(second, allow_graceful=False)
            code, said = finish(process)
            assert code == 3, said
            assert rows(out) == undisturbed[""]
            deaths += said.count("its worker died")
    finally:
        cluster.shutdown()
    report("lost nodes", losses=NODE_LOSSES, deaths_on_a_shard=deaths)


def test_articles_that_kill_their_worker_become_dead_letters(tmp_path: Path) -> None:
    texts = [*GOOD[:9]]
    texts[1], texts[6] = "KILL", "HOARD"
    source = write(tmp_path / "in.jsonl", texts)
    out = tmp_path / "out.jsonl"
    code, said = run(source, "--out", out, "--workers", "2", *SHARD)
    assert code == 3, said
    found = rows(out)
    letters = {letter["record"]: letter["reason"] for letter in found["letters"]}
    assert letters == {1: "worker", 4: "syntax", 7: "worker"}
    assert [len(line["statements"]) for line in found["lines"]] == [1, 0, 1, 1, 0, 1, 1, 0, 1, 1]


def test_an_input_that_vanishes_in_mid_run_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    """The other input is scored; once it is back, the same command does what is left."""
    first = write(tmp_path / "a.jsonl", GOOD[:8])
    second = write(tmp_path / "b.jsonl", GOOD[8:])
    out, expected = tmp_path / "out", tmp_path / "expected"
    options = ["--workers", "1", *SHARD]
    assert run(first, second, "--out", expected, *options)[0] == 3
    process = start(first, second, "--out", out, *options, QUOTEWIRE_TEST_SLOW="0.3")
    _wait_for_receipts(out, 1, process)
    second.rename(tmp_path / "away")
    code, said = finish(process)
    assert code == 1, said
    assert "could not be done" in said and f"No such file or directory: '{second}'" in said
    done = sorted(path.name for path in (out / "articles").glob("*.parquet"))
    assert done == ["part-000000.parquet", "part-000001.parquet", "part-000002.parquet"]
    (tmp_path / "away").rename(second)
    assert run(first, second, "--out", out, *options)[0] == 3
    assert rows(out) == rows(expected)


def test_what_changed_since_is_refused(tmp_path: Path) -> None:
    source, out = write(tmp_path / "in.jsonl", GOOD[:6]), tmp_path / "out"
    command = [source, "--out", out, "--workers", "0", *SHARD]
    assert run(*command, QUOTEWIRE_TEST_DIE="worker:12")[0] == -signal.SIGKILL
    done = sorted(path.name for path in (out / "articles").glob("*.parquet"))
    assert done == ["part-000000.parquet"]
    write(source, GOOD[:7])
    code, said = run(*command, QUOTEWIRE_TEST_DIGEST="1")
    assert code == 2
    assert f"the input {source} has changed since" in said and "model was fake@1.0.0" in said
    assert sorted(path.name for path in (out / "articles").glob("*.parquet")) == done


def test_two_runs_at_once_are_refused(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [source, "--out", out, "--workers", "0", *SHARD]
    first = start(*command, QUOTEWIRE_TEST_SLOW="60")
    try:
        _wait_for_receipts(out, 0, first)
        code, said = run(*command)
        assert code == 2 and f"process {first.pid}) is working on it" in said
    finally:
        kill_all(first)
        finish(first)


def test_a_full_disk_ends_the_run_and_loses_nothing(
    source: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    """A limit on the size of files stands for the disk's end: the same error, at the same place."""
    out = tmp_path / "out"
    command = [source, "--out", out, "--workers", "1", *SHARD]
    code, said = run(*command, QUOTEWIRE_TEST_FULL="1")
    assert code == 1 and "the output cannot be written" in said
    assert "Traceback" not in said and "goes on from here" in said
    assert run(*command)[0] == 3
    assert rows(out) == undisturbed[""]
