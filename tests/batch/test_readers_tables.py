"""Parquet: types that articles do not have, broken files, strings that are none."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quotewire.batch.readers import find_inputs, open_input
from quotewire.batch.records import ReadOptions, Reason, Record
from quotewire.errors import InputError
from tests.batch.archive_files import articles_of, bad_of, read_all, read_bytes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "in.parquet"


def test_numbers_and_times_become_what_json_can_carry(path: Path) -> None:
    day = datetime.datetime(2024, 3, 5, 8, tzinfo=datetime.UTC)
    rows = {
        "id": [7, 8],
        "text": ["one", "two"],
        "published": [day, None],
        "score": [float("nan"), 0.5],
        "raw": [b"\xff", None],
        "tags": [["a"], ["b"]],
        "nested": [{"at": day.date()}, None],
    }
    pq.write_table(pa.table(rows), path)
    first, second = articles_of(read_all(path))
    assert (first.id, first.published) == ("7", "2024-03-05T08:00:00+00:00")
    assert first.meta == {"score": None, "raw": "ff", "tags": ["a"], "nested": {"at": "2024-03-05"}}
    assert (second.published, second.meta) == (None, {"score": 0.5, "tags": ["b"]})


def test_rows_that_are_no_articles_say_why(path: Path) -> None:
    texts = pa.array(["one", None, "a" * 101, "four"])
    pq.write_table(pa.table({"id": ["1", "2", "3", None], "text": texts}), path)
    bad = bad_of(read_all(path, max_text_characters=100))
    assert [(b.ref.line, b.article_id, b.reason) for b in bad] == [
        (2, "2", Reason.MISSING),
        (3, "3", Reason.TOO_LONG),
        (4, None, Reason.MISSING),
    ]
    with pytest.raises(InputError, match=r"text of .*'body'; allowed: 'id', 'text'"):
        read_all(path, text="body")


def test_a_string_that_is_no_utf8_costs_its_row_only(path: Path) -> None:
    raw = pa.array([b"one", b"caf\xe9", b"three"], pa.binary())
    texts = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    pq.write_table(pa.table({"id": ["1", "2", "3"], "text": texts}), path)
    records = read_all(path)
    assert [a.id for a in articles_of(records)] == ["1", "3"]
    (bad,) = bad_of(records)
    assert (bad.article_id, bad.reason, bad.ref.line) == ("2", Reason.ENCODING, 2)


def test_a_file_that_is_no_parquet_is_one_bad_record(path: Path) -> None:
    pq.write_table(pa.table({"id": ["1"], "text": ["one"]}), path)
    for data in (b"", b"PAR1", path.read_bytes()[:-10], b"PAR1" + bytes(100)):
        (bad,) = bad_of(read_bytes(path, data))
        assert bad.reason is Reason.UNREADABLE and "no Parquet file" in bad.detail


def test_a_broken_row_group_costs_its_rows_only(path: Path) -> None:
    ids = [str(n) for n in range(300)]
    table = pa.table({"id": ids, "text": [f"text {n * 7919 % 1013}" for n in range(300)]})
    pq.write_table(table, path, row_group_size=100, compression="zstd")
    group = pq.ParquetFile(path).metadata.row_group(1).column(1)
    data = bytearray(path.read_bytes())
    start = group.dictionary_page_offset or group.data_page_offset
    data[start : start + group.total_compressed_size] = bytes(group.total_compressed_size)
    records = read_bytes(path, bytes(data))
    assert [a.id for a in articles_of(records)] == [*ids[:100], *ids[200:]]
    assert {(b.reason, "row group 1" in b.detail) for b in bad_of(records)} == {
        (Reason.UNREADABLE, True)
    }
    (file,) = find_inputs([str(path)], options=ReadOptions())
    with open_input(file, options=ReadOptions()) as reader:
        assert list(reader.read(150, 250)) == records[150:250]


def test_ranges_begin_anywhere_in_row_groups(path: Path) -> None:
    ids = [str(n) for n in range(250)]
    pq.write_table(pa.table({"id": ids, "text": ids}), path, row_group_size=90)
    (file,) = find_inputs([str(path)], options=ReadOptions())
    with open_input(file, options=ReadOptions()) as reader:
        for start, stop in ((0, 1), (89, 91), (91, 180), (40, 77), (33, 250), (249, 400)):
            found = list(reader.read(start, stop))
            assert [r.article.id for r in found if isinstance(r, Record)] == ids[start:stop]
            assert [r.ref.record for r in found] == list(range(start, min(stop, 250)))
