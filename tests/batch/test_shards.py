"""An archive is cut so that every record is in exactly one shard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quotewire.batch.readers import find_inputs, open_input
from quotewire.batch.records import ReadOptions, Record
from quotewire.batch.shards import plan

READING = ReadOptions()


def write(path: Path, records: int, *, text: str = "x") -> str:
    lines = [json.dumps({"id": f"{path.stem}-{n}", "text": text}) + "\n" for n in range(records)]
    path.write_text("\n".join(lines))  # a blank line behind each
    return str(path)


def cut(tmp_path: Path, *sizes: int, shard_records: int | None = None, text: str = "x"):  # type: ignore[no-untyped-def]
    paths = [write(tmp_path / f"{n}.jsonl", size, text=text) for n, size in enumerate(sizes)]
    files = find_inputs(paths, options=READING)
    return plan(files, reading=READING, shard_records=shard_records)


@pytest.mark.parametrize("shard_records", [1, 3, 7, 100, None])
def test_every_record_is_in_one_shard(tmp_path: Path, shard_records: int | None) -> None:
    whole = cut(tmp_path, 10, 0, 7, 1, shard_records=shard_records)
    assert whole.records == 18
    assert [shard.number for shard in whole.shards] == list(range(len(whole.shards)))
    ids, rows = [], []
    for shard in whole.shards:
        assert 0 < shard.stop - shard.start <= (shard_records or 100)
        with open_input(shard.file, options=READING) as reader:
            for record in reader.read(shard.start, shard.stop, place=shard.place):
                assert isinstance(record, Record)
                ids.append(record.article.id)
                rows.append(shard.first_row + record.ref.record - shard.start)
    expected = {0: 10, 2: 7, 3: 1}
    assert ids == [f"{file}-{n}" for file, size in expected.items() for n in range(size)]
    assert rows == list(range(18))


def test_shards_grow_with_the_run(tmp_path: Path) -> None:
    sizes = [s.stop - s.start for s in cut(tmp_path, 20_000).shards]
    assert sizes[0] == 100 and max(sizes) > 200
    assert sizes[:-1] == sorted(sizes[:-1]) and len(sizes) < 200


def test_long_texts_make_small_shards(tmp_path: Path) -> None:
    shards = cut(tmp_path, 10, text="x" * 20_000_000).shards
    assert all(shard.stop - shard.start <= 4 for shard in shards)


def test_nothing_gives_no_shards(tmp_path: Path) -> None:
    assert cut(tmp_path, 0).shards == ()
