"""The shard function: whatever became of a shard before, doing it gives the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from quotewire.batch.job import Done, Duplicates, Failed, Job, Phase, Places, Task
from quotewire.batch.readers import find_inputs
from quotewire.batch.records import ReadOptions, Shard
from quotewire.batch.shards import plan
from quotewire.batch.worker import ShardWorker
from quotewire.extraction.extractor import Extractor, Prepared
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window
from quotewire.types import Article, ExtractOptions
from tests.fakes import FakeModel, fake_extractor, fake_tokenizer

RECORDS = 9


class Touchy(FakeModel):
    """As real arithmetic: a window's scores depend, a little, on what it shares a batch with."""

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        nudge = np.float32(0.001 * sum(window.pieces for window in windows))
        return [
            dataclasses.replace(scores, valid=scores.valid - nudge)
            for scores in super().score(windows)
        ]


class Watched(Extractor):
    """Tells ``seen`` of every article that it begins."""

    seen: Callable[[Article], None] = staticmethod(lambda article: None)

    def prepare(self, article: Article) -> Prepared:
        self.seen(article)
        return super().prepare(article)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    lines = [
        json.dumps({"id": f"a{n}", "text": f"Ann said the road {'is ' * n}shut."})
        for n in range(RECORDS)
    ]
    lines[4] = "{broken"
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    extractor = Watched(Touchy(), tokenizer=fake_tokenizer(), info=fake_extractor().info)
    job = Job(
        places=Places(tmp_path / "out.jsonl"),
        folder=tmp_path,
        load=lambda: extractor,
        identify=lambda: ("fake@1.0.0", "0"),
        model=("fake@1.0.0", "0"),
        options=ExtractOptions(),
        reading=ReadOptions(),
    )
    for folder in job.places.folders():
        folder.mkdir(parents=True)
    return job


@pytest.fixture
def shard(job: Job, tmp_path: Path) -> Shard:
    [shard] = plan(
        find_inputs([str(tmp_path / "in.jsonl")], options=job.reading), reading=job.reading
    ).shards
    return shard


def do(job: Job, task: Task) -> str:
    """The digest of what the shard gave."""
    messages = list(ShardWorker(job).attempt(task))
    assert isinstance(messages[-1], Done), messages[-1]
    assert messages[-1].counts.records == RECORDS
    return hashlib.sha256(job.places.lines(task.shard).read_bytes()).hexdigest()


def lines(job: Job, shard: Shard) -> Iterator[dict[str, object]]:
    return map(json.loads, job.places.lines(shard).read_text().splitlines())


def test_a_careful_worker_gives_the_bytes_of_any_other(job: Job, shard: Shard) -> None:
    alone = fake_extractor(model=Touchy()).extract("Ann said the road is shut.").statements[0]
    usual = do(job, Task(shard))
    # Articles together score otherwise than alone, so that going one by one would be seen.
    assert all(
        statement["confidence"] != round(alone.confidence, 4)
        for line in lines(job, shard)
        for statement in line["statements"]  # type: ignore[attr-defined]
    )
    assert do(job, Task(shard, careful=True)) == usual


def test_a_careful_worker_notes_what_it_tries_and_nothing_afterwards(
    job: Job, shard: Shard
) -> None:
    """Else a death while the part is written would be the last record's fault."""
    note = job.places.at(shard)
    seen: list[tuple[str, str | None]] = []

    def see(article: Article) -> None:
        seen.append((article.id, note.read_text() if note.exists() else None))

    extractor = job.load()
    assert isinstance(extractor, Watched)
    extractor.seen = see
    do(job, Task(shard, careful=True, poison=frozenset({7})))
    articles = [n for n in range(RECORDS) if n not in (4, 7)]
    assert seen == [
        *((f"a{n}", str(n)) for n in articles),  # one by one
        *((f"a{n}", None) for n in articles),  # and all together
    ]
    assert not note.exists()
    found = [json.loads(line) for line in job.places.dead_part(shard).read_text().splitlines()]
    assert [(letter["record"], letter["reason"]) for letter in found] == [
        (4, "syntax"),
        (7, "worker"),
    ]


def test_a_careful_worker_that_gets_on_says_so(job: Job, shard: Shard) -> None:
    """Else a few poisonous articles of one shard would look as if no worker could do anything."""
    first = next(ShardWorker(job).run(Task(shard, careful=True)))
    assert first.answered == 1


@pytest.mark.parametrize("poison", [{0}, {RECORDS - 1}, {2, 3}, set(range(RECORDS))])
def test_poison_is_passed_by_wherever_it_stands(job: Job, shard: Shard, poison: set[int]) -> None:
    do(job, Task(shard, careful=True, poison=frozenset(poison)))
    assert [line["error"] is not None for line in lines(job, shard)] == [
        n in poison | {4} for n in range(RECORDS)
    ]


def test_signatures_are_made_carefully_as_well(job: Job, shard: Shard) -> None:
    job = dataclasses.replace(job, duplicates=Duplicates.MARK)
    made = []
    for careful in (False, True):
        list(ShardWorker(job).run(Task(shard, phase=Phase.SIGN, careful=careful)))
        made.append(job.places.signatures(shard).read_bytes())
        assert not job.places.at(shard).exists()
    assert made[0] == made[1]


def test_a_worker_that_finds_another_model_does_nothing(job: Job, shard: Shard) -> None:
    """It may begin hours after the run did, in place of one that died."""
    changed = dataclasses.replace(job, identify=lambda: ("fake@1.0.0", "1"))
    failed = ShardWorker(changed).warm_up(Phase.SCORE)
    assert isinstance(failed, Failed) and failed.hopeless
    assert failed.why.startswith("the model was fake@1.0.0 0 when the run began, now fake@1.0.0 1")
    assert not list(job.places.run.rglob("part-*"))
