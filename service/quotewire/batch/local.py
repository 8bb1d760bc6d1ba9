"""The local engine: spawned worker processes that are replaced when they die.

Workers read their shards themselves, so nothing queues up here: memory is that of the workers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from quotewire.batch.job import Done, Failed, Job, Phase, Ready, Task
from quotewire.batch.records import Shard
from quotewire.batch.schedule import Schedule
from quotewire.batch.worker import OUT_OF_MEMORY, ShardWorker
from quotewire.interpreter import tune_interpreter

# Never fork: after torch's threads have started, a forked child hangs.
_CONTEXT = multiprocessing.get_context("spawn")
_GRACE_S = 5.0


def run_here(schedule: Schedule, *, job: Job) -> None:
    """Do everything in this process, where nobody replaces it should it die.

    Raises CannotGoOnError.
    """
    worker = ShardWorker(job)
    last: Shard | None = None
    try:
        while (task := schedule.take(near=last)) is not None:
            last = task.shard
            for message in worker.attempt(task):
                schedule.tell(task, message)
    finally:
        worker.close()


def run_local(schedule: Schedule, *, job: Job, workers: int) -> None:
    """Do everything with ``workers`` processes.  Raises CannotGoOnError."""
    crew: list[_Worker] = []
    try:
        while schedule.waiting or schedule.working:
            while len(crew) < min(workers, schedule.waiting + schedule.working):
                crew.append(_Worker(job, schedule.phase))
            for worker in crew:
                if worker.ready and worker.task is None:
                    worker.give(schedule.take(near=worker.last))
            _listen(crew, schedule)
    finally:
        for worker in crew:
            worker.dismiss()


def _listen(crew: list[_Worker], schedule: Schedule) -> None:
    """Wait until any worker says something or dies, and pass it on; the dead leave the crew."""
    speaking = wait([worker.pipe for worker in crew])
    for worker in [w for w in crew if w.pipe in speaking]:
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):  # nobody is at the other end any more
            crew.remove(worker)
            schedule.died(worker.task, worker.bury())
            continue
        task = worker.task
        if isinstance(message, Ready):
            worker.ready = True
            continue
        if isinstance(message, Done | Failed):
            worker.task = None
        schedule.tell(task, message)


class _Worker:
    """The driver's end of one worker process."""

    def __init__(self, job: Job, phase: Phase) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.ready = False
        self.task: Task | None = None
        self.last: Shard | None = None
        self._process = _CONTEXT.Process(target=_work, args=(theirs, job, phase), daemon=True)
        self._process.start()
        theirs.close()  # so that its death closes the pipe

    def give(self, task: Task | None) -> None:
        """Have it do ``task``; nothing if None."""
        if task is None:
            return
        self.task, self.last = task, task.shard
        with suppress(OSError):  # it is dead: listening will tell
            self.pipe.send(task)

    def bury(self) -> str:
        """How it died, in words."""
        self._process.join(_GRACE_S)
        self.dismiss()
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"killed by {signal.Signals(-code).name}"
        if code == OUT_OF_MEMORY:
            return "out of memory"
        return f"ended with exit code {code}"

    def dismiss(self) -> None:
        """Its shard, if it has one, is left undone."""
        self.pipe.close()
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(_GRACE_S)
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _work(pipe: Connection, job: Job, phase: Phase) -> None:
    """A worker process's life."""
    tune_interpreter()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver's to handle: it ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    worker = ShardWorker(job)
    with suppress(EOFError, BrokenPipeError):  # the driver has gone
        if (failed := worker.warm_up(phase)) is not None:
            pipe.send(failed)
            sys.exit(1)
        pipe.send(Ready())
        while True:
            for message in worker.attempt(pipe.recv()):
                pipe.send(message)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
