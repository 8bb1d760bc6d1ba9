"""An output is there whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from quotewire.batch.records import Record, SourceRef
from quotewire.batch.scoring import Scored
from quotewire.batch.tables import ParquetPart
from quotewire.batch.writers import JsonLinesPart, dump_line, remove_partials, whole_file
from quotewire.types import Article


def scored(id: str = "a") -> Scored:
    line = {"id": id, "model": "m@1", "statements": [], "error": None}
    return Scored(Record(Article(id=id, text="“é”"), SourceRef("in", 0, 1)), line)


def test_a_file_appears_at_the_end_and_replaces_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("old")
    with whole_file(out) as file:
        file.write(b"new")
        file.flush()
        assert out.read_text() == "old"
    assert out.read_text() == "new"
    assert list(tmp_path.iterdir()) == [out]


def test_the_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    with whole_file(tmp_path / "out"):
        pass
    (tmp_path / "plain").touch()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_failure_leaves_what_was_there_before(
    tmp_path: Path, kind: type[BaseException], form: str
) -> None:
    paths = [tmp_path / "one", tmp_path / "two"]
    for path in paths:
        path.write_text("old\n")
    part = JsonLinesPart(paths[0]) if form == "jsonl" else ParquetPart(*paths, with_text=False)
    with pytest.raises(kind), part:
        part.write(scored(), row=0)
        raise kind
    assert [path.read_text() for path in paths] == ["old\n"] * 2
    assert sorted(tmp_path.iterdir()) == paths


def test_a_line_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    bad = scored()
    bad.line["score"] = float("nan")
    with pytest.raises(ValueError), JsonLinesPart(tmp_path / "out.jsonl") as part:
        part.write(bad, row=0)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    """/dev/full is a file that always says that the disk is full."""
    with pytest.raises(OSError) as told, whole_file(tmp_path / "out") as file:
        os.dup2(os.open("/dev/full", os.O_WRONLY), file.fileno())
        file.write(b"x")
    assert told.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_lone_surrogates_are_written_as_escapes_and_come_back(tmp_path: Path) -> None:
    line = {"id": "a\ud800", "text": "ok\U0001f642"}
    written = dump_line(line)
    written.encode("utf-8")
    assert json.loads(written) == line
    assert "\n" not in dump_line({"text": "a\nb\u2028c"})


def test_only_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    for name in (".out.x1.partial", ".other.x2.partial", "out", "out.partial"):
        (tmp_path / name).touch()
    remove_partials(tmp_path, of="out")
    assert {p.name for p in tmp_path.iterdir()} == {".other.x2.partial", "out", "out.partial"}
    remove_partials(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"out", "out.partial"}


def test_a_missing_folder_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "no" / "out.jsonl"):
        pass
    assert os.listdir(tmp_path) == []
