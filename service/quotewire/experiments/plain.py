"""A report as plain JSON values; docs/experiments.md describes the fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import numpy as np

from quotewire.experiments.records import format_time
from quotewire.experiments.report import Report
from quotewire.experiments.statistics import FIRST_LOOK, LEVEL, known
from quotewire.experiments.verdict import sentences, verdict

FORMAT = "quotewire-experiment-report/1"


def to_json(report: Report) -> dict[str, Any]:
    """Everything in the report, and the verdicts; undefined is null."""
    out: dict[str, Any] = {"format": FORMAT, "level": LEVEL, "first_look": FIRST_LOOK}
    out |= _plain(report)
    out["split_mismatch"] = None if report.split is None else report.split.mismatch
    for line, versus in zip(out["versus"], report.versus, strict=True):
        line["verdict"] = verdict(report, versus)
        line["sentences"] = _plain(sentences(report, versus))
    return out


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return [_plain(inner) for inner in value.tolist()]
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, Enum):
        return value.value
    return known(value) if isinstance(value, float) else value
