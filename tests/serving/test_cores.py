"""How the cores are shared out among batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotewire.serving.cores import Cores, Share
from quotewire.serving.loading import cores_of
from quotewire.serving.settings import Settings


def take(cores: Cores, *, parts: int = 1, idle: bool = False, worker: int = 0) -> Share | None:
    return cores.take(parts=parts, idle=idle, all_of_them=worker == 0)


def test_what_waits_alone_gets_every_core() -> None:
    cores = Cores(4, batches=4)
    assert take(cores) == Share(threads=4, parts=1)
    assert take(cores) is None
    cores.give(Share(threads=4, parts=1))
    assert take(cores, parts=2) == Share(threads=2, parts=2)
    assert take(cores, parts=9) == Share(threads=1, parts=2)
    assert take(cores) == Share(threads=1, parts=1)
    assert take(cores) is None


def test_one_worker_only_takes_them_all() -> None:
    cores = Cores(2, batches=2)
    assert take(cores, worker=1) is None
    assert take(cores, worker=1, parts=2) == Share(threads=1, parts=2)
    assert take(cores, worker=1) == Share(threads=1, parts=1), "what is left is not all"
    single = Cores(1)
    assert take(single, worker=1) == Share(threads=1, parts=1)


def test_a_model_with_nothing_in_work_waits_for_no_other() -> None:
    cores = Cores(2, batches=2)
    assert take(cores, idle=True) == Share(threads=2, parts=1)
    mine = take(cores, idle=True, parts=5)
    assert mine == Share(threads=1, parts=1)
    cores.give(Share(threads=2, parts=1))
    assert take(cores) == Share(threads=1, parts=1), "the other one's share is not free"


@pytest.mark.parametrize(
    ("threads", "batches", "at_once"),
    [(1, 4, 1), (2, 4, 2), (2, 1, 1), (3, 2, 1), (6, 4, 3), (8, 4, 4), (8, 100, 8)],
)
def test_more_batches_than_threads_are_not_to_be_had(
    threads: int, batches: int, at_once: int
) -> None:
    cores = cores_of(Settings(model_threads=threads, model_batches=batches))
    assert cores.batches == at_once
    shares = []
    while share := take(cores, parts=1000):
        shares.append(share.threads)
    assert len(shares) <= at_once
    assert sum(shares) <= threads


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.booleans()), max_size=40),
)
def test_shares_never_exceed_the_cores_but_for_one_of_each_other_model(
    count: int, batches: int, steps: list[tuple[int, int, bool]]
) -> None:
    cores = Cores(count, batches=batches)
    least = -(-count // min(count, batches))
    in_work: dict[int, list[Share]] = {0: [], 1: [], 2: []}
    for model, parts, give in steps:
        if give and in_work[model]:
            cores.give(in_work[model].pop())
            continue
        idle = not in_work[model]
        used = sum(share.threads for shares in in_work.values() for share in shares)
        share = take(cores, parts=parts, idle=idle)
        assert share is not None or not idle, "a model of its own is never kept waiting"
        if share:
            assert 1 <= share.parts <= parts
            assert share.threads >= least
            assert used + share.threads <= count or (idle and share.threads == least)
            in_work[model].append(share)
            assert len(in_work[model]) <= cores.batches
    for shares in in_work.values():
        for share in shares:
            cores.give(share)
    assert cores.take(parts=1, idle=False, all_of_them=True) == Share(threads=count, parts=1)
