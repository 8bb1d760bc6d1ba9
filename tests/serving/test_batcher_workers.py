"""Batches that are computed side by side."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quotewire.errors import DrainingError
from quotewire.serving.batcher import Batcher
from quotewire.serving.cores import Cores
from tests.serving.batches import PATIENCE_S, Forward, Piece, block, submit


def test_one_batch_alone_gets_all_cores(pair: Batcher[Piece, str], forward: Forward) -> None:
    forward.open()
    for _ in range(20):
        assert submit(pair, "alone").result(PATIENCE_S) == ["ALONE"]
    assert forward.threads == [2] * 20
    assert len(forward.workers) == 1, "one worker does them all"


def test_what_comes_meanwhile_waits_for_cores(pair: Batcher[Piece, str], forward: Forward) -> None:
    block(pair, forward)
    later = submit(pair, "later")
    assert pair.queued_tokens == 10
    forward.open()
    assert later.result(PATIENCE_S) == ["LATER"]


def test_two_batches_are_computed_side_by_side(pair: Batcher[Piece, str], forward: Forward) -> None:
    future = submit(pair, "left", "right")
    forward.wait_entered()
    forward.wait_entered()
    assert sorted(forward.batches) == [["left"], ["right"]]
    assert forward.threads == [1, 1]
    assert pair.queued_tokens == 0
    forward.open()
    assert future.result(PATIENCE_S) == ["LEFT", "RIGHT"]


def test_what_waits_is_cut_evenly_within_the_budget(
    pair: Batcher[Piece, str], forward: Forward
) -> None:
    running = block(pair, forward)
    few = submit(pair, *(f"f{n}" for n in range(6)))
    forward.release()
    running.result(PATIENCE_S)
    forward.wait_entered()
    forward.wait_entered()
    assert [len(batch) for batch in forward.batches] == [1, 3, 3]
    many = submit(pair, *(f"m{n}" for n in range(16)))
    forward.open()
    for future in (few, many):
        future.result(PATIENCE_S)
    assert all(len(batch) <= 4 for batch in forward.batches)


@pytest.mark.parametrize("kind", ["poison", "exit"])
def test_a_batch_that_fails_does_not_hurt_the_one_beside_it(
    pair: Batcher[Piece, str], forward: Forward, kind: str
) -> None:
    running = block(pair, forward)
    bad, good = submit(pair, kind, pieces=40), submit(pair, "good", pieces=40)
    forward.release()
    running.result(PATIENCE_S)
    forward.wait_entered()
    forward.wait_entered()
    forward.open()
    with pytest.raises((ValueError, SystemExit)):
        bad.result(PATIENCE_S)
    assert good.result(PATIENCE_S) == ["GOOD"]
    later = [submit(pair, f"later{n}", pieces=40) for n in range(2)]
    assert [future.result(PATIENCE_S) for future in later] == [["LATER0"], ["LATER1"]]
    pair.check_room(deadline=time.monotonic())  # nothing is counted as in work any more


def test_a_job_that_fails_in_one_batch_is_done_with_in_the_other(
    pair: Batcher[Piece, str], forward: Forward
) -> None:
    running = block(pair, forward)
    bad = submit(pair, "poison", "innocent", pieces=40)
    forward.release()
    running.result(PATIENCE_S)
    forward.wait_entered()
    forward.wait_entered()
    forward.open()
    with pytest.raises(ValueError, match="poisoned"):
        bad.result(PATIENCE_S)
    assert submit(pair, "later").result(PATIENCE_S) == ["LATER"]


def test_closing_waits_for_both_batches(pair: Batcher[Piece, str], forward: Forward) -> None:
    both = submit(pair, "left", "right")
    forward.wait_entered()
    forward.wait_entered()
    queued = submit(pair, "queued")
    closing = threading.Thread(target=pair.close)
    closing.start()
    with pytest.raises(DrainingError):
        queued.result(PATIENCE_S)
    forward.release()
    closing.join(0.05)
    assert closing.is_alive(), "the other batch is still in work"
    forward.open()
    closing.join(PATIENCE_S)
    assert not closing.is_alive()
    assert both.result(PATIENCE_S) == ["LEFT", "RIGHT"], "running batches are still answered"


def test_two_models_share_the_cores_and_wait_for_none(forward: Forward) -> None:
    cores = Cores(2, batches=2)
    made = [
        Batcher(forward, tokens_per_batch=40, max_queue_tokens=400, cores=cores) for _ in range(2)
    ]
    try:
        first = block(made[0], forward)
        second = block(made[1], forward)  # begins although the first one has all cores
        assert forward.threads == [2, 1]
        forward.open()
        first.result(PATIENCE_S)
        second.result(PATIENCE_S)
    finally:
        forward.open()
        for batcher in made:
            batcher.close()


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(1, 60), max_size=6), max_size=12), st.integers(1, 5))
def test_several_workers_score_every_window_once(jobs: list[list[int]], count: int) -> None:
    forward = Forward()
    forward.open()
    batcher = Batcher(
        forward, tokens_per_batch=50, max_queue_tokens=100_000, cores=Cores(count, batches=count)
    )
    try:
        futures = [
            batcher.submit([Piece(f"{job}.{n}", size) for n, size in enumerate(sizes)])
            for job, sizes in enumerate(jobs)
        ]
        for job, (sizes, future) in enumerate(zip(jobs, futures, strict=True)):
            assert future.result(PATIENCE_S) == [f"{job}.{n}" for n in range(len(sizes))]
    finally:
        batcher.close()
    names = [name for batch in forward.batches for name in batch]
    assert len(names) == len(set(names)) == sum(map(len, jobs))
    for sizes in forward.sizes:
        assert len(sizes) == 1 or len(sizes) * max(sizes) <= 50
