"""Every format gives the same articles, any range of them, and says what is wrong with the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from quotewire.batch.readers import find_inputs, open_input
from quotewire.batch.records import InputFormat, ReadOptions, Record
from quotewire.errors import InputError
from quotewire.types import Article
from tests.batch.archive_files import (
    ARTICLES,
    WRITERS,
    articles_of,
    jsonl,
    read_all,
    read_bytes,
    write_archive,
)

EXPECTED = [Article(**fields) for fields in ARTICLES]


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_articles(tmp_path: Path, name: str) -> None:
    found = articles_of(read_all(write_archive(tmp_path, name)))
    for article, expected in zip(found, EXPECTED, strict=True):
        if name == "folder_text":  # knows nothing else
            assert article.id.endswith(f"/{expected.id}.txt")
            assert article == Article(id=article.id, text=expected.text)
            continue
        if name == "folder_html":
            assert article.id.endswith(f"/{expected.id}.html")
            expected = replace(expected, id=article.id)
        assert replace(article, meta={}) == expected


@pytest.mark.parametrize("name", WRITERS)
def test_any_range_can_be_read_again_from_its_place(tmp_path: Path, name: str) -> None:
    whole = read_all(write_archive(tmp_path, name))
    (file,) = find_inputs([str(tmp_path / name)], options=ReadOptions())
    with open_input(file, options=ReadOptions()) as reader:
        places = [reader.place for _ in reader.sizes()]
        assert len(places) == len(whole) == 3
        for start in range(3):
            for stop in range(start, 5):  # forwards, backwards, twice, beyond the end
                assert list(reader.read(start, stop)) == whole[start:stop]
                again = open_input(file, options=ReadOptions())
                with again:
                    assert list(again.read(start, stop, place=places[start])) == whole[start:stop]
        assert [next(reader.read(n, n + 1)) for n in (0, 1, 2)] == whole
    seekable = name in ("plain.jsonl", "rows.csv", "crawl.warc", "crawl.warc.gz")
    assert all(place is not None for place in places) == seekable


def test_what_stands_where_can_be_found_by_people(tmp_path: Path) -> None:
    for name, expected in {
        "plain.jsonl": "plain.jsonl:2",
        "rows.csv": "rows.csv:5",  # a text of several lines stands before
        "table.parquet": "table.parquet:2",
        "folder_text": "folder_text/part0/a2.txt:1",
        "crawl.warc": "crawl.warc:7",
        "crawl.wacz": "crawl.wacz/archive/data-1.warc.gz:4",
    }.items():
        record = read_all(write_archive(tmp_path, name))[1]
        assert str(record.ref) == str(tmp_path / expected)


@pytest.mark.parametrize("name", ["plain.jsonl", "packed.jsonl.zst", "table.parquet", "crawl.wacz"])
def test_urls_are_read_like_files(tmp_path: Path, name: str) -> None:
    path = write_archive(tmp_path, name)
    local = articles_of(read_all(path))
    assert articles_of(read_all(f"file://{path}")) == local
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe(f"/{tmp_path.name}/{name}", path.read_bytes())
    assert articles_of(read_all(f"memory://{tmp_path.name}/{name}")) == local
    assert articles_of(read_all(f"memory://{tmp_path.name}/*")) == local


def test_a_folder_gives_all_its_inputs_in_the_order_of_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("table.parquet", "plain.jsonl", "folder_text"):
        write_archive(tmp_path, name)
    for name in ("notes.docx", "_SUCCESS", ".hidden.jsonl"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "_run").mkdir()
    (tmp_path / "_run" / "more.jsonl").write_bytes(jsonl())
    inputs = find_inputs([str(tmp_path)], options=ReadOptions())
    assert [(os.path.basename(file.url), file.format.value) for file in inputs] == [
        ("plain.jsonl", "jsonl"),
        ("table.parquet", "parquet"),
        (tmp_path.name, "text"),
    ]
    assert "passed over 1 files of other kinds" in caplog.text
    assert len(read_all(tmp_path)) == 9


def test_what_a_file_is_can_be_told_by_its_bytes_or_said(tmp_path: Path) -> None:
    for number, (name, told) in enumerate(
        {"plain.jsonl": "jsonl", "table.parquet": "parquet", "crawl.warc.gz": "warc"}.items()
    ):
        nameless = write_archive(tmp_path, name).rename(tmp_path / f"file{number}")
        (file,) = find_inputs([str(nameless)], options=ReadOptions())
        assert file.format.value == told
    rows = write_archive(tmp_path, "rows.csv").rename(tmp_path / "rows")
    with pytest.raises(InputError, match="--format with one of jsonl, csv"):
        read_all(rows)
    assert articles_of(read_all(rows, format=InputFormat.CSV)) == EXPECTED


def test_inputs_that_are_none_are_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path, "plain.jsonl")
    with pytest.raises(FileNotFoundError):
        find_inputs([str(tmp_path / "nowhere.jsonl")], options=ReadOptions())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="at least one article"):
        find_inputs([str(tmp_path / "empty")], options=ReadOptions())
    (tmp_path / "same.jsonl").symlink_to(path)
    with pytest.raises(InputError, match="twice"):
        find_inputs([str(path), str(tmp_path / "same.jsonl")], options=ReadOptions())


@pytest.mark.parametrize("name", ["plain.jsonl", "folder_text"])
def test_the_fingerprint_changes_with_the_content(tmp_path: Path, name: str) -> None:
    path = write_archive(tmp_path, name)
    (before,) = find_inputs([str(path)], options=ReadOptions())
    assert find_inputs([str(path)], options=ReadOptions()) == [before]
    inner = path / "part0" / "a2.txt" if path.is_dir() else path
    data = inner.read_bytes()
    time = inner.stat().st_mtime_ns
    inner.write_bytes(data[:-1] + b"!")  # of the same size
    os.utime(inner, ns=(time + 1, time + 1))
    (after,) = find_inputs([str(path)], options=ReadOptions())
    assert after.size == before.size and after.fingerprint != before.fingerprint


def test_fields_are_found_under_the_names_they_are_given(tmp_path: Path) -> None:
    line = (
        b'{"guid": "g1", "content": {"body": "Text.", "words": 1}, "headline": "T", "id": 5,'
        b' "source": {"name": "Post"}, "title": ["other"]}\n'
    )
    (record,) = read_bytes(
        tmp_path / "in.jsonl",
        line,
        id="guid",
        text="content.body",
        title="headline",
        publisher="source.name",
    )
    assert isinstance(record, Record)
    assert record.article == Article(
        id="g1",
        text="Text.",
        title="T",
        publisher="Post",
        meta={"content": {"words": 1}, "id": 5, "title": ["other"]},
    )


def test_articles_without_ids_get_the_name_of_their_place(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    records = read_bytes(path, b"text\none\n\ntwo\n", id=None)
    assert [(a.id, a.text) for a in articles_of(records)] == [
        (f"{path}#0", "one"),
        (f"{path}#1", "two"),
    ]


_READ_WITHIN = """
import resource, sys
from quotewire.batch.readers import find_inputs, open_input
from quotewire.batch.records import ReadOptions
options = ReadOptions(max_text_characters=100_000)
(file,) = find_inputs([sys.argv[1]], options=options)
with open_input(file, options=options) as reader:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = sum(1 for _ in reader.sizes())
    kinds = [type(r).__name__ for r in reader.read(0, count)]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(count, kinds.count("BadRecord"), grown)
"""


@pytest.mark.parametrize("name", ["long.jsonl", "long.jsonl.gz", "long.csv", "long.txt"])
def test_an_enormous_record_is_never_read_whole(tmp_path: Path, name: str) -> None:
    """Memory grows by less than the record is long: 100 MB of one line."""
    import gzip

    size = 100_000_000
    header = b"id,text\n" if name.endswith("csv") else b""
    data = header + b'x,"' + b"a" * size + b'"\n' if header else b'{"a": "' + b"a" * size + b'"}\n'
    path = tmp_path / name
    path.write_bytes(gzip.compress(data, 1) if name.endswith("gz") else data)
    run = subprocess.run(
        [sys.executable, "-c", _READ_WITHIN, str(path)], capture_output=True, text=True, check=True
    )
    count, bad, grown_kib = map(int, run.stdout.split())
    assert (count, bad) == (1, 1)
    assert grown_kib < 40_000
