"""The exposure log: calls never wait for it, nothing is lost unseen."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from quotewire.errors import InputError
from quotewire.experiments.exposures import ExposureLog
from quotewire.experiments.jsonl import JsonLinesSink
from quotewire.experiments.logs import read_exposures
from quotewire.experiments.records import Exposure
from tests.experiments.rows import TEXT, exposure

PATIENCE_S = 30.0


class FakeSink:
    """Keeps rows; can be held back and made to fail."""

    def __init__(self) -> None:
        self.rows: list[Exposure] = []
        self.tries = 0
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False
        self.closed = False

    def write(self, rows: Sequence[Exposure]) -> int:
        self.tries += 1
        assert self.gate.wait(PATIENCE_S)
        if self.broken:
            raise OSError("no space left on device")
        self.rows += rows
        return 0

    def close(self) -> None:
        self.closed = True


class Opened:
    """A log around a sink, and what it counted."""

    def __init__(self, sink: FakeSink, *, max_rows: int = 1000) -> None:
        self.counts: Counter[str] = Counter()
        self.log = ExposureLog(
            sink,
            max_rows=max_rows,
            count=lambda outcome, rows: self.counts.update({outcome: rows}),
        )


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def sink() -> Iterator[FakeSink]:
    sink = FakeSink()
    yield sink
    sink.gate.set()


def test_rows_are_written_in_order_and_the_rest_at_the_end(sink: FakeSink) -> None:
    opened = Opened(sink)
    rows = [exposure(n) for n in range(700)]
    assert all(opened.log.put(row) for row in rows)
    opened.log.close(timeout_s=PATIENCE_S)
    assert sink.rows == rows
    assert sink.closed
    assert opened.counts == {"written": 700}
    assert not opened.log.put(exposure()), "closed"


def test_a_slow_sink_costs_rows_and_no_time(sink: FakeSink) -> None:
    sink.gate.clear()
    opened = Opened(sink, max_rows=10)
    # Nothing here could go on if put() waited for the sink.
    taken = [opened.log.put(exposure(n)) for n in range(50)]
    assert taken == [True] * 10 + [False] * 40
    assert opened.counts == {"dropped": 40}
    assert opened.log.waiting == 10
    assert opened.log.oldest_s > 0
    sink.gate.set()
    until(lambda: opened.log.waiting == 0)
    assert opened.log.oldest_s == 0
    assert opened.log.put(exposure(50))
    opened.log.close(timeout_s=PATIENCE_S)
    assert [row.article_id for row in sink.rows] == [f"a{n}" for n in [*range(10), 50]]
    assert opened.counts == {"dropped": 40, "written": 11}


def test_a_failing_sink_is_told_of_and_recovers(
    sink: FakeSink, caplog: pytest.LogCaptureFixture
) -> None:
    sink.broken = True
    opened = Opened(sink)
    with caplog.at_level("INFO"):
        opened.log.put(exposure(1))
        until(lambda: opened.log.failing and sink.tries >= 2)
        opened.log.put(exposure(2))
        assert opened.log.waiting == 2
        sink.broken = False
        until(lambda: not opened.log.waiting)
        assert not opened.log.failing
        opened.log.close(timeout_s=PATIENCE_S)
    assert [row.article_id for row in sink.rows] == ["a1", "a2"]
    assert opened.counts == {"written": 2}
    assert [record.message for record in caplog.records] == [
        "the exposure log cannot be written: OSError",
        "the exposure log can be written again",
    ]


@pytest.mark.parametrize("hangs", [False, True])
def test_what_cannot_be_written_at_the_end_is_counted(sink: FakeSink, hangs: bool) -> None:
    opened = Opened(sink)
    sink.broken = True
    if hangs:
        sink.gate.clear()
    for n in range(3):
        opened.log.put(exposure(n))
    opened.log.close(timeout_s=0.1 if hangs else PATIENCE_S)
    assert opened.counts == {"dropped": 3}


def test_many_threads_may_put(sink: FakeSink) -> None:
    opened = Opened(sink, max_rows=100_000)
    threads = [
        threading.Thread(
            target=lambda at: [opened.log.put(exposure(at + n)) for n in range(200)],
            args=(1000 * number,),
        )
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened.log.close(timeout_s=PATIENCE_S)
    assert len({row.id for row in sink.rows}) == len(sink.rows) == 800


# ---------------------------------------------------------------- JSON lines


def test_json_lines_come_back(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path / "log", max_bytes=10**6)
    rows = [exposure(n, text=TEXT) for n in range(5)]
    assert sink.write(rows[:2]) == 0
    assert sink.write(rows[2:]) == 0
    assert list(read_exposures(str(tmp_path / "log"))) == rows, "also while it is being written"
    sink.close()
    [path] = (tmp_path / "log").iterdir()
    assert list(read_exposures(str(path))) == rows
    assert path.stat().st_mode & 0o007 == 0, "not for everybody's eyes"


def test_a_full_file_is_followed_by_another(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path, max_bytes=2000)
    for n in range(20):
        sink.write([exposure(n)])
    sink.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) > 3
    assert all(file.stat().st_size < 2000 + 1500 for file in files)
    got = [row.article_id for row in read_exposures(str(tmp_path))]
    assert got == [f"a{n}" for n in range(20)], "in order over all files"


def test_two_processes_write_side_by_side(tmp_path: Path) -> None:
    one, other = (JsonLinesSink(tmp_path, max_bytes=10**6) for _ in range(2))
    for n in range(0, 20, 2):
        one.write([exposure(n)])
        other.write([exposure(n + 1)])
    assert {row.article_id for row in read_exposures(str(tmp_path))} == {f"a{n}" for n in range(20)}
    one.close()
    other.close()


def test_half_a_line_is_no_row_and_a_broken_one_is_named(tmp_path: Path) -> None:
    sink = JsonLinesSink(tmp_path, max_bytes=10**6)
    sink.write([exposure(1), exposure(2)])
    sink.close()
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert [row.article_id for row in read_exposures(str(tmp_path))] == ["a1"]
    path.write_bytes(whole.replace(b'"bucket":8858', b'"bucket":"x"', 1))
    with pytest.raises(InputError, match=r"exposures-.*, line 1: bucket: got 'x'"):
        list(read_exposures(str(tmp_path)))
    path.write_bytes(b"[]\n")
    with pytest.raises(InputError, match="line 1: got list; allowed: one JSON object"):
        list(read_exposures(str(tmp_path)))


def test_a_write_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = JsonLinesSink(tmp_path, max_bytes=10**6)
    sink.write([exposure(1)])
    real, calls = os.write, []

    def full_disk(file: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) == 1:
            return real(file, data[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full_disk)
        with pytest.raises(OSError, match="No space"):
            sink.write([exposure(2), exposure(3)])
    sink.write([exposure(2), exposure(3)])
    sink.close()
    assert [row.article_id for row in read_exposures(str(tmp_path))] == ["a1", "a2", "a3"]


def test_a_folder_that_cannot_be_made_fails_until_it_can(tmp_path: Path) -> None:
    place = tmp_path / "log"
    place.write_text("in the way", encoding="utf-8")
    counts: Counter[str] = Counter()
    log = ExposureLog(
        JsonLinesSink(place, max_bytes=10**6),
        max_rows=10,
        count=lambda outcome, rows: counts.update({outcome: rows}),
    )
    log.put(exposure(1))
    until(lambda: log.failing)
    place.unlink()
    until(lambda: not log.waiting)
    log.close(timeout_s=PATIENCE_S)
    [path] = place.iterdir()
    assert json.loads(path.read_text("utf-8"))["article_id"] == "a1"
    assert counts == {"written": 1}
