"""How fast the server answers, as the desk has seen it: what a progress bar can be drawn by."""

from __future__ import annotations

# How much the latest answer counts against all before it.
_LATEST = 0.3
# Shorter texts are mostly overhead and would tell nothing of longer ones.
_MIN_CODE_POINTS = 2_000


class Pace:
    """A running mean over the answers to longer articles."""

    def __init__(self) -> None:
        self._mean: float | None = None

    @property
    def code_points_per_s(self) -> float | None:
        """None until there was an answer to go by."""
        return self._mean

    def add(self, *, code_points: int, seconds: float) -> None:
        """Takes one answer into account."""
        if code_points < _MIN_CODE_POINTS or seconds <= 0:
            return
        latest = code_points / seconds
        if self._mean is None:
            self._mean = latest
        else:
            self._mean += _LATEST * (latest - self._mean)
