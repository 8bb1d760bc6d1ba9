"""Background jobs of the batcher: last, a window at a time, and in nobody's way."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from quotewire.errors import DrainingError, OverloadedError
from quotewire.serving.batcher import Batcher
from tests.serving.batches import PATIENCE_S, Forward, Piece, block, submit


def background(batcher: Batcher[Piece, str], *names: str) -> Future[list[str]]:
    return batcher.submit([Piece(name) for name in names], background=True)


def test_background_jobs_come_last_and_a_window_at_a_time(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    running = block(batcher, forward)
    shadow = background(batcher, "x", "y")
    first = submit(batcher, "a", "b")
    second = submit(batcher, "c")
    forward.open()
    for future in (running, first, second, shadow):
        future.result(PATIENCE_S)
    assert shadow.result() == ["X", "Y"]
    assert forward.batches[1:] == [["a", "b", "c"], ["x"], ["y"]]


def test_a_foreground_job_goes_between_the_windows_of_a_background_job(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    shadow = background(batcher, "x", "y")
    forward.wait_entered()
    first = submit(batcher, "a")
    forward.open()
    assert first.result(PATIENCE_S) == ["A"]
    assert shadow.result(PATIENCE_S) == ["X", "Y"]
    assert forward.batches == [["x"], ["a"], ["y"]]


def test_background_jobs_take_no_room(batcher: Batcher[Piece, str], forward: Forward) -> None:
    block(batcher, forward)
    for _ in range(20):
        background(batcher, *"xyz")
    assert batcher.queued_tokens == 0
    batcher.check_room()
    submit(batcher, "full", pieces=100)
    with pytest.raises(OverloadedError):
        submit(batcher, "one more")
    background(batcher, "still")


def test_background_jobs_wait_until_they_may(forward: Forward) -> None:
    idle = threading.Event()
    made = Batcher(forward, tokens_per_batch=40, max_queue_tokens=100, may_idle=idle.is_set)
    forward.open()
    try:
        shadow = background(made, "x")
        assert submit(made, "a").result(PATIENCE_S) == ["A"]
        made.nudge()
        assert submit(made, "b").result(PATIENCE_S) == ["B"]
        assert not shadow.done()
        idle.set()
        made.nudge()
        assert shadow.result(PATIENCE_S) == ["X"]
        assert forward.batches == [["a"], ["b"], ["x"]]
    finally:
        made.close()


def test_a_background_job_that_is_withdrawn_is_not_scored(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    running = block(batcher, forward)
    shadow = background(batcher, "x")
    assert shadow.cancel()
    other = background(batcher, "y")
    forward.open()
    running.result(PATIENCE_S)
    assert other.result(PATIENCE_S) == ["Y"]
    assert forward.batches == [["blocker"], ["y"]]


def test_a_background_job_that_fails_fails_alone(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    forward.open()
    shadow = background(batcher, "poison", "y")
    with pytest.raises(ValueError, match="poisoned"):
        shadow.result(PATIENCE_S)
    assert submit(batcher, "a").result(PATIENCE_S) == ["A"]


def test_background_work_keeps_no_core_from_callers(
    pair: Batcher[Piece, str], forward: Forward
) -> None:
    shadow = background(pair, "x", "y")
    forward.wait_entered()
    caller = submit(pair, "a")
    forward.wait_entered()
    assert forward.batches == [["x"], ["a"]], "beside it, not after it"
    assert forward.threads == [1, 2]
    forward.open()
    assert caller.result(PATIENCE_S) == ["A"]
    assert shadow.result(PATIENCE_S) == ["X", "Y"]


def test_closing_fails_background_jobs_too(batcher: Batcher[Piece, str], forward: Forward) -> None:
    block(batcher, forward)
    shadow = background(batcher, "x")
    closing = threading.Thread(target=batcher.close)
    closing.start()
    with pytest.raises(DrainingError):
        shadow.result(PATIENCE_S)
    forward.open()
    closing.join(PATIENCE_S)
