"""A run on disk: its manifest, what of it is done, and its end.

``manifest.json`` says what was to be done and is written once, before anything else; each shard's
receipt says that its part is done.  Whoever schedules, these are the checkpoint: a run begins where
its receipts end.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from quotewire.batch.job import Phase, Places
from quotewire.batch.records import InputFile, InputFormat, Shard, ShardCounts
from quotewire.batch.shards import Plan
from quotewire.batch.writers import remove_partials, sync_folder, whole_file
from quotewire.errors import QuotewireError

_FORMAT = 1


class RunError(QuotewireError):
    """The output belongs to another run, or is not what this run left there."""


class Run:
    """A run whose folder is locked: nobody else works on it.  Use :meth:`open`."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.plan = Plan((), 0, {})

    @classmethod
    @contextmanager
    def open(cls, places: Places) -> Iterator[Run]:
        """Lock the run's folder (made if missing).  RunError if another process works on it."""
        new = not places.run.exists()
        places.run.mkdir(parents=True, exist_ok=True)
        with open(places.lock, "a+", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise RunError(
                    f"{places.out}: another run (process {lock.read().strip()}) is working on it"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            try:
                yield cls(places)
            finally:
                _remove_partials(places)
                if new and not places.manifest.exists():  # nothing came of it
                    shutil.rmtree(places.run)

    def resume(self, settings: Mapping[str, Any]) -> bool:
        """Take up the run that is there; False if there is none.

        RunError naming every difference if it was begun with other ``settings`` (a JSON object), or
        if it finished and its output is no longer what it was.
        """
        if not self.places.manifest.exists():
            return False
        manifest = _read_json(self.places.manifest)
        if manifest.get("format") != _FORMAT:
            raise RunError(
                f"{self.places.manifest}: format {manifest.get('format')!r} is not known"
            )
        if changes := list(_differences(manifest["settings"], _plain(settings))):
            raise RunError(
                f"{self.places.out}: begun differently: {'; '.join(changes)}. "
                "Say --restart to throw away what is there and begin anew"
            )
        self.plan = _plan_from(manifest)
        self._prepare_folders()
        return True

    def begin(self, settings: Mapping[str, Any], plan: Plan) -> None:
        """Write the manifest of a new run."""
        self.plan = plan
        files = list(dict.fromkeys(shard.file for shard in plan.shards))
        number_of = {file: number for number, file in enumerate(files)}
        manifest = {
            "format": _FORMAT,
            "settings": dict(settings),
            "records": plan.records,
            "passed_over": plan.passed_over,
            "files": [asdict(file) for file in files],
            # [file, first record, behind the last one, first row, place of the first record]
            "shards": [
                [number_of[s.file], s.start, s.stop, s.first_row, s.place] for s in plan.shards
            ],
        }
        # First: an output folder with anything in it, but without a manifest, is nobody's.
        _write_json(self.places.manifest, manifest)
        self._prepare_folders()

    def discard(self) -> None:
        """Throw away what a run left, and nothing else."""
        places = self.places
        if places.manifest.exists():  # first, so that a crash in here leaves no half of a run
            places.manifest.unlink()
            sync_folder(places.run)
        for folder in places.folders():
            if folder.exists() and folder != places.run:
                for path in folder.glob("part-*"):
                    path.unlink()
                remove_partials(folder)
        for path in (places.finished, places.dead_letters, places.copies, places.poison):
            path.unlink(missing_ok=True)

    def done(self, phase: Phase = Phase.SCORE) -> dict[Shard, ShardCounts]:
        """The shards that are done, with their counts.

        A shard whose files are no longer what its receipt says is not.
        """
        found = {}
        for shard in self.plan.shards:
            counts = self._receipt(shard, phase)
            if counts is not None:
                found[shard] = counts
        return found

    def finished(self) -> bool:
        """Whether the run's end was reached and its output is still there, as it was.

        RunError where the one output file has been changed since.
        """
        if not self.places.finished.exists():
            return False
        if not self.places.is_file:
            return len(self.done()) == len(self.plan.shards)
        size = _read_json(self.places.finished)["size"]
        if not self.places.out.exists():
            self.places.finished.unlink()  # somebody wants it made again
            return False
        if self.places.out.stat().st_size != size:
            raise RunError(
                f"{self.places.out}: has {self.places.out.stat().st_size} bytes, but this run left "
                f"{size}: somebody changed it. Say --restart to begin anew"
            )
        return True

    def finish(self) -> None:
        """Make the output of the parts, once all shards are done.  May be repeated."""
        places, shards = self.places, self.plan.shards
        _join((places.dead_part(shard) for shard in shards), places.dead_letters)
        size = None
        if places.is_file:
            _join((places.lines(shard) for shard in shards), places.out)
            size = places.out.stat().st_size
        _write_json(places.finished, {"size": size})
        # What the output was made of is not needed any more; the parts of a folder are the output.
        for shard in shards:
            places.signatures(shard).unlink(missing_ok=True)
            places.lines(shard).unlink(missing_ok=True)

    def totals(self) -> ShardCounts:
        """The sum of what is done; also of a finished run."""
        return sum(
            (counts for shard in self.plan.shards if (counts := self._counts(shard)) is not None),
            ShardCounts(),
        )

    def _counts(self, shard: Shard) -> ShardCounts | None:
        path = self.places.receipt(shard, Phase.SCORE)
        return ShardCounts(**_read_json(path)["counts"]) if path.exists() else None

    def _receipt(self, shard: Shard, phase: Phase) -> ShardCounts | None:
        path = self.places.receipt(shard, phase)
        if not path.exists():
            return None
        receipt = _read_json(path)
        for name, size in receipt["files"].items():
            try:
                if (self.places.out.parent / name).stat().st_size != size:
                    return None
            except FileNotFoundError:
                return None
        return ShardCounts(**receipt["counts"])

    def _prepare_folders(self) -> None:
        for folder in self.places.folders():
            folder.mkdir(parents=True, exist_ok=True)
        _remove_partials(self.places)


def _remove_partials(places: Places) -> None:
    """What killed workers left behind."""
    for folder in places.folders():
        remove_partials(folder)
    remove_partials(places.out.parent, of=places.out.name)
    for left in places.run.glob(".minhash.*"):  # by a killed search for duplicates
        shutil.rmtree(left, ignore_errors=True)


def check_free(places: Places, *, restart: bool) -> None:
    """RunError where the output would land among files that are no run's."""
    if places.is_file or not places.out.exists() or places.manifest.exists():
        return
    if places.run.exists() and restart:
        return
    if any(path != places.run for path in places.out.iterdir()):
        raise RunError(
            f"{places.out}: is not empty, and no run lies in {places.run.name}: give a new folder"
        )


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """In words, one for each setting."""
    before, after = dict(old.get("inputs", [])), dict(new.get("inputs", []))
    for url in before:
        if url not in after:
            yield f"the input {url} belonged to it"
        elif before[url] != after[url]:
            yield f"the input {url} has changed since"
    yield from (f"the input {url} did not belong to it" for url in after if url not in before)
    if before.keys() == after.keys() and list(before) != list(after):
        yield "the inputs stood in another order"
    for name in dict.fromkeys([*old, *new]):
        if name != "inputs" and old.get(name) != new.get(name):
            yield f"{name} was {_shown(old.get(name))}, now {_shown(new.get(name))}"


def _shown(value: Any) -> str:
    return "not given" if value is None else str(value)


def _plan_from(manifest: Mapping[str, Any]) -> Plan:
    files = [
        InputFile(**{**file, "format": InputFormat(file["format"])}) for file in manifest["files"]
    ]
    shards = tuple(
        Shard(number, files[file], start, stop, first_row, None if place is None else tuple(place))
        for number, (file, start, stop, first_row, place) in enumerate(manifest["shards"])
    )
    return Plan(shards, manifest["records"], manifest["passed_over"])


def _join(parts: Iterable[Path], path: Path) -> None:
    """One file of those parts that exist, in order."""
    with whole_file(path) as whole:
        for part in parts:
            with suppress(FileNotFoundError), part.open("rb") as file:
                shutil.copyfileobj(file, whole, 1 << 20)


def _plain(value: Any) -> Any:
    """As it will come back from JSON."""
    return json.loads(json.dumps(value))


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise RunError(f"{path}: damaged: {error}") from error


def _write_json(path: Path, value: Any) -> None:
    with whole_file(path) as file:
        file.write(json.dumps(value).encode() + b"\n")
