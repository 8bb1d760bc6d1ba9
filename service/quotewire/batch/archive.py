"""Scoring an archive from its manifest to its output, whatever the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from quotewire.batch.job import Duplicates, Job, Phase
from quotewire.batch.readers import find_inputs
from quotewire.batch.records import Shard, ShardCounts
from quotewire.batch.run import Run, RunError
from quotewire.batch.schedule import Schedule, Watcher


class Engine(Protocol):
    """Does what a schedule holds; returns when nothing of it waits."""

    def __call__(self, schedule: Schedule, *, job: Job) -> None: ...


class Progress(Watcher, Protocol):
    """What watches a whole run."""

    def begin(self, phase: Phase, *, total: int, done: ShardCounts) -> None:
        """A pass over ``total`` records begins; ``done`` is what earlier runs did of it."""


def carry_out(run: Run, *, job: Job, engine: Engine, progress: Progress) -> dict[Shard, str]:
    """Do what is left of ``run`` and make its output.

    Returns the shards that were set aside, with the reason; if there are any, the output is not
    made, and another call tries them again.  Raises what the engines raise.
    """
    if job.duplicates is not Duplicates.IGNORE and not run.places.copies.exists():
        if undone := _pass(run, Phase.SIGN, job=job, engine=engine, progress=progress):
            return undone
        from quotewire.batch.duplicates import find_copies

        parts = [run.places.signatures(shard) for shard in run.plan.shards]
        find_copies(parts, run.places.copies, similarity=job.similarity)
    if undone := _pass(run, Phase.SCORE, job=job, engine=engine, progress=progress):
        return undone
    run.finish()
    return {}


def check_unchanged(run: Run, inputs: Sequence[str], *, job: Job) -> None:
    """RunError where an input changed while it was read."""
    planned = {shard.file.url: shard.file for shard in run.plan.shards}
    for file in find_inputs(inputs, options=job.reading):
        if file.url in planned and file != planned[file.url]:
            raise RunError(f"{file.url}: has changed while it was read; begin anew with --restart")


def _pass(
    run: Run, phase: Phase, *, job: Job, engine: Engine, progress: Progress
) -> dict[Shard, str]:
    done = run.done(phase)
    progress.begin(phase, total=run.plan.records, done=sum(done.values(), ShardCounts()))
    left = [shard for shard in run.plan.shards if shard not in done]
    schedule = Schedule(left, phase=phase, places=run.places, watcher=progress)
    if left:
        engine(schedule, job=job)
    return schedule.set_aside
