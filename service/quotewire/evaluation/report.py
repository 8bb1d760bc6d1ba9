"""The report of an evaluation: counts per article, and everything that re-sums them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from quotewire.errors import InputError
from quotewire.evaluation import measures
from quotewire.evaluation.matching import Table
from quotewire.evaluation.measures import BINS, COLUMN_AT, COLUMNS, FINE_BINS, METRICS
from quotewire.evaluation.signature import Signature

RESAMPLES = 1000
SEED = 0
LEVEL = 0.95


def known(value: float) -> float | None:
    """NaN at the outer edge is None."""
    return None if np.isnan(value) else float(value)


def check_metric(name: str) -> str:
    if name not in METRICS:
        raise InputError(field="metric", value=repr(name), allowed=", ".join(METRICS))
    return name


def draws(articles: int, *, resamples: int, seed: int) -> Table:
    """How often each article is drawn in each bootstrap sample: [resamples, articles]."""
    if resamples < 1:
        raise InputError(field="resamples", value=str(resamples), allowed="a number >= 1")
    generator = np.random.default_rng(seed)
    return generator.multinomial(articles, np.full(articles, 1 / articles), resamples).astype(float)


def interval(sample: Table) -> tuple[float, float] | None:
    """The middle 95% of ``sample``, resamples where the value is undefined left out."""
    defined = sample[~np.isnan(sample)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class ArticleScore:
    """One article by one measure: ``right`` of its gold and its predictions match, ``missed`` gold
    and ``wrong`` predictions do not."""

    id: str
    publisher: str | None
    f1: float
    right: int
    missed: int
    wrong: int


@dataclass(frozen=True)
class Report:
    """Scores of one set of predictions.

    ``counts`` is a table [article, column] over :data:`measures.COLUMNS`, rows in the order of
    ``ids`` and ``publishers``; ``missing`` names the gold articles that had no prediction (scored
    as empty, on the caller's wish).  All scores are shares in [0, 1] or None where undefined.
    """

    signature: Signature
    ids: tuple[str, ...]
    publishers: tuple[str | None, ...]
    counts: Table
    missing: tuple[str, ...] = ()

    @cached_property
    def metrics(self) -> dict[str, float | None]:
        """Every metric over all articles."""
        return _known(measures.values(self.counts.sum(axis=0)))

    def value(self, metric: str) -> float | None:
        return self.metrics[check_metric(metric)]

    def counts_anything(self, measure: str) -> bool:
        """Whether a measure of measures.OVERLAPS has any gold or predictions."""
        at = [COLUMN_AT[f"{measure}.{part}"] for part in ("pred", "gold")]
        return bool(self.counts[:, at].any())

    def intervals(
        self, *, resamples: int = RESAMPLES, seed: int = SEED
    ) -> dict[str, tuple[float, float] | None]:
        """95% bootstrap intervals over articles (percentile method, Efron 1979)."""
        weights = draws(len(self.ids), resamples=resamples, seed=seed)
        samples = measures.values(weights @ self.counts)
        return {name: interval(samples[name]) for name in METRICS}

    def by_publisher(self) -> dict[str, dict[str, float | None]]:
        """The metrics of each publisher's articles; "" stands for articles without one."""
        names = np.array([name or "" for name in self.publishers])
        return {
            str(name): _known(measures.values(self.counts[names == name].sum(axis=0)))
            for name in sorted(set(names))
        }

    def articles_of(self, publisher: str) -> int:
        return sum((name or "") == publisher for name in self.publishers)

    def worst(self, count: int = 10, *, by: str = "soft") -> list[ArticleScore]:
        """The ``count`` articles with the lowest F1 of the measure ``by`` (a key of
        measures.OVERLAPS), most mistakes first among equals.  Articles with neither gold nor
        predictions are left out."""
        if by not in measures.OVERLAPS:
            raise InputError(field="by", value=repr(by), allowed=", ".join(measures.OVERLAPS))
        scores = []
        for n, name in enumerate(self.ids):
            tp, pred, gold = (
                int(self.counts[n, COLUMN_AT[f"{by}.{part}"]]) for part in ("tp", "pred", "gold")
            )
            if pred + gold:
                scores.append(
                    ArticleScore(
                        id=name,
                        publisher=self.publishers[n],
                        f1=2 * tp / (pred + gold),
                        right=tp,
                        missed=gold - tp,
                        wrong=pred - tp,
                    )
                )
        return sorted(scores, key=lambda s: (s.f1, -s.missed - s.wrong, s.id))[:count]

    def thresholds(self) -> list[dict[str, float | None]]:
        """Precision, recall and F1 of the soft relation when only statements of at least that
        confidence are kept; empty where no prediction has a confidence."""
        total = self.counts.sum(axis=0)
        number, _, right = measures.bins(total, side="outer")
        if not number.sum():
            return []
        gold = total[COLUMN_AT["soft.gold"]]
        kept, hits = (np.cumsum(row[::-1])[::-1] for row in (number, right))
        return [
            {
                "confidence": k / FINE_BINS,
                "statements": float(kept[k]),
                "precision": known(float(measures.ratio(hits[k], kept[k]))),
                "recall": known(float(measures.ratio(hits[k], gold))),
                "f1": known(float(measures.ratio(2 * hits[k], kept[k] + gold))),
            }
            for k in range(FINE_BINS)
        ]

    def reliability(self) -> list[dict[str, float | None]]:
        """For each of ten bins of confidence: how many statements, their mean confidence and the
        share of them that is right (soft)."""
        number, sure, right = measures.reliability(self.counts.sum(axis=0))
        return [
            {
                "low": k / BINS,
                "high": (k + 1) / BINS,
                "statements": float(number[k]),
                "confidence": known(float(measures.ratio(sure[k], number[k]))),
                "right": known(float(measures.ratio(right[k], number[k]))),
            }
            for k in range(BINS)
        ]

    def to_json(self, *, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Any]:
        """Everything as plain JSON values; ``articles`` holds the counts that are not 0, from
        which every figure can be summed again."""
        bounds = self.intervals(resamples=resamples, seed=seed)
        return {
            "signature": str(self.signature),
            "interval": {"level": LEVEL, "resamples": resamples, "seed": seed},
            "metrics": {
                name: {"value": value, "interval": bounds[name], "rule": measures.rule_of(name)}
                for name, value in self.metrics.items()
            },
            "publishers": {
                name: {"articles": self.articles_of(name), "metrics": values}
                for name, values in self.by_publisher().items()
            },
            "thresholds": self.thresholds(),
            "reliability": self.reliability(),
            "worst": [asdict(score) for score in self.worst()],
            "missing": list(self.missing),
            "articles": [
                {
                    "id": name,
                    "publisher": self.publishers[n],
                    "counts": {c: float(v) for c, v in zip(COLUMNS, row, strict=True) if v},
                }
                for n, (name, row) in enumerate(zip(self.ids, self.counts, strict=True))
            ],
        }


def _known(values: Mapping[str, Table]) -> dict[str, float | None]:
    return {name: known(float(value)) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Difference:
    """Metric of ``b`` minus metric of ``a``.  ``interval`` is its 95% bootstrap interval over the
    shared articles, ``p`` the two-sided bootstrap p-value of "no difference"."""

    metric: str
    a: float | None
    b: float | None
    difference: float | None
    interval: tuple[float, float] | None
    p: float | None


def compare(
    a: Report,
    b: Report,
    *,
    metrics: Iterable[str] = METRICS,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Difference]:
    """Paired bootstrap over articles (Koehn 2004): both reports are summed over the same draws.

    Raises InputError where the two were not scored on the same gold by the same rules.
    """
    _same_gold(a, b)
    order = [b.ids.index(name) for name in a.ids]
    weights = draws(len(a.ids), resamples=resamples, seed=seed)
    samples_a, samples_b = (
        measures.values(weights @ table) for table in (a.counts, b.counts[order])
    )
    return [
        _difference(name, a.value(name), b.value(name), samples_b[name] - samples_a[name])
        for name in metrics
    ]


def _same_gold(a: Report, b: Report) -> None:
    left, right = ((r.signature.data, r.signature.rules) for r in (a, b))
    if left != right or set(a.ids) != set(b.ids):
        raise InputError(
            field="signature",
            value=f"{a.signature} against {b.signature}",
            allowed="two reports on the same gold (data) by the same match rules (rules)",
        )


def _difference(metric: str, a: float | None, b: float | None, sample: Table) -> Difference:
    defined = sample[~np.isnan(sample)]
    if a is None or b is None or not len(defined):
        return Difference(metric, a, b, None, None, None)
    below = (np.sum(defined <= 0) + 1) / (len(defined) + 1)
    above = (np.sum(defined >= 0) + 1) / (len(defined) + 1)
    return Difference(metric, a, b, b - a, interval(sample), float(min(1.0, 2 * min(below, above))))
