"""Every line of an input becomes an article or says why it is none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from quotewire.batch.readers import JsonLinesReader, Record


def read(path: Path, data: bytes) -> list[Record]:
    path.write_bytes(data)
    with JsonLinesReader(path) as reader:
        return list(reader)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "in.jsonl"


GOOD = json.dumps({"id": "a", "text": "“Ja”, said Ö.", "desk": 7}).encode() + b"\n"


def test_articles_keep_their_fields_and_carry_the_rest(path: Path) -> None:
    (record,) = read(path, GOOD)
    assert record.problem is None and record.line == 1 and record.article_id == "a"
    assert record.article is not None
    assert record.article.text == "“Ja”, said Ö."
    assert record.article.meta == {"desk": 7}


def test_gzip_is_told_by_its_bytes(path: Path) -> None:
    assert [r.article_id for r in read(path, gzip.compress(GOOD * 3))] == ["a", "a", "a"]


def test_blank_lines_a_byte_order_mark_and_a_missing_line_end_are_fine(path: Path) -> None:
    records = read(path, b"\xef\xbb\xbf" + GOOD + b"\n  \r\n" + GOOD.rstrip())
    assert [(r.line, r.problem) for r in records] == [(1, None), (4, None)]


def test_line_ends_other_than_newline_do_not_split_a_line(path: Path) -> None:
    line = json.dumps({"id": "a", "text": "one\u2028two\x85three"}, ensure_ascii=False)
    (record,) = read(path, line.encode() + b"\r\n")
    assert record.article is not None and record.article.text == "one\u2028two\x85three"


@pytest.mark.parametrize(
    ("line", "article_id", "problem"),
    [
        (b"{", None, "not JSON"),
        (b"NaN", None, "NaN is no JSON value"),
        (b"[1]", None, "a JSON object with id and text"),
        (b'{"id": "x", "text": "t", "n": 1e999}', None, "1e999 is out of range"),
        (b"[" * 100_000, None, "nested deeper than 100 levels"),
        (b'{"id": "x", "text": "t", "n": ' + b"[" * 100 + b"]" * 100 + b"}", None, "nested deeper"),
        (b'{"id": "x"}', "x", "text"),
        (b'{"id": "x", "text": 5}', "x", "text: got int"),
        (b'{"id": "x", "text": null}', "x", "text"),
        (b'{"text": "t"}', None, "id"),
        (b'{"id": "", "text": "t"}', None, "id"),
        (b'{"id": 7, "text": "t"}', None, "id: got int"),
        (b'{"id": "x", "text": "t", "title": []}', "x", "title: got list"),
        (b'{"id": "x", "text": "caf\xe9"}', "x", "not UTF-8: byte 0xe9 at byte 24"),
        (b'{"id": "\xe9", "text": "t"}', None, "not UTF-8: byte 0xe9"),
        (b'{"id": "x", "text": "\xff', None, "not UTF-8: byte 0xff"),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_the_next_ones_are_read(
    path: Path, line: bytes, article_id: str | None, problem: str
) -> None:
    before, bad, after = read(path, GOOD + line + b"\n" + GOOD)
    assert before.article is not None and after.article is not None
    assert bad.article is None and bad.line == 2 and bad.source == str(path)
    assert bad.article_id == article_id
    assert bad.problem is not None and problem in bad.problem


def test_brackets_in_a_text_are_no_nesting(path: Path) -> None:
    line = {"id": "x", "text": "[" * 500, "rows": [[n] for n in range(500)]}
    (record,) = read(path, json.dumps(line).encode())
    assert record.article is not None and record.article.meta == {"rows": line["rows"]}


def test_a_broken_gzip_stream_gives_what_came_before_and_says_so(path: Path) -> None:
    lines = b"".join(
        json.dumps({"id": str(n), "text": f"text {n * 7919 % 1013}"}).encode() + b"\n"
        for n in range(4_000)
    )
    packed = gzip.compress(lines)
    wrong_checksum = packed[:-8] + bytes(8)
    for broken in (packed[: len(packed) // 2], packed[:-4], wrong_checksum):
        *good, last = read(path, broken)
        assert good and [r.article_id for r in good] == [str(n) for n in range(len(good))]
        assert last.problem is not None and "gzip stream is broken" in last.problem
        assert last.line == len(good) + 1


def test_the_position_goes_from_nothing_to_the_whole_file(path: Path) -> None:
    path.write_bytes(gzip.compress(GOOD * 50_000))
    with JsonLinesReader(path) as reader:
        assert (reader.position, reader.size) == (0, path.stat().st_size)
        positions = [reader.position for _ in reader]
        assert positions == sorted(positions)
        assert reader.position == reader.size
    assert reader.position == reader.size


def test_a_missing_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        JsonLinesReader(tmp_path / "nowhere.jsonl")
