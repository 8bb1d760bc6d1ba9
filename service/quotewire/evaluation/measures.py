"""Every measure as sums of addable columns.

A table of counts [article, column] is all that scoring leaves behind.  F1, breakdowns, bootstrap
intervals and comparisons sum its rows in their own way and call :func:`values`.  Undefined is NaN
here and None at the outer edge, never 0.
"""

from __future__ import annotations

import numpy as np

from quotewire.evaluation.matching import Table

# Changes whenever a match rule changes; part of every signature.
RULES_VERSION = 1

# Measures with precision, recall and F1; columns NAME.tp, NAME.pred, NAME.gold.
OVERLAPS: dict[str, str] = {
    "source": "exact source spans, a set per article",
    "cue": "exact cue spans, a set per article",
    "content": "exact content pieces, a set per article; pieces joined within paragraphs",
    "content_unjoined": "exact content pieces, a set per article; pieces as marked",
    "found": "cues overlap, one to one",
    "exact": "cues overlap, all sources and all content pieces exact, one to one",
    "soft": "content word Jaccard >= 0.5 and sources overlap or both absent, one to one",
    "soft_statements": "soft, over act = statement on both sides only",
    "intermediary": "exact span, on the found statement",
    "intermediary_set": "exact spans, a set per article",
    "intermediary_given": "exact span, over found statements only",
    "addressee": "exact span, on the found statement",
    "nested": "nested rows: cues overlap and content word Jaccard >= 0.5, one to one",
    "nested_found": "nested rows: cues overlap, one to one",
    "nested_soft": "nested rows: soft",
}

# Measures with one share; columns NAME.right, NAME.total.
SHARES: dict[str, str] = {
    "act_accuracy": "over found statements",
    "speaker_name_accuracy": "same name (docs/evaluation.md), over found statements",
    "speaker_type_accuracy": "over found statements",
    "intermediary_kind_accuracy": "over intermediaries matched on found statements",
    "nested_any_recall": "nested gold rows whose cue any prediction overlaps, nested or not",
    "chain_accuracy": "reported_in is the right statement, over nested rows found",
}

# Confidence is kept in this many bins of equal width; the calibration error merges them to ten.
FINE_BINS = 20
BINS = 10

CALIBRATION: dict[str, str] = {
    "calibration_error": "expected |confidence - share right|, ten bins of equal width; "
    "right = soft",
    "brier": "mean squared (confidence - right); right = soft",
}


def bin_of(confidence: float) -> int:
    """The fine bin of a confidence in [0, 1]: [k/20, (k+1)/20), the last one closed."""
    return min(int(confidence * FINE_BINS + 1e-9), FINE_BINS - 1)


def bin_columns(side: str) -> list[str]:
    """The bin columns of ``side`` ("outer" or "inner" statements): number of predictions, sum of
    confidence, number right; FINE_BINS of each in turn."""
    return [f"{side}_bin.{kind}.{k}" for kind in ("n", "sure", "right") for k in range(FINE_BINS)]


COLUMNS: tuple[str, ...] = (
    *(f"{name}.{part}" for name in OVERLAPS for part in ("tp", "pred", "gold")),
    *(f"{name}.{part}" for name in SHARES for part in ("right", "total")),
    *("confidence.squared_error", "confidence.total"),
    *bin_columns("outer"),
    *bin_columns("inner"),
)
COLUMN_AT: dict[str, int] = {name: n for n, name in enumerate(COLUMNS)}

METRICS: tuple[str, ...] = (
    *(f"{name}_{part}" for name in OVERLAPS for part in ("precision", "recall", "f1")),
    *SHARES,
    *CALIBRATION,
)


def rule_of(metric: str) -> str:
    """The match rule of a metric, in words."""
    return (OVERLAPS | SHARES | CALIBRATION).get(metric) or OVERLAPS[metric.rpartition("_")[0]]


def ratio(part: Table, whole: Table) -> Table:
    """``part / whole``, NaN where ``whole`` is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, float), np.asarray(whole, float))
    out: Table = np.full(whole.shape, np.nan)
    return np.divide(part, whole, out=out, where=whole != 0)


def bins(sums: Table, *, side: str) -> Table:
    """The fine bins in ``sums`` [..., column] as [..., 3, FINE_BINS]: number, sum of confidence,
    number right."""
    first = COLUMN_AT[bin_columns(side)[0]]
    flat: Table = sums[..., first : first + 3 * FINE_BINS]
    return flat.reshape(*sums.shape[:-1], 3, FINE_BINS)


def reliability(sums: Table) -> Table:
    """Outer and nested statements in BINS bins: [..., 3, BINS] of number, sum of confidence,
    number right."""
    fine = bins(sums, side="outer") + bins(sums, side="inner")
    merged: Table = fine.reshape(*fine.shape[:-1], BINS, FINE_BINS // BINS).sum(axis=-1)
    return merged


def values(sums: Table) -> dict[str, Table]:
    """Every metric of METRICS from summed counts [..., column], as arrays [...]."""

    def column(name: str) -> Table:
        return sums[..., COLUMN_AT[name]]

    out: dict[str, Table] = {}
    for name in OVERLAPS:
        tp, pred, gold = (column(f"{name}.{part}") for part in ("tp", "pred", "gold"))
        out[f"{name}_precision"] = ratio(tp, pred)
        out[f"{name}_recall"] = ratio(tp, gold)
        out[f"{name}_f1"] = ratio(2 * tp, pred + gold)
    for name in SHARES:
        out[name] = ratio(column(f"{name}.right"), column(f"{name}.total"))
    number, sure, right = np.moveaxis(reliability(sums), -2, 0)
    out["calibration_error"] = ratio(np.abs(sure - right).sum(axis=-1), number.sum(axis=-1))
    out["brier"] = ratio(column("confidence.squared_error"), column("confidence.total"))
    return out
