"""``quotewire extract``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quotewire.lines import extraction_to_line
from quotewire.types import Article
from tests.cli.conftest import Run, one_line
from tests.fakes import fake_extractor

TEXT = "Ann Lee told Reuters the road is shut.\n\nLee wants it open."


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "article.txt"
    path.write_bytes(TEXT.encode())
    return path


def statements(output: str) -> list[dict[str, object]]:
    (line,) = output.splitlines()
    parsed = json.loads(line)
    assert isinstance(parsed["statements"], list)
    return parsed["statements"]


def test_a_table_by_default(run: Run, article: Path) -> None:
    result = run("extract", article)
    assert result.exit_code == 0, result.output
    (row,) = [line for line in result.stdout.splitlines() if "the road is shut" in line]
    assert "Lee" in row and "Reuters (outlet)" in row and "indirect" in row
    assert "article.txt · 1 statement · " in result.stdout


def test_json_is_the_extractor_s_own_line(run: Run, article: Path) -> None:
    result = run("extract", "--format", "json", article, "--title", "Shut", "--publisher", "P")
    expected = Article(id="article.txt", text=TEXT, title="Shut", publisher="P")
    assert json.loads(result.stdout) == extraction_to_line(
        expected, fake_extractor().extract(expected)
    )


def test_standard_input(run: Run) -> None:
    result = run("extract", "-", "--format", "json", input=TEXT.encode())
    assert json.loads(result.stdout)["id"] == "stdin"
    assert len(statements(result.stdout)) == 1


def test_attitudes_on_request(run: Run, article: Path) -> None:
    result = run("extract", article, "--format", "json", "--acts", "all")
    assert {s["act"] for s in statements(result.stdout)} == {"statement", "attitude"}


def test_least_confidence(run: Run, article: Path) -> None:
    assert (
        statements(run("extract", article, "--format", "json", "--min-confidence", "1").stdout)
        == []
    )
    for value in ("1.5", "-0.1", "nan", "much"):
        result = run("extract", article, "--min-confidence", value)
        assert result.exit_code == 2 and "--min-confidence" in result.stderr


@pytest.mark.parametrize("text", ["", " \n\t", "123 — …", "🙂", "\u202e\x00\x1b[31m"])
def test_texts_with_nothing_in_them_get_an_empty_answer(
    run: Run, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "odd.txt"
    path.write_text(text, encoding="utf-8")
    assert statements(run("extract", path, "--format", "json").stdout) == []
    result = run("extract", path)
    assert result.exit_code == 0 and "0 statements" in result.stdout


def test_offsets_count_the_text_as_it_is_in_the_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "dos.txt"
    text = "🙂 One.\r\nAnn said the road\r\nis shut."
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())  # the byte-order mark is no part of it
    for statement in statements(run("extract", path, "--format", "json").stdout):
        cue = statement["cue"]
        assert isinstance(cue, dict)
        assert text[cue["start"] : cue["end"]] == cue["text"] == "said"


def test_a_foreign_text_is_answered_with_a_warning(run: Run) -> None:
    text = "Der Hafen bleibt bis Freitag geschlossen, sagte der Direktor am Mittwoch."
    result = run("extract", "-", input=text.encode())
    assert result.exit_code == 0
    assert "· de ·" in result.stdout and "warning: " in result.stdout


def test_a_missing_file(run: Run, tmp_path: Path) -> None:
    result = run("extract", tmp_path / "nowhere.txt")
    assert result.exit_code == 2
    assert one_line(result) == f"quotewire: {tmp_path / 'nowhere.txt'}: No such file or directory"


def test_a_folder(run: Run, tmp_path: Path) -> None:
    result = run("extract", tmp_path)
    assert result.exit_code == 2
    assert one_line(result) == f"quotewire: {tmp_path}: Is a directory"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_bytes_that_are_not_utf8_are_named_with_their_position(
    run: Run, tmp_path: Path, mark: bytes
) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(mark + b"caf\xe9 au lait")
    result = run("extract", path)
    assert result.exit_code == 2
    assert one_line(result).endswith(f"not UTF-8: byte 0xe9 at byte position {len(mark) + 3}")


def test_an_unknown_model(run: Run, article: Path) -> None:
    result = run("extract", article, "--model", "nonesuch")
    assert result.exit_code == 2
    assert one_line(result) == "quotewire: model 'nonesuch' not found; known: fake"


def test_a_server_s_threads_are_its_own(run: Run, article: Path) -> None:
    result = run("extract", article, "--server", "localhost:1", "--threads", "2")
    assert result.exit_code == 2
    assert "--threads" in one_line(result)
