"""JSON lines and CSV: whatever is wrong with a record is said, and the next ones are read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from quotewire.batch.readers import find_inputs, open_input
from quotewire.batch.records import BadRecord, ReadOptions, Reason, Record
from quotewire.errors import InputError
from tests.batch.archive_files import articles_of, bad_of, ids_of, read_all, read_bytes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "in.jsonl"


GOOD = json.dumps({"id": "a", "text": "“Ja”, said Ö.", "desk": 7}).encode() + b"\n"


def test_articles_keep_their_fields_and_carry_the_rest(path: Path) -> None:
    (record,) = read_bytes(path, GOOD)
    assert isinstance(record, Record) and record.ref.line == 1
    assert record.article.text == "“Ja”, said Ö."
    assert record.article.meta == {"desk": 7}


def test_packing_is_told_by_its_bytes(path: Path) -> None:
    for packed in (gzip.compress(GOOD * 3), gzip.compress(GOOD) * 3, zstandard.compress(GOOD) * 3):
        assert ids_of(read_bytes(path, packed)) == ["a", "a", "a"]


def test_blank_lines_a_byte_order_mark_and_a_missing_line_end_are_fine(path: Path) -> None:
    records = read_bytes(path, b"\xef\xbb\xbf" + GOOD + b"\n  \r\n" + GOOD.rstrip())
    assert [(r.ref.line, r.ref.record) for r in records] == [(1, 0), (4, 1)]
    assert len(articles_of(records)) == 2


def test_line_ends_other_than_newline_do_not_split_a_line(path: Path) -> None:
    line = json.dumps({"id": "a", "text": "one\u2028two\x85three"}, ensure_ascii=False)
    (article,) = articles_of(read_bytes(path, line.encode() + b"\r\n"))
    assert article.text == "one\u2028two\x85three"


@pytest.mark.parametrize(
    ("line", "article_id", "reason", "detail"),
    [
        (b"{", None, Reason.SYNTAX, "not JSON"),
        (b"NaN", None, Reason.SYNTAX, "NaN is no JSON value"),
        (b'{"id": "x", "text": "t", "n": 1e999}', None, Reason.SYNTAX, "1e999 is out of range"),
        (b"[" * 100_000, None, Reason.SYNTAX, "nested deeper than 100 levels"),
        (
            b'{"id": "x", "text": "t", "n": ' + b"[" * 100 + b"]" * 100 + b"}",
            None,
            Reason.SYNTAX,
            "nested deeper",
        ),
        (b"[1]", None, Reason.TYPE, "a JSON object with id and text"),
        (b'{"id": "x", "text": 5}', "x", Reason.TYPE, "text: got int '5'; allowed: a string"),
        (b'{"id": "x", "text": null}', "x", Reason.TYPE, "text: got NoneType"),
        (b'{"id": 7, "text": "t"}', None, Reason.TYPE, "id: got int"),
        (b'{"id": "x", "text": "t", "title": []}', "x", Reason.TYPE, "title: got list"),
        (b'{"id": "x", "body": "t"}', "x", Reason.MISSING, "here are: 'id', 'body'"),
        (b'{"text": "t"}', None, Reason.MISSING, "id: got nothing"),
        (b'{"id": "", "text": "t"}', None, Reason.MISSING, "id: got ''"),
        (b'{"id": "x", "text": "caf\xe9"}', "x", Reason.ENCODING, "byte 0xe9 at byte 24"),
        (b'{"id": "\xe9", "text": "t"}', None, Reason.ENCODING, "byte 0xe9"),
        (b'{"id": "x", "text": "\xff', None, Reason.ENCODING, "not UTF-8: byte 0xff"),
        (
            b'{"id": "x", "text": "' + b"a" * 101 + b'"}',
            "x",
            Reason.TOO_LONG,
            "text: got 101 characters; allowed: at most 100",
        ),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_the_next_ones_are_read(
    path: Path, line: bytes, article_id: str | None, reason: Reason, detail: str
) -> None:
    before, bad, after = read_bytes(path, GOOD + line + b"\n" + GOOD, max_text_characters=100)
    assert isinstance(before, Record) and isinstance(after, Record)
    assert isinstance(bad, BadRecord)
    assert (str(bad.ref), bad.ref.record) == (f"{path}:2", 1)
    assert (bad.article_id, bad.reason) == (article_id, reason)
    assert detail in bad.detail and len(bad.detail) < 300


def test_a_wrong_name_of_a_field_is_said_for_every_line(path: Path) -> None:
    bad = bad_of(read_bytes(path, GOOD * 2, text="body"))
    assert [b.article_id for b in bad] == ["a", "a"]
    assert bad[0].detail.startswith("text (read from 'body'): got nothing")
    assert "here are: 'id', 'text', 'desk'" in bad[0].detail


def test_brackets_in_a_text_are_no_nesting(path: Path) -> None:
    line = {"id": "x", "text": "[" * 500, "rows": [[n] for n in range(500)]}
    (article,) = articles_of(read_bytes(path, json.dumps(line).encode()))
    assert article.meta == {"rows": line["rows"]}


def test_a_broken_packed_stream_gives_what_came_before_and_says_so(path: Path) -> None:
    lines = b"".join(
        json.dumps({"id": str(n), "text": f"text {n * 7919 % 1013}"}).encode() + b"\n"
        for n in range(20_000)
    )
    packed, frames = gzip.compress(lines), zstandard.compress(lines)
    wrong_checksum = packed[:-8] + bytes(8)
    cut = [packed[: len(packed) // 2], packed[:-4], frames[: len(frames) // 2], frames[:-3]]
    for broken in (*cut, wrong_checksum, packed + b"no gzip", frames + b"no zstd"):
        *good, last = read_bytes(path, broken)
        assert good and ids_of(good) == [str(n) for n in range(len(good))]
        assert isinstance(last, BadRecord) and last.reason is Reason.UNREADABLE
        assert "broken from here on" in last.detail
        assert last.ref.line == len(good) + 1
    (last,) = read_bytes(path.with_name("in.jsonl.gz"), b"")
    assert isinstance(last, BadRecord) and last.reason is Reason.UNREADABLE


def rows(path: Path, data: str | bytes, **options: object) -> list[Record | BadRecord]:
    data = data.encode() if isinstance(data, str) else data
    return read_bytes(path.with_name("in.csv"), data, **options)


def test_csv_rows_keep_their_columns_and_empty_fields_are_absent(path: Path) -> None:
    first, second = rows(path, 'id;text;title;desk\n7;"One; ""two""\nthree";;\n8;;T;x\n')
    assert isinstance(first, Record) and isinstance(second, Record)
    assert (first.article.id, first.article.text) == ("7", 'One; "two"\nthree')
    assert first.article.title is None and first.article.meta == {}
    assert (second.article.text, second.article.title) == ("", "T")
    assert second.article.meta == {"desk": "x"}
    assert [first.ref.line, second.ref.line] == [2, 4]


@pytest.mark.parametrize(
    ("row", "article_id", "reason", "detail"),
    [
        (b"x,y,z", None, Reason.SYNTAX, "3 fields, where the header has 2"),
        (b"x", None, Reason.SYNTAX, "1 fields"),
        (b'x,"never closed', None, Reason.SYNTAX, "no CSV row begins here"),
        (b'x,"said "no" to it"', None, Reason.SYNTAX, "no CSV row begins here"),
        (b",t", None, Reason.MISSING, "id: got nothing"),
        (b"x,caf\xe9", "x", Reason.ENCODING, "byte 0xe9 at character 3 of 'text'"),
        (b"x," + b"a" * 101, "x", Reason.TOO_LONG, "101 characters"),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_the_next_ones_are_read(
    path: Path, row: bytes, article_id: str | None, reason: Reason, detail: str
) -> None:
    good = b'a,"one\ntwo"\n'
    records = rows(path, b"id,text\n" + good + row + b"\n" + good * 2, max_text_characters=100)
    assert [r.ref.line for r in records] == [2, 4, 5, 7]
    (bad,) = bad_of(records)
    assert bad is records[1]
    assert (bad.article_id, bad.reason) == (article_id, reason)
    assert detail in bad.detail


def test_a_mark_that_is_never_closed_swallows_no_other_row(path: Path) -> None:
    for number in range(3):
        lines = [f"{n},text {n}" for n in range(3)]
        lines[number] = f'{number},"open'
        records = rows(path, "\n".join(["id,text", *lines]))
        assert [isinstance(r, BadRecord) for r in records] == [n == number for n in range(3)]


def test_a_table_without_the_columns_is_refused_at_once(path: Path) -> None:
    with pytest.raises(
        InputError, match=r"text of .*in\.csv: got column 'body'; allowed: 'id', 't"
    ):
        rows(path, "id,text\n1,one\n", text="body")
    with pytest.raises(InputError, match=r"title of .*'headline'"):
        rows(path, "id,text\n1,one\n", title="headline")
    with pytest.raises(InputError, match="two of 'text'"):
        rows(path, "id,text,text\n1,one,two\n")
    assert rows(path, "") == []


def test_a_packed_table_that_breaks_off_says_so(path: Path) -> None:
    data = "id,text\n" + "".join(f"{n},text {n * 7919 % 1013}\n" for n in range(20_000))
    *good, last = rows(path, gzip.compress(data.encode())[:-9])
    assert len(good) > 10_000 and all(isinstance(r, Record) for r in good)
    assert isinstance(last, BadRecord) and last.reason is Reason.UNREADABLE


def test_text_files_must_be_utf8_and_of_bounded_length(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "1.txt").write_bytes(b"\xef\xbb\xbfGood.")
    (folder / "2.txt").write_bytes(b"\xef\xbb\xbfcaf\xe9")
    (folder / "3.txt").write_text("a" * 101)
    (folder / "4.txt").write_text("")
    records = read_all(folder, max_text_characters=100)
    assert [a.text for a in articles_of(records)] == ["Good.", ""]
    assert [(b.article_id, b.reason) for b in bad_of(records)] == [
        ("2.txt", Reason.ENCODING),
        ("3.txt", Reason.TOO_LONG),
    ]
    assert "byte 0xe9 at byte 6 of the file" in bad_of(records)[0].detail


def test_an_input_that_vanished_is_no_bad_record(path: Path) -> None:
    path.write_bytes(GOOD)
    (file,) = find_inputs([str(path)], options=ReadOptions())
    path.unlink()
    with open_input(file, options=ReadOptions()) as reader, pytest.raises(FileNotFoundError):
        list(reader.read(0, 1))
