"""The rows of both logs: what is written is what is read, and no word of the article slips in."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from quotewire.errors import InputError
from quotewire.experiments.feedback import CORRECTABLE
from quotewire.experiments.records import (
    Exposure,
    Feedback,
    Verdict,
    exposure_from_json,
    exposure_to_json,
    feedback_from_json,
    feedback_to_json,
    format_time,
    to_line,
)
from quotewire.types import Statement
from tests.conftest import ROOT
from tests.experiments.rows import STATEMENT, TEXT, exposure, feedback


def there_and_back(row: Exposure) -> Exposure:
    return exposure_from_json(json.loads(to_line(exposure_to_json(row))))


def without_names(statement: Statement) -> Statement:
    assert statement.speaker
    return replace(
        statement,
        speaker=replace(statement.speaker, name=None),
        intermediaries=tuple(replace(one, name=None) for one in statement.intermediaries),
    )


def test_an_exposure_with_its_text_comes_back_whole() -> None:
    row = exposure(text=TEXT, error=None, min_confidence=0.5, all_acts=True)
    assert there_and_back(row) == row


def test_an_exposure_without_text_has_no_word_of_the_article() -> None:
    row = exposure()
    line = to_line(exposure_to_json(row))
    for word in ("leave", "Ann", "Lee", "Reuters", "told"):
        assert word not in line
    assert there_and_back(row) == replace(row, statements=(without_names(STATEMENT),))


def test_a_failure_comes_back() -> None:
    row = exposure(statements=(), error="OVERLOADED", publisher=None, section=None, language=None)
    assert there_and_back(row) == row


def test_feedback_comes_back() -> None:
    row = feedback(
        verdict=Verdict.CORRECTED,
        corrected={"speaker.name": "Ann Lee", "addressee": None, "cue": {"start": 1, "end": 3}},
    )
    assert feedback_from_json(json.loads(to_line(feedback_to_json(row)))) == row


def test_keys_of_a_newer_version_are_passed_over() -> None:
    line = exposure_to_json(exposure(text=TEXT)) | {"later": 1}
    assert exposure_from_json(line) == exposure(text=TEXT)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", 1),
        ("time", "yesterday"),
        ("time", "2026-11-22T14:05:00"),
        ("role", "spectator"),
        ("bucket", 1.5),
        ("override", 1),
        ("seconds", "fast"),
        ("statements", {}),
        ("statements", [{"id": 1}]),
        ("publisher", 1),
    ],
)
def test_a_wrong_value_is_named(key: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        exposure_from_json(exposure_to_json(exposure()) | {key: value})
    assert caught.value.field.split(".")[0] == key


def test_a_missing_field_is_named() -> None:
    for row in (exposure_to_json(exposure()), feedback_to_json(feedback())):
        read: Any = exposure_from_json if "pair" in row else feedback_from_json
        for key in row:
            with pytest.raises(InputError) as caught:
                read({name: value for name, value in row.items() if name != key})
            assert caught.value.field == key


def test_times_sort_as_text() -> None:
    zone = timezone(timedelta(hours=5))
    times = [datetime(2026, 11, 22, hour, 30, tzinfo=zone) for hour in (1, 7, 23)]
    assert sorted(map(format_time, times)) == list(map(format_time, times))
    assert format_time(times[0]) == "2026-11-21T20:30:00.000000Z"


def test_every_field_is_documented() -> None:
    page = (ROOT / "docs" / "experiments.md").read_text("utf-8")
    names = {field.name for kind in (Exposure, Feedback) for field in fields(kind)}
    assert {name for name in names | set(CORRECTABLE) if f"`{name}`" not in page} == set()
    assert set(exposure_to_json(exposure())) == {field.name for field in fields(Exposure)}
    assert set(feedback_to_json(feedback())) == {field.name for field in fields(Feedback)}
