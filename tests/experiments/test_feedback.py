"""Feedback: kept for good, counted once, in a folder as in PostgreSQL (test_postgres)."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from quotewire.errors import ConfigError, InputError
from quotewire.experiments.feedback import FeedbackStore, with_key
from quotewire.experiments.jsonl import JsonLinesFeedback
from quotewire.experiments.logs import open_feedback, read_feedback
from quotewire.experiments.records import Verdict
from tests.experiments.rows import feedback


def check_a_store(place: str) -> None:
    """What every store does."""
    store = open_feedback(place)
    first, second = feedback("k1"), feedback("k2", verdict=Verdict.REJECTED)
    assert store.record([first]) == [False]
    assert store.record([first, second]) == [True, False]
    assert store.record([second, second]) == [True, True]
    later = replace(first, time=first.time + timedelta(hours=1))
    assert store.record([later]) == [True], "the time is no content"
    store.close()
    assert list(read_feedback(place)) == [first, second]

    again = open_feedback(place)
    assert again.record([first, second]) == [True, True], "also after a restart"
    third = feedback("k3", verdict=Verdict.CORRECTED, corrected={"speaker.name": "Zoë"})
    with pytest.raises(InputError) as caught:
        again.record([third, replace(first, verdict=Verdict.REJECTED)])
    assert caught.value.field == "feedback[1].idempotency_key"
    with pytest.raises(InputError):
        again.record([third, replace(third, editor="ed-8")])
    assert list(read_feedback(place)) == [first, second], "all of a call or none"
    assert again.record([third, third]) == [False, True], "twice in one call"
    others = replace(first, caller="another desk", verdict=Verdict.REJECTED)
    assert again.record([others]) == [False], "keys are each caller's own"
    rows = {(row.caller, row.key): row for row in read_feedback(place)}
    assert rows == {(row.caller, row.key): row for row in (first, second, third, others)}
    again.close()


def test_a_folder_keeps_it(tmp_path: Path) -> None:
    check_a_store(str(tmp_path / "log"))


def test_a_key_is_made_of_the_content() -> None:
    row = with_key(feedback(""))
    assert row.key.startswith("sha256:")
    assert with_key(feedback("")) == row
    assert with_key(feedback("", editor="ed-8")).key != row.key
    assert with_key(feedback("", corrected={"cue": None})).key != row.key
    assert with_key(feedback("mine")).key == "mine"


def test_what_a_crash_left_of_a_line_is_cut_off(tmp_path: Path) -> None:
    store = JsonLinesFeedback(tmp_path)
    store.record([feedback("k1")])
    path = tmp_path / "feedback.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"key": "k2", "ti')
    again = JsonLinesFeedback(tmp_path)
    assert again.record([feedback("k2")]) == [False]
    assert [row.key for row in read_feedback(str(tmp_path))] == ["k1", "k2"]
    assert store.record([feedback("k2")]) == [True], "another process's row"


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "feedback.jsonl").write_text('{"key": 1}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"feedback\.jsonl: a line that is no feedback: key"):
        JsonLinesFeedback(tmp_path)


def test_a_place_that_cannot_be_had_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("in the way", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"experiments_log: .*File exists"):
        open_feedback(str(tmp_path / "log"))


def _record_fifty(place: str) -> None:
    store: FeedbackStore = open_feedback(place)
    for number in range(50):
        store.record([feedback(f"k{number}")])


def test_processes_that_bring_the_same_keys_record_each_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_record_fifty, args=(str(tmp_path),)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    assert sorted(row.key for row in read_feedback(str(tmp_path))) == sorted(
        f"k{number}" for number in range(50)
    )
