"""What becomes of shards whose workers die: decided without any process."""

from __future__ import annotations

from pathlib import Path

import pytest

from quotewire.batch.job import Done, Failed, Phase, Places, Progress, Task
from quotewire.batch.records import InputFile, InputFormat, Shard, ShardCounts
from quotewire.batch.schedule import CannotGoOnError, Schedule, read_poison


class Notes:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done_shards: list[int] = []

    def counts(self, shard: Shard, counts: ShardCounts) -> None:
        pass

    def done(self, shard: Shard, counts: ShardCounts) -> None:
        self.done_shards.append(shard.number)

    def note(self, message: str) -> None:
        self.notes.append(message)


def file(name: str) -> InputFile:
    return InputFile(name, InputFormat.JSONL, 1, "1")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "out")
    for folder in places.folders():
        folder.mkdir(parents=True)
    return places


def schedule(places: Places, *files: str) -> Schedule:
    """Each file is two shards of ten records."""
    shards = [
        Shard(2 * n + half, file(name), 10 * half, 10 * half + 10)
        for n, name in enumerate(files)
        for half in (0, 1)
    ]
    return Schedule(shards, phase=Phase.SCORE, places=places, watcher=Notes())


def take(schedule: Schedule, near: Shard | None = None) -> Task:
    task = schedule.take(near=near)
    assert task is not None
    return task


SOME = Progress(ShardCounts(records=1, answered=1))


def test_a_worker_stays_with_its_file_and_others_take_other_files(places: Places) -> None:
    plan = schedule(places, "a", "b")
    first, second = take(plan), take(plan)
    assert (first.shard.file.url, second.shard.file.url) == ("a", "b")
    assert take(plan, near=second.shard).shard.file.url == "b"
    assert take(plan, near=second.shard).shard.file.url == "a"  # nothing of b is left
    assert plan.take() is None
    assert (plan.waiting, plan.working) == (0, 4)


def noted(places: Places, task: Task, record: int) -> None:
    places.at(task.shard).write_text(str(record))


def test_a_shard_whose_worker_died_is_done_again_and_then_carefully(places: Places) -> None:
    plan = schedule(places, "a")
    careful = []
    for _ in range(3):
        task = take(plan)
        assert task.shard.number == 0
        careful.append(task.careful)
        plan.tell(task, SOME)
        plan.died(task, "killed")
    assert careful == [False, False, True]
    plan.tell(take(plan), Done(ShardCounts()))
    assert take(plan).careful is False  # another shard


def test_the_article_that_kills_careful_workers_is_poison_for_good(places: Places) -> None:
    plan = schedule(places, "a")
    for record in (None, None, 7, 7):
        task = take(plan)
        assert task.poison == frozenset()
        plan.tell(task, SOME)
        if record is not None:
            assert task.careful
            noted(places, task, record)
        plan.died(task, "killed")
    assert take(plan).poison == {7}
    assert read_poison(places) == {0: {7}}
    again = take(schedule(places, "a"))  # the run, resumed
    assert (again.careful, again.poison) == (True, frozenset({7}))


def test_deaths_at_different_articles_make_none_of_them_poison(places: Places) -> None:
    plan = schedule(places, "a")
    for record in (None, None, 1, 2, 3, None):
        task = take(plan)
        plan.tell(task, SOME)
        if record is not None:
            noted(places, task, record)
        plan.died(task, "killed")
    assert take(plan).poison == frozenset()


def test_a_shard_that_goes_on_killing_is_set_aside_and_the_next_one_done(places: Places) -> None:
    plan = schedule(places, "a")
    for _ in range(20):
        task = take(plan)
        assert task.shard.number == 0
        plan.tell(task, SOME)
        plan.died(task, "killed")
    plan.tell(take(plan), Done(ShardCounts()))
    assert plan.take() is None and plan.working == 0
    assert [shard.number for shard in plan.set_aside] == [0]


def test_an_input_that_cannot_be_read_is_tried_three_times(places: Places) -> None:
    plan = schedule(places, "a")
    for _ in range(3):
        task = take(plan)
        assert task.shard.number == 0
        plan.tell(task, Failed("OSError: no"))
    assert list(plan.set_aside.values()) == ["OSError: no"]
    assert take(plan).shard.number == 1


def test_workers_that_die_one_after_the_other_end_the_run(places: Places) -> None:
    plan = schedule(places, "a")
    plan.died(None, "killed")
    plan.died(None, "killed")
    plan.tell(take(plan), Done(ShardCounts()))  # something got done: counted anew
    for _ in range(3):
        plan.died(None, "killed")
    with pytest.raises(CannotGoOnError, match="4 workers died"):
        plan.died(None, "killed")


@pytest.mark.parametrize("workers", [2, 8])
def test_every_worker_may_meet_poison_at_once(places: Places, workers: int) -> None:
    """Each of them has a shard that kills, and nothing else gets done meanwhile."""
    plan = schedule(places, *(f"file{n}" for n in range(workers)))
    for _ in range(2):
        tasks = [take(plan) for _ in range(workers)]
        for task in tasks:
            assert not task.careful
            plan.died(task, "killed")
    for _ in range(2):
        tasks = [take(plan) for _ in range(workers)]
        for task in tasks:
            assert task.careful
            plan.tell(task, SOME)  # an article before it
            noted(places, task, task.shard.start + 1)
            plan.died(task, "killed")
    assert all(take(plan).poison == {task.shard.start + 1} for task in tasks)


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_few_articles_are_blamed_where_every_worker_dies(places: Places, workers: int) -> None:
    """A broken installation must not make dead letters of an archive."""
    plan = schedule(places, *(f"file{n}" for n in range(workers)))
    with pytest.raises(CannotGoOnError):
        for _ in range(1_000):
            tasks = [take(plan) for _ in range(workers)]
            for task in tasks:
                untouched = set(range(task.shard.start, task.shard.stop)) - task.poison
                noted(places, task, min(untouched))
                plan.died(task, "killed")
    assert sum(len(records) for records in read_poison(places).values()) <= 3


def test_a_hopeless_failure_ends_the_run(places: Places) -> None:
    plan = schedule(places, "a")
    with pytest.raises(CannotGoOnError, match="no space"):
        plan.tell(take(plan), Failed("no space", hopeless=True))
