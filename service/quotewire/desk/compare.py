"""Two models' statements side by side: which belong together, and in what they differ.

Pure functions over domain values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quotewire.types import Span, Statement


@dataclass(frozen=True, slots=True)
class Pair:
    """One statement as two models have it; None where one of them has it not.

    ``differences`` names the parts that differ, empty where the two agree.
    """

    first: Statement | None
    second: Statement | None
    differences: tuple[str, ...] = ()

    @property
    def place(self) -> Span:
        """Where it stands in the text: its cue, for sorting."""
        one = self.first or self.second
        assert one is not None
        return one.cue

    @property
    def agrees(self) -> bool:
        return self.first is not None and self.second is not None and not self.differences


def pairs(first: Sequence[Statement], second: Sequence[Statement]) -> list[Pair]:
    """Every statement of both exactly once, in text order.

    Statements belong together if their quotes share at least half of the code points that either
    covers, or if their cues overlap and their quotes share anything; best matches first.
    """
    candidates = sorted(
        (
            (-score, here, there)
            for here, one in enumerate(first)
            for there, other in _near(one, second)
            if (score := _likeness(one, other)) > 0
        ),
    )
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for _, here, there in candidates:
        if here not in partner and there not in taken:
            partner[here] = there
            taken.add(there)
    result = []
    for here, one in enumerate(first):
        other = second[partner[here]] if here in partner else None
        result.append(Pair(one, other, differences(one, other) if other else ()))
    result += [Pair(None, other) for there, other in enumerate(second) if there not in taken]
    return sorted(result, key=lambda pair: (pair.place, pair.first is None))


def differences(one: Statement, other: Statement) -> tuple[str, ...]:
    """The parts in which two versions of a statement differ, in the words of the domain.

    Confidence is none of them: two models never give the same.
    """
    parts = (
        ("quote", one.quote.spans, other.quote.spans),
        ("kind", one.quote.kind, other.quote.kind),
        ("cue", one.cue, other.cue),
        ("speaker", one.speaker, other.speaker),
        ("via", one.intermediaries, other.intermediaries),
        ("addressee", one.addressee, other.addressee),
        ("act", one.act, other.act),
        ("inside", one.reported_in is None, other.reported_in is None),
    )
    return tuple(name for name, here, there in parts if here != there)


def _near(one: Statement, others: Sequence[Statement]) -> list[tuple[int, Statement]]:
    low, high = _extent(one)
    return [
        (at, other)
        for at, other in enumerate(others)
        if (extent := _extent(other))[0] < high and low < extent[1]
    ]


def _extent(statement: Statement) -> tuple[int, int]:
    spans = (*statement.quote.spans, statement.cue)
    return min(span.start for span in spans), max(span.end for span in spans)


def _likeness(one: Statement, other: Statement) -> float:
    """In (0, 2]: the share of the quotes' code points in common, and 1 more for a common cue; 0
    where the two do not belong together."""
    common = sum(
        max(0, min(a.end, b.end) - max(a.start, b.start))
        for a in one.quote.spans
        for b in other.quote.spans
    )
    if not common:
        return 0.0
    total = sum(len(span) for span in (*one.quote.spans, *other.quote.spans)) - common
    share = common / total
    cue = one.cue.overlaps(other.cue)
    return share + cue if cue or share >= 0.5 else 0.0
