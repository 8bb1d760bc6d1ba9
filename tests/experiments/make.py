"""Observations and log rows for the tests, with truths that are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from quotewire.experiments.observations import Observation
from quotewire.experiments.records import Exposure, Role, Verdict
from quotewire.types import (
    Act,
    Intermediary,
    IntermediaryKind,
    Quote,
    QuoteKind,
    Span,
    Speaker,
    SpeakerType,
    Statement,
)

START = datetime(2026, 11, 1, tzinfo=UTC)


def statement(
    at: int = 0,
    *,
    via: int = 0,
    kind: QuoteKind = QuoteKind.DIRECT,
    confidence: float = 0.9,
    **fields: Any,
) -> Statement:
    """A statement that begins at ``at``: speaker, cue and quote of ten code points each, then
    ``via`` intermediaries."""
    values: dict[str, Any] = {
        "id": f"s{at}",
        "act": Act.STATEMENT,
        "confidence": confidence,
        "quote": Quote((Span(at + 20, at + 30),), kind),
        "cue": Span(at + 10, at + 20),
        "speaker": Speaker(Span(at, at + 10), None, SpeakerType.PERSON),
        "intermediaries": tuple(
            Intermediary(Span(at + 30 + n, at + 31 + n), None, IntermediaryKind.OUTLET)
            for n in range(via)
        ),
    }
    return Statement(**(values | fields))


def observation(variant: str, article: str = "x", **fields: Any) -> Observation:
    values: dict[str, Any] = {
        "variant": variant,
        "role": Role.SERVED,
        "article": article,
        "article_id": article,
        "unit": article,
        "pair": article,
        "length": 2000,
    }
    return Observation(**(values | fields))


def exposure(variant: str, article: str = "x", **fields: Any) -> Exposure:
    values: dict[str, Any] = {
        "id": f"{variant}-{article}-{fields.get('role', Role.SERVED)}",
        "pair": f"call-{article}",
        "time": START,
        "experiment": "small-or-base",
        "salt": "2026-11",
        "unit": "article",
        "unit_hash": f"hash-{article}",
        "bucket": 1,
        "variant": variant,
        "role": Role.SERVED,
        "override": False,
        "model": f"quotewire-{variant}@1.0.0",
        "digest": "",
        "article_id": article,
        "text_hash": f"text-{article}",
        "text_length": 2000,
        "caller": "desk",
        "seconds": 0.02,
    }
    return Exposure(**(values | fields))


def world(
    articles: int,
    *,
    intermediaries: float = 1.0,
    churn: float = 0.0,
    acceptance: tuple[float, float] = (0.8, 0.8),
    share_b: float = 0.5,
    shadow: bool = True,
    judged: float = 0.3,
    days: float = 10.0,
    seed: int = 0,
) -> list[Observation]:
    """Traffic of ``articles`` over ``days`` between "base" and "small": each article served by one
    of them and, with ``shadow``, answered by the other one, too.  The truth: small finds
    ``intermediaries`` times as many intermediaries, a share ``churn`` of base's replaced by as many
    others of its own, editors (who judge a share ``judged`` of what
    is served) accept shares ``acceptance`` of base's and small's statements, all else is equal."""
    generator = np.random.default_rng(seed)
    out = []
    for n in range(articles):
        length = generator.gamma(2.0, 0.5)
        count = int(generator.poisson(6 * length))
        kinds = generator.choice(list(QuoteKind), count)
        base = generator.poisson(0.3, count)
        keep = min(1.0, intermediaries) * (1 - churn)
        small = generator.binomial(base, keep) + generator.poisson(
            max(0.0, intermediaries - keep) * 0.3, count
        )
        to_small = bool(generator.random() < share_b)
        for variant, via in (("base", base), ("small", small)):
            served = to_small == (variant == "small")
            if not served and not shadow:
                continue
            statements = tuple(
                statement(100 * k, via=int(via[k]), kind=QuoteKind(kinds[k])) for k in range(count)
            )
            rate = acceptance[variant == "small"]
            verdicts = {
                one.id: Verdict.ACCEPTED if generator.random() < rate else Verdict.REJECTED
                for one in statements
                if served and generator.random() < judged
            }
            out.append(
                observation(
                    variant,
                    f"x{n}",
                    role=Role.SERVED if served else Role.SHADOW,
                    length=int(1500 * length) + 200,
                    statements=statements,
                    seconds=float(0.02 * length * generator.lognormal(0, 0.3)),
                    time=START + timedelta(days=days * n / articles),
                    publisher=("Ledger", "Courier", "Post")[n % 3],
                    model=f"quotewire-{variant}@1.0.0",
                    verdicts=verdicts,
                )
            )
    return out
