"""An output is there whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from quotewire.batch.writers import JsonLinesWriter, dump_line


def test_lines_are_written_and_the_file_appears_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with JsonLinesWriter(out) as writer:
        writer.write({"id": "a", "text": "“é”"})
        writer.write({"id": "b"})
        assert not out.exists()
    assert out.read_text(encoding="utf-8") == '{"id": "a", "text": "“é”"}\n{"id": "b"}\n'
    assert list(tmp_path.iterdir()) == [out]


def test_the_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    with JsonLinesWriter(tmp_path / "out.jsonl"):
        pass
    (tmp_path / "plain").touch()
    assert (tmp_path / "out.jsonl").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_what_was_there_before(tmp_path: Path, kind: type[BaseException]) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("old\n")
    with pytest.raises(kind), JsonLinesWriter(out) as writer:
        writer.write({"id": "a"})
        raise kind
    assert out.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [out]


def test_a_line_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError), JsonLinesWriter(tmp_path / "out.jsonl") as writer:
        writer.write({"score": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_lone_surrogates_are_written_as_escapes_and_come_back(tmp_path: Path) -> None:
    line = {"id": "a\ud800", "text": "ok\U0001f642"}
    written = dump_line(line)
    written.encode("utf-8")
    assert json.loads(written) == line
    assert "\n" not in dump_line({"text": "a\nb\u2028c"})


def test_a_missing_folder_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), JsonLinesWriter(tmp_path / "no" / "out.jsonl"):
        pass
    assert os.listdir(tmp_path) == []
