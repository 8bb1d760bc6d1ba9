"""Answers of variants to articles, from the logs or from two models run side by side, and what each
of them counts for each metric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from quotewire.errors import InputError
from quotewire.experiments.records import Exposure, Feedback, Role, Verdict
from quotewire.experiments.statistics import Scale, Table
from quotewire.types import QuoteKind, Statement

# The caller went away: nobody knows what the answer would have been.
CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One variant's answer to one article, or its failure on it.

    ``article`` tells articles apart (by their text), ``unit`` what was drawn; ``pair`` is shared by
    the answers to one article in one call.  ``length`` is in code points, ``seconds`` of wall time
    (None where not measured), ``error`` the reason why there is no answer.  ``verdicts`` are those
    of editors on statements of this answer, by statement id.
    """

    variant: str
    role: Role
    article: str
    article_id: str
    unit: str
    pair: str
    length: int
    statements: tuple[Statement, ...] = ()
    seconds: float | None = None
    error: str | None = None
    time: datetime | None = None
    publisher: str | None = None
    section: str | None = None
    language: str | None = None
    all_acts: bool = False
    model: str = ""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    @property
    def served(self) -> bool:
        return self.role is Role.SERVED

    def of_kind(self, kind: QuoteKind) -> Observation:
        """The same with its quotes of that kind alone."""
        return replace(self, statements=tuple(s for s in self.statements if s.quote.kind is kind))


@dataclass(frozen=True, slots=True)
class Metric:
    """A ratio of two totals.  ``count`` gives what one observation adds to both, None where it
    tells nothing.  ``served_only`` metrics are about what callers and editors met, and mean nothing
    for shadows.  ``good`` is 1 where more is better, -1 where less is, 0 where neither."""

    name: str
    words: str
    scale: Scale
    count: Callable[[Observation], tuple[float, float] | None]
    served_only: bool = False
    good: int = 0


def _per_article(
    number: Callable[[Observation], float | None],
) -> Callable[[Observation], tuple[float, float] | None]:
    def count(seen: Observation) -> tuple[float, float] | None:
        value = number(seen) if seen.error is None else None
        return None if value is None else (value, 1.0)

    return count


def _judged(verdict: Verdict) -> Callable[[Observation], tuple[float, float] | None]:
    def count(seen: Observation) -> tuple[float, float] | None:
        ids = {statement.id for statement in seen.statements}
        found = [said for statement, said in seen.verdicts.items() if statement in ids]
        return (float(found.count(verdict)), float(len(found))) if found else None

    return count


def _intermediaries(seen: Observation) -> float:
    return float(sum(len(statement.intermediaries) for statement in seen.statements))


def _per_statement(seen: Observation) -> tuple[float, float] | None:
    return (_intermediaries(seen), float(len(seen.statements))) if seen.statements else None


METRICS: tuple[Metric, ...] = (
    Metric(
        "acceptance",
        "statements that editors accepted, of those they judged",
        Scale.DIFFERENCE,
        _judged(Verdict.ACCEPTED),
        served_only=True,
        good=1,
    ),
    Metric(
        "rejection",
        "statements that editors rejected, of those they judged",
        Scale.DIFFERENCE,
        _judged(Verdict.REJECTED),
        served_only=True,
        good=-1,
    ),
    Metric(
        "statements",
        "statements per article",
        Scale.RATIO,
        _per_article(lambda seen: float(len(seen.statements))),
    ),
    Metric(
        "intermediaries", "intermediaries per article", Scale.RATIO, _per_article(_intermediaries)
    ),
    Metric(
        "intermediaries_per_statement",
        "intermediaries per statement",
        Scale.RATIO,
        _per_statement,
    ),
    Metric(
        "seconds",
        "seconds per article",
        Scale.RATIO,
        _per_article(lambda seen: seen.seconds),
        served_only=True,
        good=-1,
    ),
    Metric(
        "errors",
        "articles that failed",
        Scale.DIFFERENCE,
        lambda seen: (float(seen.error is not None), 1.0),
        served_only=True,
        good=-1,
    ),
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that are not compared, by why."""

    twice: int = 0  # the same row written twice
    overridden: int = 0  # the allow-list chose the variant
    cancelled: int = 0  # the caller went away


def observations(
    exposures: Iterable[Exposure], feedback: Iterable[Feedback] = ()
) -> tuple[list[Observation], LeftOut]:
    """What may be compared of these rows of one experiment, in order of time, verdicts joined."""
    verdicts = latest_verdicts(feedback)
    kept: dict[str, Exposure] = {}
    twice = overridden = cancelled = 0
    for row in exposures:
        if row.id in kept:
            twice += 1
        elif not row.drawn:
            overridden += 1
        elif row.error == CANCELLED:
            cancelled += 1
        else:
            kept[row.id] = row
    rows = sorted(kept.values(), key=lambda row: (row.time, row.id))
    return [_observation(row, verdicts) for row in rows], LeftOut(twice, overridden, cancelled)


def _observation(row: Exposure, verdicts: Mapping[str, Mapping[str, Verdict]]) -> Observation:
    said = verdicts.get(row.article_id, {})
    return Observation(
        variant=row.variant,
        role=row.role,
        article=row.text_hash,
        article_id=row.article_id,
        unit=row.unit_hash,
        pair=row.pair,
        length=row.text_length,
        statements=row.statements,
        seconds=row.seconds,
        error=row.error,
        time=row.time,
        publisher=row.publisher,
        section=row.section,
        language=row.language,
        all_acts=row.all_acts,
        model=row.model,
        verdicts={s.id: said[s.id] for s in row.statements if s.id in said},
    )


def latest_verdicts(feedback: Iterable[Feedback]) -> dict[str, dict[str, Verdict]]:
    """The verdict on each statement, by article id and statement id: of several, also by several
    editors, the latest counts."""
    found: dict[str, dict[str, Verdict]] = defaultdict(dict)
    for row in sorted(feedback, key=lambda row: (row.time, row.key)):
        found[row.article_id][row.statement_id] = row.verdict
    return dict(found)


def renamed(rows: Iterable[Exposure], names: Mapping[str, str]) -> list[Exposure]:
    """Rows of shadows that are the same model with the same options as a variant that serves, as
    that variant's; ``names`` maps the shadow's name to the other's.

    Where both answered one article in the same call, the shadow's row is left out: it is the same
    answer again.
    """
    rows = list(rows)
    there = {(row.pair, row.variant) for row in rows}
    return [
        replace(row, variant=names[row.variant]) if row.variant in names else row
        for row in rows
        if (row.pair, names.get(row.variant)) not in there
    ]


def one_experiment(
    exposures: Sequence[Exposure], *, name: str | None = None, salt: str | None = None
) -> list[Exposure]:
    """The rows of one experiment and salt: those named; without a salt, the latest one's.

    Raises InputError where there are none, or several experiments and no name.
    """
    names = sorted({row.experiment for row in exposures})
    if name is None and len(names) > 1:
        raise InputError(field="experiment", value="nothing", allowed=f"one of {', '.join(names)}")
    chosen = [row for row in exposures if name in (None, row.experiment)]
    if not chosen:
        raise InputError(
            field="experiment", value=repr(name), allowed=", ".join(names) or "a log with rows"
        )
    latest = max(chosen, key=lambda row: row.time).salt
    rows = [row for row in chosen if row.salt == (salt or latest)]
    if not rows:
        salts = sorted({row.salt for row in chosen})
        raise InputError(field="salt", value=repr(salt), allowed=", ".join(salts))
    return rows


def paired(
    seen: Sequence[Observation], *, a: str, b: str
) -> Iterator[tuple[Observation, Observation]]:
    """The articles that both answered in the same call, each article once (the latest call), in
    order of time."""
    calls: dict[str, dict[str, Observation]] = defaultdict(dict)
    for one in seen:
        if one.variant in (a, b) and one.error is None:
            calls[one.pair][one.variant] = one
    latest: dict[str, tuple[Observation, Observation]] = {}
    for call in calls.values():
        if len(call) == 2:
            article = call[a].article
            latest.pop(article, None)
            latest[article] = (call[a], call[b])
    yield from latest.values()


def pair_units(pairs: Sequence[tuple[Observation, Observation]], metric: Metric) -> Table:
    """Rows (up_a, down_a, up_b, down_b), a unit each article that both tell something of."""
    rows = np.zeros((len(pairs), 4))
    for n, (left, right) in enumerate(pairs):
        counts = metric.count(left), metric.count(right)
        if counts[0] is not None or counts[1] is not None:
            rows[n] = [*(counts[0] or (0.0, 0.0)), *(counts[1] or (0.0, 0.0))]
    return rows


def split_units(seen: Sequence[Observation], metric: Metric, *, a: str, b: str) -> Table:
    """Rows (up_a, down_a, up_b, down_b) of what ``a`` and ``b`` served, a unit each thing that was
    drawn, in order of its first article."""
    rows: dict[str, Table] = {}
    for one in seen:
        if one.served and one.variant in (a, b):
            row = rows.setdefault(one.unit, np.zeros(4))
            counted = metric.count(one)
            if counted is not None:
                at = 0 if one.variant == a else 2
                row[at : at + 2] += counted
    return np.array(list(rows.values())) if rows else np.zeros((0, 4))
