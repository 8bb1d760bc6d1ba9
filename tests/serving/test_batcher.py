"""The batcher alone, around a forward function that a test can hold back or make fail."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quotewire.errors import DeadlineError, DrainingError, OverloadedError
from quotewire.serving.batcher import Batcher
from quotewire.serving.jobs import BatchFacts
from tests.serving.batches import PATIENCE_S, Forward, Piece, block, submit


def test_scores_come_back_in_the_order_of_the_windows(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    forward.open()
    windows = [Piece("long", 40), Piece("short", 1), Piece("middle", 20)]
    assert batcher.submit(windows).result(PATIENCE_S) == ["LONG", "SHORT", "MIDDLE"]


def test_no_windows_need_no_model(batcher: Batcher[Piece, str], forward: Forward) -> None:
    assert batcher.submit([]).result(0) == []
    assert forward.batches == []


def test_callers_share_batches_within_the_token_budget(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    block(batcher, forward)
    futures = [submit(batcher, f"w{n}") for n in range(6)]
    forward.open()
    assert [future.result(PATIENCE_S) for future in futures] == [[f"W{n}"] for n in range(6)]
    assert [len(batch) for batch in forward.batches] == [1, 4, 2]


def test_windows_of_like_length_share_a_batch(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    block(batcher, forward)
    long, short = submit(batcher, "long", pieces=20), submit(batcher, "short", "tiny", pieces=2)
    other = submit(batcher, "other", pieces=20)
    forward.open()
    for future in (long, short, other):
        future.result(PATIENCE_S)
    assert {"long", "other"} == set(forward.batches[1])


def test_a_window_beyond_the_budget_goes_alone(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    block(batcher, forward)
    futures = [submit(batcher, "huge", pieces=99), submit(batcher, "small", pieces=1)]
    forward.open()
    for future in futures:
        future.result(PATIENCE_S)
    assert ["huge"] in forward.batches


def test_a_long_job_does_not_hold_up_the_short_one_behind_it(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    block(batcher, forward)
    long = submit(batcher, "long0", "long1", pieces=40)
    short = submit(batcher, "short", pieces=1)
    forward.open()
    short.result(PATIENCE_S)
    long.result(PATIENCE_S)
    assert "short" in {name for batch in forward.batches[:3] for name in batch}


@pytest.mark.parametrize("kind", ["poison", "exit"])
def test_a_failing_batch_fails_its_own_caller_only(
    batcher: Batcher[Piece, str], forward: Forward, kind: str
) -> None:
    block(batcher, forward)
    good, bad, fine = (submit(batcher, name) for name in ("good", kind, "fine"))
    forward.open()
    assert good.result(PATIENCE_S) == ["GOOD"]
    assert fine.result(PATIENCE_S) == ["FINE"]
    with pytest.raises((ValueError, SystemExit)):
        bad.result(PATIENCE_S)
    assert submit(batcher, "later").result(PATIENCE_S) == ["LATER"], "the worker lives on"


def test_a_failed_job_takes_its_other_windows_with_it(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    block(batcher, forward)
    bad = submit(batcher, "poison", *(f"rest{n}" for n in range(3)), pieces=40)
    forward.open()
    with pytest.raises(ValueError, match="poisoned"):
        bad.result(PATIENCE_S)
    assert submit(batcher, "later").result(PATIENCE_S) == ["LATER"]
    assert not any("rest" in name for batch in forward.batches for name in batch)


def test_a_model_that_loses_windows_is_an_error() -> None:
    batcher: Batcher[Piece, str] = Batcher(
        lambda windows, threads: [], tokens_per_batch=40, max_queue_tokens=100
    )
    try:
        with pytest.raises(RuntimeError, match="1 windows got 0 scores"):
            submit(batcher, "lost").result(PATIENCE_S)
    finally:
        batcher.close()


def test_cancelled_work_never_reaches_the_model(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    block(batcher, forward)
    unwanted, wanted = submit(batcher, "unwanted"), submit(batcher, "wanted")
    assert unwanted.cancel()
    forward.open()
    assert wanted.result(PATIENCE_S) == ["WANTED"]
    assert "unwanted" not in {name for batch in forward.batches for name in batch}


def test_a_caller_who_cancels_during_the_batch_harms_nobody_in_it(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    blocker = block(batcher, forward)
    assert blocker.cancel()
    other = submit(batcher, "other")
    forward.open()
    assert other.result(PATIENCE_S) == ["OTHER"]


def test_work_past_its_deadline_is_dropped(batcher: Batcher[Piece, str], forward: Forward) -> None:
    block(batcher, forward)
    late = batcher.submit([Piece("late")], deadline=time.monotonic())
    forward.open()
    with pytest.raises(DeadlineError):
        late.result(PATIENCE_S)
    assert "late" not in {name for batch in forward.batches for name in batch}


def test_a_full_queue_refuses_and_says_when_to_come_again(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    block(batcher, forward)
    submit(batcher, "enough", pieces=100)
    with pytest.raises(OverloadedError, match="100 tokens wait, the limit is 100") as caught:
        submit(batcher, "more", pieces=1)
    assert caught.value.retry_after_s > 0
    with pytest.raises(OverloadedError):
        batcher.check_room()


def test_no_job_is_refused_for_its_own_size(batcher: Batcher[Piece, str], forward: Forward) -> None:
    block(batcher, forward)
    submit(batcher, "little", pieces=1)
    giant = submit(batcher, *(f"g{n}" for n in range(50)), pieces=40)
    forward.open()
    assert len(giant.result(PATIENCE_S)) == 50


def test_whoever_waits_for_room_gets_it(batcher: Batcher[Piece, str], forward: Forward) -> None:
    block(batcher, forward)
    submit(batcher, "enough", pieces=100)
    room = batcher.when_room()
    assert not room.done()
    forward.open()
    room.result(PATIENCE_S)
    assert submit(batcher, "next").result(PATIENCE_S) == ["NEXT"]


def test_a_wait_beyond_the_deadline_is_refused_at_once(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    # A batch that surely took a while, so that the speed is known and low.
    slow = block(batcher, forward)
    time.sleep(0.05)
    forward.release()
    slow.result(PATIENCE_S)
    block(batcher, forward)
    submit(batcher, "waiting", pieces=40)
    with pytest.raises(OverloadedError, match="predicted wait"):
        batcher.submit([Piece("hasty")], deadline=time.monotonic())
    with batcher.reserve(1, patient=True):
        batcher.submit([Piece("patient")], deadline=time.monotonic(), admitted=True)


def test_the_predicted_wait_counts_the_job_itself_and_the_running_batch(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    slow = block(batcher, forward)
    time.sleep(0.2)
    forward.release()
    slow.result(PATIENCE_S)  # 10 tokens in 0.2 s or more: at most 50 a second
    block(batcher, forward)
    soon = time.monotonic() + 0.1
    with pytest.raises(OverloadedError, match="predicted wait"):
        batcher.submit([Piece("long", 40)], deadline=soon)
    with pytest.raises(OverloadedError, match="predicted wait"), batcher.reserve(40, deadline=soon):
        pass
    with pytest.raises(OverloadedError, match="predicted wait"):
        batcher.check_room(deadline=time.monotonic() + 0.1)


def test_whoever_comes_to_an_idle_worker_is_let_in(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    """However slow it was a moment ago: nothing else would show that it no longer is."""
    slow = block(batcher, forward)
    time.sleep(0.2)
    forward.release()
    slow.result(PATIENCE_S)
    forward.open()
    soon = time.monotonic() + 0.01  # by that speed it would take 0.8 s
    batcher.check_room(deadline=soon)
    with batcher.reserve(40, deadline=soon):
        assert batcher.submit([Piece("long", 40)], admitted=True).result(PATIENCE_S) == ["LONG"]


def test_tiny_batches_do_not_make_the_worker_look_slow(forward: Forward) -> None:
    """A batch costs something however little is in it."""
    batcher = Batcher(forward, tokens_per_batch=80_000, max_queue_tokens=100_000)
    try:
        for _ in range(3):  # one token in 0.05 s or more: at most 20 a second
            tiny = batcher.submit([Piece("tiny", 1)])
            forward.wait_entered()
            time.sleep(0.05)
            forward.release()
            tiny.result(PATIENCE_S)
        block(batcher, forward)
        # By 20 tokens a second 50 minutes; by an eighth of a full batch each time, 0.3 s.
        batcher.submit([Piece("long", 60_000)], deadline=time.monotonic() + 600)
    finally:
        forward.open()
        batcher.close()


def test_reserved_room_is_taken_until_it_is_given_back(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    with batcher.reserve(100):
        with pytest.raises(OverloadedError, match="100 tokens wait"):
            submit(batcher, "more")
        forward.open()
        admitted = batcher.submit([Piece("admitted")], admitted=True)
        assert admitted.result(PATIENCE_S) == ["ADMITTED"]
        room = batcher.when_room()
        assert not room.done()
    room.result(PATIENCE_S)
    assert submit(batcher, "more").result(PATIENCE_S) == ["MORE"]


def test_patient_callers_leave_half_of_the_queue_to_others(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    block(batcher, forward)
    submit(batcher, "half", pieces=50)
    with (
        pytest.raises(OverloadedError, match="the limit is 50"),
        batcher.reserve(1, patient=True),
    ):
        pass
    assert not batcher.when_room().done()
    with batcher.reserve(1):
        pass


def test_what_is_cancelled_makes_room_at_once(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    block(batcher, forward)
    waiting, room = submit(batcher, "unwanted", pieces=100), batcher.when_room()
    assert waiting.cancel()
    assert batcher.queued_tokens == 0
    room.result(PATIENCE_S)
    batcher.check_room()


def test_batches_and_waits_are_told(forward: Forward) -> None:
    facts: list[BatchFacts] = []
    spans: list[tuple[float, float]] = []
    batcher = Batcher(forward, tokens_per_batch=40, max_queue_tokens=100, on_batch=facts.append)
    try:
        block(batcher, forward)
        future = batcher.submit(
            [Piece("a", 20), Piece("b", 10)], on_batch=lambda *span: spans.append(span)
        )
        assert batcher.oldest_wait_s > 0
        forward.open()
        future.result(PATIENCE_S)
    finally:
        batcher.close()
    last = facts[-1]
    assert (last.tokens, last.windows, last.longest) == (30, 2, 20)
    assert last.padding_ratio == 0.25
    [(began, ended)] = spans
    assert ended - began == last.seconds
    assert batcher.oldest_wait_s == 0


def test_closing_fails_what_is_queued_and_refuses_more(
    batcher: Batcher[Piece, str], forward: Forward
) -> None:
    running = block(batcher, forward)
    queued, room = submit(batcher, "queued", pieces=100), batcher.when_room()
    closing = threading.Thread(target=batcher.close)
    closing.start()
    with pytest.raises(DrainingError):
        queued.result(PATIENCE_S)
    room.result(PATIENCE_S)
    with pytest.raises(DrainingError):
        submit(batcher, "more")
    forward.open()
    closing.join(PATIENCE_S)
    assert running.result(PATIENCE_S) == ["BLOCKER"], "the running batch is still answered"


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(1, 60), max_size=6), max_size=12))
def test_every_window_is_scored_once_and_batches_keep_the_budget(jobs: list[list[int]]) -> None:
    forward = Forward()
    batcher = Batcher(forward, tokens_per_batch=50, max_queue_tokens=100_000)
    try:
        block(batcher, forward)
        futures = [
            batcher.submit([Piece(f"{job}.{n}", size) for n, size in enumerate(sizes)])
            for job, sizes in enumerate(jobs)
        ]
        forward.open()
        for job, (sizes, future) in enumerate(zip(jobs, futures, strict=True)):
            assert future.result(PATIENCE_S) == [f"{job}.{n}" for n in range(len(sizes))]
    finally:
        batcher.close()
    names = [name for batch in forward.batches[1:] for name in batch]
    assert len(names) == len(set(names)) == sum(map(len, jobs))
    for sizes in forward.sizes:
        assert len(sizes) == 1 or len(sizes) * max(sizes) <= 50
