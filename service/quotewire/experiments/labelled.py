"""Two variants on articles whose right answers are known: F1 by the evaluation's addable counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from quotewire.evaluation.measures import COLUMN_AT, OVERLAPS
from quotewire.evaluation.report import Report
from quotewire.evaluation.rows import GoldArticle, Row, rows_from_line
from quotewire.evaluation.score import score_rows
from quotewire.experiments.observations import Observation
from quotewire.experiments.statistics import Table
from quotewire.lines import statement_to_json

# Measures of measures.OVERLAPS that are compared, where attitudes were asked for and where not.
WITH_ATTITUDES = ("soft", "found", "exact", "source", "cue", "content", "intermediary")
STATEMENTS_ONLY = ("soft_statements", "intermediary_given")


def _measures(pairs: Iterable[tuple[Observation, Observation]]) -> tuple[str, ...]:
    """The measures that are fair to these answers: the gold marks attitudes, too, and most answers
    leave them out on purpose."""
    everything = all(one.all_acts for pair in pairs for one in pair)
    return WITH_ATTITUDES if everything else STATEMENTS_ONLY


def rule(measure: str) -> str:
    """The match rule of a measure, in words."""
    return OVERLAPS[measure]


def on_gold(
    pairs: Sequence[tuple[Observation, Observation]], gold: Mapping[str, GoldArticle]
) -> tuple[Report, Report, tuple[str, ...]] | None:
    """The scores of A and B on the pairs whose article id and length are those of a gold article,
    and the measures to compare; None where there are none.  Raises InputError for spans outside the
    text."""
    known = [
        (pair, gold[pair[0].article_id])
        for pair in pairs
        if pair[0].article_id in gold and pair[0].length == len(gold[pair[0].article_id].text)
    ]
    if not known:
        return None
    articles = [article for _, article in known]
    left, right = (
        score_rows(
            articles,
            [rows_of(pair[side], text=article.text) for pair, article in known],
            model=known[0][0][side].model,
        )
        for side in (0, 1)
    )
    return left, right, _measures(pair for pair, _ in known)


def rows_of(seen: Observation, *, text: str) -> tuple[Row, ...]:
    """The statements of an answer in the evaluation's own form.  A statement whose enclosing one
    was not among the answers is an outer one."""
    ids = {statement.id for statement in seen.statements}
    lines = [statement_to_json(text, statement) for statement in seen.statements]
    for line in lines:
        if line["reported_in"] not in ids:
            line["reported_in"] = None
    return rows_from_line({"statements": lines}, text=text, where=f"article {seen.article_id!r}")


def f1_units(a: Report, b: Report, measure: str) -> Table:
    """Rows (2 tp_a, predicted_a + gold_a, 2 tp_b, predicted_b + gold_b), one an article: F1 is the
    ratio of their totals."""

    def halves(report: Report) -> Table:
        tp, pred, gold = (
            report.counts[:, COLUMN_AT[f"{measure}.{part}"]] for part in ("tp", "pred", "gold")
        )
        return np.column_stack([2 * tp, pred + gold])

    return np.concatenate([halves(a), halves(b)], axis=1)
