"""What is known of a call."""

from __future__ import annotations

import pytest

from quotewire.serving.calls import covered_s


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0.0),
        ([(1.0, 3.0)], 2.0),
        ([(5.0, 6.0), (1.0, 3.0)], 3.0),
        ([(1.0, 3.0), (2.0, 5.0)], 4.0),
        ([(1.0, 9.0), (2.0, 3.0), (4.0, 5.0)], 8.0),
    ],
)
def test_time_covered_twice_counts_once(spans: list[tuple[float, float]], seconds: float) -> None:
    assert covered_s(spans) == seconds
