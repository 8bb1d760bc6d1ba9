"""Where two variants read the same article differently, most informative first."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from quotewire.evaluation.matching import Pairs, jaccard, match, paragraph_pieces, word_starts
from quotewire.evaluation.names import same_name
from quotewire.evaluation.rows import Row
from quotewire.experiments.assignment import text_hash
from quotewire.experiments.labelled import rows_of
from quotewire.experiments.observations import Observation
from quotewire.types import Article, Span, Statement

# How much a difference weighs where it is one of kind, span or nesting, in [0, 1]: what changes who
# said what to whom weighs most.
ACT, ADDRESSEE, NESTED, KIND, CUE = 0.7, 0.5, 0.3, 0.5, 0.1
# Spans that overlap without being equal.
BOUNDARY = 0.3


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One statement that A and B read differently; one of ``a`` and ``b`` is None where only the
    other has it.

    ``fields`` are what differs (``statement`` where only one has it).  ``score`` in [0, 1] is how
    informative a label would be: disagreement times confidence, divided by how many of the same
    sort stand before it.  ``swapped``: a page shows B first, so that nobody knows which is which.
    """

    id: str
    article: Article
    text_hash: str
    fields: tuple[str, ...]
    score: float
    a: Statement | None
    b: Statement | None

    @property
    def swapped(self) -> bool:
        return int(self.id[:8], 16) % 2 == 1

    @property
    def shown(self) -> tuple[Statement | None, Statement | None]:
        """The first and the second reading, as a page shows them."""
        return (self.b, self.a) if self.swapped else (self.a, self.b)


@dataclass(frozen=True, slots=True)
class Differences:
    """``items`` most informative first.  ``articles`` were compared, ``statements`` is how many
    both found there, ``same`` how many of them both read the same; ``without_text`` articles could
    not be compared, as nobody gave their text."""

    a: str
    b: str
    items: tuple[Disagreement, ...]
    articles: int
    statements: int
    same: int
    without_text: int


def differences(
    pairs: Iterable[tuple[Observation, Observation]],
    *,
    texts: Mapping[str, Article],
    a: str,
    b: str,
    most: int | None = None,
) -> Differences:
    """The disagreements of these pairs; ``texts`` are articles by the hash of their normalised
    text (assignment.text_hash); ``most`` keeps so many."""
    found: list[Disagreement] = []
    articles = statements = same = without_text = 0
    for left, right in pairs:
        article = texts.get(left.article)
        if article is None or len(article.text) != left.length:
            without_text += 1
            continue
        articles += 1
        both, mine = _of_article(left, right, article=article)
        statements += both
        same += both - sum(item.a is not None and item.b is not None for item in mine)
        found += mine
    items = _most_informative(found)
    return Differences(a, b, tuple(items[:most]), articles, statements, same, without_text)


def by_text_hash(articles: Iterable[Article]) -> dict[str, Article]:
    return {text_hash(article.text): article for article in articles}


def _of_article(
    left: Observation, right: Observation, *, article: Article
) -> tuple[int, list[Disagreement]]:
    """How many statements both found, and the disagreements."""
    rows_a, rows_b = (rows_of(side, text=article.text) for side in (left, right))
    table = Pairs.of(rows_a, rows_b, text=article.text)
    partner = match(table.found + table.soft, rows_b)  # of B -> of A
    out = []
    for at_b, at_a in partner.items():
        first, second = left.statements[at_a], right.statements[at_b]
        weights = compare_readings(
            rows_a[at_a], rows_b[at_b], text=article.text, nested=(first, second)
        )
        if weights:
            sure = min(first.confidence, second.confidence)
            out.append(_item(article, left, first, second, weights, sure))
    alone_a = [s for n, s in enumerate(left.statements) if n not in partner.values()]
    alone_b = [s for n, s in enumerate(right.statements) if n not in partner]
    out += [_item(article, left, s, None, {"statement": 1.0}, s.confidence) for s in alone_a]
    out += [_item(article, left, None, s, {"statement": 1.0}, s.confidence) for s in alone_b]
    return len(partner), out


def compare_readings(
    a: Row, b: Row, *, text: str, nested: tuple[Statement, Statement]
) -> dict[str, float]:
    """What differs between two readings of one statement, and how much (in (0, 1])."""
    weights = {
        "quote": _quote(a, b, text=text),
        "speaker": _spans(a.sources, b.sources),
        "intermediaries": _spans([v.span for v in a.via], [v.span for v in b.via]),
        "addressee": ADDRESSEE if a.addressee != b.addressee else 0.0,
        "act": ACT if a.act is not b.act else 0.0,
        "reported_in": NESTED if a.nested != b.nested else 0.0,
        "cue": CUE if a.cue != b.cue else 0.0,
    }
    names = [s.speaker.name if s.speaker else None for s in nested]
    if all(names) and not same_name(*names):
        weights["speaker"] = 1.0
    if not weights["intermediaries"] and [v.kind for v in a.via] != [v.kind for v in b.via]:
        weights["intermediaries"] = KIND
    return {field: weight for field, weight in weights.items() if weight > 0}


def _quote(a: Row, b: Row, *, text: str) -> float:
    """The share of words that only one of the contents has; at least that of a boundary where the
    pieces differ at all."""
    if paragraph_pieces(a.content, text) == paragraph_pieces(b.content, text):
        return 0.0
    overlap = jaccard(word_starts(a.content, text), word_starts(b.content, text))
    return max(1.0 - overlap, CUE)


def _spans(a: Sequence[Span], b: Sequence[Span]) -> float:
    if set(a) == set(b):
        return 0.0
    met = all(any(x.overlaps(y) for y in b) for x in a) and all(
        any(x.overlaps(y) for x in a) for y in b
    )
    return BOUNDARY if met else 1.0


def _item(
    article: Article,
    seen: Observation,
    a: Statement | None,
    b: Statement | None,
    weights: Mapping[str, float],
    sure: float,
) -> Disagreement:
    key = "|".join([seen.article, *(repr(side) for side in (a, b))])
    return Disagreement(
        id=hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        article=article,
        text_hash=seen.article,
        fields=tuple(weights),
        score=max(weights.values()) * sure,
        a=a,
        b=b,
    )


def _sort_of(item: Disagreement) -> tuple[object, ...]:
    """Disagreements of one sort teach much the same: who has it, what differs, at which cue."""
    one = item.a or item.b
    assert one is not None
    cue = one.cue.slice(item.article.text).casefold()
    return item.a is None, item.b is None, item.fields, cue


def _most_informative(found: Iterable[Disagreement]) -> list[Disagreement]:
    """By score; the second of a sort counts half, the third a third, and so on, so that no sort
    fills the top of the list."""
    ordered = sorted(found, key=lambda item: (-item.score, item.id))
    seen: Counter[tuple[object, ...]] = Counter()
    scored = []
    for item in ordered:
        sort = _sort_of(item)
        seen[sort] += 1
        scored.append(replace(item, score=item.score / seen[sort]))
    return sorted(scored, key=lambda item: (-item.score, item.id))
