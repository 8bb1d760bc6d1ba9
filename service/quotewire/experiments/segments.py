"""Parts of the articles in which two variants may differ otherwise than in all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from quotewire.experiments.observations import Observation
from quotewire.types import QuoteKind

# Lengths of articles, in code points: up to the first, up to the second, beyond.
LENGTHS = (1500, 4000)
# The segments of most articles that are looked at, per division.
MOST = 12
# More segments than this: looking at so many finds something by chance.
MANY = 10

Pick = Callable[[Observation], Observation | None]  # what of an observation is in the segment


def length_class(length: int) -> str:
    low, high = LENGTHS
    if length <= low:
        return f"up to {low:,}"
    return f"{low:,} to {high:,}" if length <= high else f"over {high:,}"


def picks(seen: Sequence[Observation]) -> list[tuple[str, str, Pick]]:
    """Division, segment and what is in it; divisions with fewer than two segments are left out,
    those with more than MOST keep the largest."""
    out: list[tuple[str, str, Pick]] = []
    for division, value_of in (
        ("publisher", lambda one: one.publisher),
        ("section", lambda one: one.section),
        ("length", lambda one: length_class(one.length)),
    ):
        out += _by_value(seen, division, value_of)
    kinds = {s.quote.kind for one in seen for s in one.statements}
    out += [("quotes", kind.value, _of_kind(kind)) for kind in QuoteKind if kind in kinds]
    return out


def _by_value(
    seen: Sequence[Observation], division: str, value_of: Callable[[Observation], str | None]
) -> list[tuple[str, str, Pick]]:
    articles: dict[str, set[str]] = defaultdict(set)
    for one in seen:
        value = value_of(one)
        if value is not None:
            articles[value].add(one.article)
    values = sorted(articles, key=lambda value: (-len(articles[value]), value))[:MOST]
    if len(values) < 2:
        return []

    def pick(value: str) -> Pick:
        return lambda one: one if value_of(one) == value else None

    return [(division, value, pick(value)) for value in values]


def _of_kind(kind: QuoteKind) -> Pick:
    return lambda one: one.of_kind(kind)
