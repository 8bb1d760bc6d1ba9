"""The Ray engine: the same shard function in actors, on this machine or on a cluster.

The output lies on a file system that all nodes share.  Ray only says where and when; what is done
is what has a receipt, so that nothing of Ray needs to survive for a run to be resumed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import ray
from ray.exceptions import RayError

from quotewire.batch.job import Done, Failed, Job, Message, Phase, Ready, Task
from quotewire.batch.records import Shard
from quotewire.batch.schedule import CannotGoOnError, Schedule
from quotewire.batch.worker import ShardWorker
from quotewire.interpreter import tune_interpreter

# The longest that a new actor waits for its place in the cluster before a person is told.
_PATIENCE_S = 60.0
# Ray gives its own processes 30 s to start, which can be too little on a busy machine.
_STARTS = 3


def run_ray(schedule: Schedule, *, job: Job, workers: int | None, address: str | None) -> None:
    """Do everything with ``workers`` actors (None: as many as the cluster has GPUs, or CPUs if it
    has none) on the cluster at ``address`` (None: one of its own, on this machine).

    Raises CannotGoOnError, also where there is no cluster.
    """
    with _cluster(address, workers) as (places, gpus):
        # One thread each, as locally; with GPUs, each actor has one to itself.
        make = ray.remote(num_cpus=1, num_gpus=gpus, max_restarts=0)(_Actor)
        crew: list[_Worker] = []
        try:
            while schedule.waiting or schedule.working:
                while len(crew) < min(workers or places, schedule.waiting + schedule.working):
                    crew.append(_Worker(make, job, schedule.phase))
                for worker in crew:
                    if worker.ready and worker.task is None:
                        worker.give(schedule.take(near=worker.last))
                _listen(crew, schedule)
        finally:
            for worker in crew:
                worker.dismiss()


@contextmanager
def _cluster(address: str | None, workers: int | None) -> Iterator[tuple[int, int]]:
    """How many actors there is room for, and GPUs an actor."""
    ours = not ray.is_initialized()
    if ours:
        _connect(address, workers)
    try:
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        cpus, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
        if cpus < 1:
            raise CannotGoOnError("the Ray cluster has no CPU to run a worker on")
        yield (min(gpus, cpus), 1) if gpus else (cpus, 0)
    finally:
        if ours:
            ray.shutdown()


def _connect(address: str | None, workers: int | None) -> None:
    for attempt in range(_STARTS):
        try:
            if address is None:
                ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
            else:
                ray.init(address=address, log_to_driver=False)
            return
        except Exception as error:  # a bare one, where a busy machine starts it too slowly
            ray.shutdown()
            if address is not None:
                raise CannotGoOnError(
                    f"--address {address}: no Ray cluster answers: {error}"
                ) from error
            if attempt + 1 == _STARTS:
                raise CannotGoOnError(f"Ray does not start here: {error}") from error


def _listen(crew: list[_Worker], schedule: Schedule) -> None:
    """Wait until any worker says something or dies, and pass it on; the dead leave the crew."""
    by_source = {worker.source: worker for worker in crew if worker.source is not None}
    speaking, _ = ray.wait(list(by_source), num_returns=1, timeout=_PATIENCE_S, fetch_local=True)
    if not speaking and not any(worker.ready for worker in crew):
        schedule.watcher.note("the Ray cluster has had no room for a worker yet; waiting")
    for source in speaking:
        worker = by_source[source]
        try:
            message = worker.hear()
        except RayError as error:
            crew.remove(worker)
            worker.dismiss()
            how = (str(error).strip() or "no reason given").splitlines()[0]
            schedule.died(worker.task, f"{type(error).__name__}: {how}")
            continue
        task = worker.task
        if isinstance(message, Done | Failed):
            worker.finish()
        if not isinstance(message, Ready):
            schedule.tell(task, message)


class _Actor:
    """What runs on the cluster."""

    def __init__(self, job: Job) -> None:
        tune_interpreter()
        os.chdir(job.folder)
        self._worker = ShardWorker(job)

    def warm_up(self, phase: Phase) -> Ready | Failed:
        return self._worker.warm_up(phase) or Ready()

    def attempt(self, task: Task) -> Iterator[Message]:
        yield from self._worker.attempt(task)


class _Worker:
    """The driver's end of one actor."""

    def __init__(self, make: Any, job: Job, phase: Phase) -> None:
        self.ready = False
        self.task: Task | None = None
        self.last: Shard | None = None
        self._actor = make.remote(job)
        self.source: Any = self._actor.warm_up.remote(phase)

    def give(self, task: Task | None) -> None:
        """Have it do ``task``; nothing if None."""
        if task is not None:
            self.task, self.last = task, task.shard
            self.source = self._actor.attempt.options(num_returns="streaming").remote(task)

    def hear(self) -> Ready | Message:
        """What it says.  RayError if it died."""
        if self.ready:
            message: Ready | Message = ray.get(next(self.source))
            return message
        message = ray.get(self.source)
        self.source = None
        self.ready = isinstance(message, Ready)
        return message

    def finish(self) -> None:
        self.task = self.source = None

    def dismiss(self) -> None:
        with suppress(RayError):
            ray.kill(self._actor)
