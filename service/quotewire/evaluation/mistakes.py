"""What went wrong with which statement: the error analysis behind the figures.

Looks at the outer side only (statements of the page itself), as the relation measures do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from quotewire.evaluation.counts import Sides
from quotewire.evaluation.matching import (
    SOFT_CONTENT,
    Pairs,
    jaccard,
    match,
    sources_meet,
    word_starts,
)
from quotewire.evaluation.rows import GoldArticle, Row
from quotewire.types import Span

KINDS: dict[str, str] = {
    "missed": "no prediction's cue overlaps the gold cue",
    "invented": "a prediction whose cue overlaps no gold cue",
    "other speaker": "found, but the sources do not overlap",
    "speaker lost": "found, but without the source that gold has",
    "speaker invented": "found, but with a source where gold has none",
    "other content": "found, but fewer than half of the content's words are shared",
    "content edge": "found, half of the words are shared, but a piece or an edge differs",
    "speaker edge": "found, the sources overlap, but an edge differs",
    "cue edge": "found, source and content exact, but an edge of the cue differs",
}
# Those that the soft relation measure counts as wrong.
SERIOUS = tuple(KINDS)[:6]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One statement that is not exactly right.  ``cost`` in [0, 1]: how badly a reader who trusts
    the confidence is misled; what was missed costs 1."""

    article: str
    kind: str
    cost: float
    gold: Row | None
    predicted: Row | None

    @property
    def cue(self) -> Span:
        row = self.gold or self.predicted
        assert row is not None
        return row.cue


def mistakes_of(article: GoldArticle, predicted: Sequence[Row]) -> list[Mistake]:
    """Every statement of an article that is not exactly right, under its worst kind of mistake
    (the first of KINDS that fits)."""
    sides = Sides.of(article.rows, predicted).joined(article.text)
    pairs = match(Pairs.of(sides.outer_gold, sides.outer, text=article.text).found, sides.outer)
    found = [(sides.outer_gold[g], sides.outer[p]) for p, g in pairs.items()]
    got, asked = set(pairs), set(pairs.values())
    return [
        *(
            Mistake(article.id, "missed", 1.0, row, None)
            for g, row in enumerate(sides.outer_gold)
            if g not in asked
        ),
        *(
            Mistake(article.id, "invented", _trust(row), None, row)
            for p, row in enumerate(sides.outer)
            if p not in got
        ),
        *(
            Mistake(article.id, kind, _trust(row) * share, gold, row)
            for gold, row in found
            for kind, share in [_verdict(gold, row, article.text)]
            if kind
        ),
    ]


def _trust(row: Row) -> float:
    return 1.0 if row.confidence is None else row.confidence


def _verdict(gold: Row, row: Row, text: str) -> tuple[str, float]:
    """The worst kind of mistake of a found statement, and how wrong it is in [0, 1]; "" if none."""
    shared = jaccard(word_starts(gold.content, text), word_starts(row.content, text))
    if not sources_meet(gold, row):
        if gold.sources and row.sources:
            return "other speaker", 1.0
        return ("speaker lost" if gold.sources else "speaker invented"), 1.0
    if shared < SOFT_CONTENT:
        return "other content", 1 - shared
    if gold.content != row.content:
        return "content edge", 1 - shared
    if gold.sources != row.sources:
        return "speaker edge", 0.2
    if gold.cue != row.cue:
        return "cue edge", 0.1
    return "", 0.0


def worst(mistakes: Sequence[Mistake], count: int) -> list[Mistake]:
    """The ``count`` costliest mistakes, each kind in proportion to how often it happens (one of
    each at least), in the order of KINDS."""
    often = Counter(mistake.kind for mistake in mistakes)
    kinds = [kind for kind in KINDS if often[kind]]
    room = max(0, count - len(kinds))
    chosen: list[Mistake] = []
    for kind in kinds:
        mine = sorted(
            (m for m in mistakes if m.kind == kind), key=lambda m: (-m.cost, m.article, m.cue)
        )
        chosen += mine[: 1 + round(room * often[kind] / len(mistakes))]
    return chosen[:count]


def render_mistakes(
    mistakes: Sequence[Mistake], *, texts: dict[str, str], count: int, quote: bool = True
) -> str:
    """How often each kind happens, then the ``count`` worst with places in the text (and, with
    ``quote``, their words)."""
    often = Counter(mistake.kind for mistake in mistakes)
    lines = [f"{often[kind]:6}  {kind}: {rule}" for kind, rule in KINDS.items()]
    for mistake in worst(mistakes, count):
        text = texts[mistake.article]
        lines += ["", f"{mistake.kind} ({mistake.cost:.2f})  {mistake.article}"]
        for side, row in (("gold", mistake.gold), ("predicted", mistake.predicted)):
            if row is not None:
                lines.append(f"  {side}: {_shown(row, text, quote=quote)}")
    return "\n".join(lines) + "\n"


def _shown(row: Row, text: str, *, quote: bool) -> str:
    def words(spans: Sequence[Span]) -> str:
        if not quote:
            return " ".join(f"{span.start}–{span.end}" for span in spans) or "–"
        return " … ".join(" ".join(span.slice(text).split()) for span in spans) or "–"

    return f"[{words(row.sources)}] {{{words([row.cue])}}} {words(row.content)}"
