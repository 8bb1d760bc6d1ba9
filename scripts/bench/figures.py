"""From the rounds of a run to figures, ratios and bars.  Pure: nothing here measures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

Side = TypeVar("Side")


@dataclass(frozen=True, slots=True)
class Spread:
    """Median of several rounds with the quartiles."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """None of no values.  Quartiles are inclusive; of one round, the value itself."""
        ordered = sorted(values)
        if not ordered:
            return None
        if len(ordered) == 1:
            return cls(ordered[0], ordered[0], ordered[0], 1)
        low, _, high = statistics.quantiles(ordered, n=4, method="inclusive")
        return cls(statistics.median(ordered), low, high, len(ordered))

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def paired(
    rounds: Mapping[str, Sequence[Mapping[str, float] | None]], above: str, below: str, figure: str
) -> Spread | None:
    """``figure`` of side ``above`` divided by that of side ``below``, round by round: both had the
    same neighbours then.  Rounds in which one of them failed are left out."""
    return paired_figures(rounds, (above, figure), (below, figure))


def paired_figures(
    rounds: Mapping[str, Sequence[Mapping[str, float] | None]],
    above: tuple[str, str],
    below: tuple[str, str],
) -> Spread | None:
    """As :func:`paired`, with a figure's name for each side."""
    ratios = []
    for one, other in zip(rounds.get(above[0], ()), rounds.get(below[0], ()), strict=False):
        if one and other and above[1] in one and other.get(below[1]):
            ratios.append(one[above[1]] / other[below[1]])
    return Spread.of(ratios)


def interleaved(sides: Sequence[Side], *, rounds: int) -> Iterator[tuple[int, Side]]:
    """(round, side): all sides in turn, each other round backwards, so that no side always follows
    the same one."""
    for number in range(rounds):
        order = sides if number % 2 == 0 else list(reversed(sides))
        for side in order:
            yield number, side


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of ``values`` (one at least) do not exceed."""
    ordered = sorted(values)
    place = max(-(-len(ordered) * round(share * 1000) // 1000), 1)
    return ordered[place - 1]


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure is to reach: ``least`` True where more is better."""

    name: str
    value: float | None
    bar: float
    least: bool
    unit: str = ""
    spread: Spread | None = None

    @property
    def holds(self) -> bool | None:
        """None where the figure could not be measured."""
        if self.value is None:
            return None
        return self.value >= self.bar if self.least else self.value <= self.bar

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "holds": self.holds}


def bar(
    name: str, spread: Spread | None, limit: float, *, least: bool = True, unit: str = ""
) -> Bar:
    value = None if spread is None else spread.median
    return Bar(name, value, limit, least, unit, spread)


def merged(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One result of copies of a side that worked at the same time: counts and memory add up, the
    slowest says how long it took, and figures that are rates of the machine add up, too.

    A single answer stays as it is, but for the rates that follow from its counts.
    """
    first = dict(answers[0])
    result: dict[str, Any] = {}
    for key, value in first.items():
        values = [answer[key] for answer in answers]
        if key == "seconds":
            result[key] = max(values)
        elif isinstance(value, Mapping):
            result[key] = {k: sum(v.get(k, 0) for v in values) for k in value}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            result[key] = sum(values)
        else:
            result[key] = value
    if result.get("seconds"):
        for count in ("articles", "tokens", "words"):
            if count in result:
                result[f"{count}_per_s"] = result[count] / result["seconds"]
    return result
