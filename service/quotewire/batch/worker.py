"""The shard function: read a range of records, score them, write one part and its receipt.

Every engine runs this and nothing else; what an engine adds is where and when.
"""

from __future__ import annotations

import errno
import itertools
import json
import logging
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from quotewire.batch.job import Done, Duplicates, Failed, Job, Message, Phase, Progress, Task
from quotewire.batch.readers import open_input
from quotewire.batch.records import (
    BadRecord,
    InputFile,
    Reason,
    Record,
    RecordReader,
    Shard,
    ShardCounts,
    SourceRef,
)
from quotewire.batch.scoring import Scored, chunks_of, score_chunk
from quotewire.batch.writers import dump_line, whole_file
from quotewire.errors import QuotewireError
from quotewire.extraction.extractor import Extractor

if TYPE_CHECKING:
    from quotewire.batch.duplicates import Copy

# Chunks (see scoring) that are read while another one is scored; with those at both ends of the
# queue, so many more are in memory.
_CHUNKS_AHEAD = 1

# What a worker process ends with that has no memory left: the shard is another one's then.
OUT_OF_MEMORY = 137
_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)

_log = logging.getLogger(__name__)


class InputChangedError(QuotewireError):
    """An input is no longer what it was when the run began."""


class ModelChangedError(QuotewireError):
    """The model is no longer what it was when the run began."""


class ShardWorker:
    """Does shards one after the other; keeps its model and the input it reads.  Not for several
    threads at once."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._open: tuple[InputFile, RecordReader] | None = None

    @cached_property
    def _extractor(self) -> Extractor:
        """The run's model.  ModelChangedError where it has another by that name: a worker may begin
        long after its run did."""
        extractor = self._job.load()
        if (model := self._job.identify()) != self._job.model:
            raise ModelChangedError(
                f"the model was {' '.join(self._job.model)} when the run began, "
                f"now {' '.join(model)}: put it back, or say --restart"
            )
        return extractor

    def close(self) -> None:
        if self._open is not None:
            self._open[1].__exit__(None, None, None)
            self._open = None

    def warm_up(self, phase: Phase) -> Failed | None:
        """Load what ``phase`` needs; what went wrong, if anything did."""
        try:
            if phase is Phase.SCORE:
                _ = self._extractor
        except Exception as error:
            return _failure(error)
        return None

    def attempt(self, task: Task) -> Iterator[Message]:
        """:meth:`run` in messages: progress, and at last Done or Failed.

        Only what a process should die of comes as an exception.
        """
        try:
            counts = ShardCounts()
            for counts in self.run(task):
                yield Progress(counts)
            yield Done(counts)
        except Exception as error:
            yield _failure(error)

    def run(self, task: Task) -> Iterator[ShardCounts]:
        """Do the shard, telling its counts from time to time; the last ones are whole, and its
        output and receipt are on disk then.

        Doing a shard again replaces its output.  Raises OSError where its input cannot be read or
        its output not be written, InputChangedError where the input is not what it was.
        """
        try:
            if task.careful:
                yield from self._rehearse(task)
            yield from self._sign(task) if task.phase is Phase.SIGN else self._score(task)
        except BaseException:
            self.close()  # whatever state it is in
            raise

    def _score(self, task: Task) -> Iterator[ShardCounts]:
        shard, places = task.shard, self._job.places
        started = time.monotonic()
        copies = self._copies(shard)
        counts, dead, row = ShardCounts(), [], shard.first_row
        part = self._job.part_writer(shard)
        with part:
            for chunk in self._chunks(task):
                for scored in self._scored(chunk, copies=copies):
                    part.write(scored, row=row)
                    row += 1
                    counts += _counts_of(scored)
                    if scored.bad is not None:
                        dead.append(dead_letter(scored.bad))
                counts = replace(counts, seconds=time.monotonic() - started)
                yield counts
        files = list(part.paths)
        if dead:
            files.append(places.dead_part(shard))
            with whole_file(files[-1]) as file:
                file.writelines(dump_line(letter).encode() + b"\n" for letter in dead)
        else:  # one that an earlier attempt wrote
            places.dead_part(shard).unlink(missing_ok=True)
        self._receipt(task, counts, {str(path): path.stat().st_size for path in files})
        yield counts

    def _sign(self, task: Task) -> Iterator[ShardCounts]:
        from quotewire.batch.duplicates import write_signatures

        shard, path = task.shard, self._job.places.signatures(task.shard)
        started = time.monotonic()
        records = itertools.chain.from_iterable(self._chunks(task))
        articles = (
            (record.ref.record, record.article.id, record.article.text)
            for record in records
            if isinstance(record, Record)
        )
        write_signatures(articles, path)
        counts = ShardCounts(records=shard.stop - shard.start, seconds=time.monotonic() - started)
        self._receipt(task, counts, {str(path): path.stat().st_size})
        yield counts

    def _scored(
        self, chunk: list[Record | BadRecord], *, copies: dict[int, Copy]
    ) -> Iterator[Scored]:
        """The chunk's answers in order; copies are passed by where they are to be."""
        once = self._job.duplicates is Duplicates.ONCE
        answers = self._answers([r for r in chunk if not (once and r.ref.record in copies)])
        for record in chunk:
            copy = copies.get(record.ref.record)
            if copy is None:
                yield next(answers)
                continue
            if once and isinstance(record, Record):
                line: dict[str, Any] = {
                    "id": record.article.id,
                    "model": self._extractor.info.tag,
                    "statements": [],
                    "error": None,
                }
                if record.article.meta:
                    line["meta"] = dict(record.article.meta)
                answer = Scored(record, line, passed_by=True)
            else:
                answer = next(answers)
            answer.line["duplicate_of"] = copy.duplicate_of
            answer.line["similarity"] = round(copy.similarity, 4)
            yield answer

    def _answers(self, chunk: list[Record | BadRecord]) -> Iterator[Scored]:
        return score_chunk(chunk, extractor=self._extractor, options=self._job.options)

    def _copies(self, shard: Shard) -> dict[int, Copy]:
        if self._job.duplicates is Duplicates.IGNORE:
            return {}
        from quotewire.batch.duplicates import copies_of_shard

        return copies_of_shard(self._job.places.copies, shard.number)

    def _chunks(self, task: Task) -> Iterator[list[Record | BadRecord]]:
        """The shard's records, in order and each once, in the same chunks whatever happened to it
        before: what shares a batch changes the last bits of a score.  InputChangedError if there
        are others."""
        expected = task.shard.start
        for chunk in _ahead(chunks_of(self._records(task))):
            for record in chunk:
                if record.ref.record != expected:
                    raise _changed(task.shard, expected)
                expected += 1
            yield chunk
        if expected != task.shard.stop:
            raise _changed(task.shard, expected)

    def _records(self, task: Task) -> Iterator[Record | BadRecord]:
        """All records but the poison ones, of which it says that they are."""
        start = task.shard.start
        for number in sorted(task.poison):
            yield from self._read(task.shard, start, number)
            ref = SourceRef(task.shard.file.url, number, number + 1)
            yield BadRecord(ref, Reason.WORKER, "the worker process died on it, several times")
            start = number + 1
        yield from self._read(task.shard, start, task.shard.stop)

    def _read(self, shard: Shard, start: int, stop: int) -> Iterator[Record | BadRecord]:
        place = shard.place if start == shard.start else None
        if start < stop:
            yield from self._reader(shard.file).read(start, stop, place=place)

    def _rehearse(self, task: Task) -> Iterator[ShardCounts]:
        """Do the records one by one and throw away what comes of them, noting each before reading
        it: should this process die, then of that one.  Counts say that it gets on."""
        shard, note = task.shard, self._job.places.at(task.shard)
        for number in range(shard.start, shard.stop):
            if number in task.poison:
                continue
            note.write_text(str(number), encoding="ascii")
            for record in self._read(shard, number, number + 1):
                if task.phase is Phase.SCORE:
                    list(self._answers([record]))
                elif isinstance(record, Record):
                    from quotewire.batch.duplicates import signature

                    signature(record.article.text)
            done = number + 1 - shard.start
            yield ShardCounts(records=done, answered=done)
        note.unlink(missing_ok=True)  # what happens from here on is no record's fault

    def _reader(self, file: InputFile) -> RecordReader:
        """The input, opened once for all of its shards that come one after the other."""
        if self._open is None or self._open[0] != file:
            self.close()
            reader = open_input(file, options=self._job.reading)
            self._open = (file, reader.__enter__())
        return self._open[1]

    def _receipt(self, task: Task, counts: ShardCounts, sizes: dict[str, int]) -> None:
        """The last of a shard's files: it is done if and only if this is there."""
        root = self._job.places.out.parent
        value = {
            "counts": asdict(counts),
            "files": {os.path.relpath(path, root): size for path, size in sizes.items()},
        }
        with whole_file(self._job.places.receipt(task.shard, task.phase)) as file:
            file.write(json.dumps(value, indent=1).encode() + b"\n")


def dead_letter(bad: BadRecord) -> dict[str, Any]:
    """One line of the dead-letter file."""
    return {
        "file": bad.ref.file,
        "line": bad.ref.line,
        "record": bad.ref.record,
        "article_id": bad.article_id,
        "reason": bad.reason.value,
        "detail": bad.detail,
    }


def _failure(error: Exception) -> Failed:
    """Without memory this process ends: nobody knows what is broken in it."""
    if isinstance(error, MemoryError):
        _log.critical("no memory left; this worker ends")
        os._exit(OUT_OF_MEMORY)
    if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
        return Failed(f"the output cannot be written: {error.strerror}", hopeless=True)
    if isinstance(error, QuotewireError):
        return Failed(str(error), hopeless=True)
    _log.exception("a shard failed")
    return Failed(f"{type(error).__name__}: {error}")


def _changed(shard: Shard, at: int) -> InputChangedError:
    return InputChangedError(
        f"{shard.file.url}: record {at} is not there as it was when the run began"
    )


def _counts_of(scored: Scored) -> ShardCounts:
    statements = scored.line["statements"]
    return ShardCounts(
        records=1,
        answered=int(scored.bad is None and not scored.passed_by),
        copies=int(scored.passed_by),
        failed={scored.bad.reason.value: 1} if scored.bad else {},
        statements=len(statements),
        by_kind=dict(Counter(statement["quote"]["kind"] for statement in statements)),
        characters=len(scored.record.article.text) if isinstance(scored.record, Record) else 0,
        tokens=scored.tokens,
    )


def _ahead(chunks: Iterable[list[Any]]) -> Iterator[list[Any]]:
    """``chunks``, read by a thread that stays at most so many chunks ahead."""
    waiting: queue.Queue[list[Any] | BaseException | None] = queue.Queue(maxsize=_CHUNKS_AHEAD)
    given_up = threading.Event()

    def put(value: list[Any] | BaseException | None) -> bool:
        while not given_up.is_set():
            with suppress(queue.Full):
                waiting.put(value, timeout=0.2)
                return True
        return False

    def read() -> None:
        try:
            for chunk in chunks:
                if not put(chunk):
                    return
            put(None)
        except BaseException as error:
            put(error)

    reader = threading.Thread(target=read, name="read-ahead", daemon=True)
    reader.start()
    try:
        while (value := waiting.get()) is not None:
            if isinstance(value, BaseException):
                raise value
            yield value
    finally:
        given_up.set()
        reader.join()
