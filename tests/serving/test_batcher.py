"""The batcher alone, around a forward function that a test can hold back or make fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quotewire.errors import DeadlineError, DrainingError, OverloadedError
from quotewire.serving.batcher import Batcher
from quotewire.serving.cores import Cores
from quotewire.serving.jobs import BatchFacts

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Piece:
    """A window; its score is its name in capitals."""

    name: str
    pieces: int = 10


class Forward:
    """Scores windows, one batch each time ``release`` is called (or freely once open)."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.sizes: list[list[int]] = []
        self.threads: list[int] = []
        self.workers: set[str] = set()
        self.entered = threading.Semaphore(0)
        self._permits = threading.Semaphore(0)
        self._free = False

    def __call__(self, windows: Sequence[Piece], threads: int) -> list[str]:
        self.batches.append([window.name for window in windows])
        self.sizes.append([window.pieces for window in windows])
        self.threads.append(threads)
        self.workers.add(threading.current_thread().name)
        self.entered.release()
        if not self._free:
            assert self._permits.acquire(timeout=PATIENCE_S)
        if any(window.name.startswith("poison") for window in windows):
            raise ValueError("poisoned")
        if any(window.name.startswith("exit") for window in windows):
            raise SystemExit("a library called exit()")
        return [window.name.upper() for window in windows]

    def wait_entered(self) -> None:
        assert self.entered.acquire(timeout=PATIENCE_S)

    def release(self) -> None:
        """Lets one batch through."""
        self._permits.release()

    def open(self) -> None:
        """Lets all through."""
        self._free = True
        self._permits.release(100)


@pytest.fixture
def forward() -> Forward:
    return Forward()


@pytest.fixture
def batcher(forward: Forward) -> Iterator[Batcher[Piece, str]]:
    made = Batcher(forward, tokens_per_batch=40, max_queue_tokens=100)
    yield made
    forward.open()
    made.close()


def block(batcher: Batcher[Piece, str], forward: Forward) -> Future[list[str]]:
    """Occupies the worker, so that what is submitted next has to queue."""
    future = batcher.submit([Piece("blocker")])
    forward.wait_entered()
    return future


def submit(batcher: Batcher[Piece, str], *names: str, pieces: int = 10) -> Future[list[str]]:
    return batcher.submit([Piece(name, pieces) for name in names])


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


# ---------------------------------------------------------------- two batches at once


@pytest.fixture
def pair(forward: Forward) -> Iterator[Batcher[Piece, str]]:
    """Two workers."""
    made = Batcher(forward, tokens_per_batch=40, max_queue_tokens=400, cores=Cores(2, batches=2))
    yield made
    forward.open()
    made.close()


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


# ---------------------------------------------------------------- background jobs


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
