"""What waits for a model, and what is told of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class HasPieces(Protocol):
    """What the batcher must know of a window: its length in word pieces."""

    @property
    def pieces(self) -> int: ...


Window = TypeVar("Window", bound=HasPieces)
Score = TypeVar("Score")


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What one batch was: ``tokens`` (word pieces) without padding, ``windows``, the ``longest``
    of them (word pieces), and how long the model took (seconds)."""

    tokens: int
    windows: int
    longest: int
    seconds: float

    @property
    def padding_ratio(self) -> float:
        """The share of the batch that was padding, in [0, 1)."""
        return 1.0 - self.tokens / (self.windows * self.longest)


@dataclass(eq=False, slots=True)
class Job(Generic[Window, Score]):
    """One caller's windows."""

    number: int
    windows: Sequence[Window]
    deadline: float | None  # time.monotonic() seconds
    future: Future[list[Score]]
    scores: list[Score | None]
    unscored: int
    since: float  # time.monotonic() seconds
    on_batch: Callable[[float, float], None] | None
    background: bool = False
    # Indices of windows still in the queue, in order (a dict as an ordered set).
    queued: dict[int, None] = field(default_factory=dict)

    def fail(self, error: BaseException) -> None:
        try:
            if not self.future.done():
                self.future.set_exception(error)
        except InvalidStateError:  # cancelled between the two lines
            pass

    def put(self, index: int, score: Score) -> None:
        """Two threads at once must not."""
        self.scores[index] = score
        self.unscored -= 1

    def finish(self) -> None:
        """Once every window has its score."""
        try:
            if not self.future.done():
                self.future.set_result(self.scores)  # type: ignore[arg-type]  # all are filled
        except InvalidStateError:  # cancelled between the two lines
            pass

    @property
    def tokens(self) -> int:
        return sum(self.windows[index].pieces for index in self.queued)
