"""Rows of both logs, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from quotewire.experiments.records import Exposure, Feedback, Role, Verdict
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

TEXT = "“We leave,” Ann Lee told Reuters."
STATEMENT = Statement(
    id="5eb63bbbe01eeed0",
    act=Act.STATEMENT,
    confidence=0.9321,
    quote=Quote((Span(0, 11),), QuoteKind.DIRECT, (Span(0, 11),)),
    cue=Span(20, 24),
    speaker=Speaker(Span(12, 19), "Ann Lee", SpeakerType.PERSON),
    intermediaries=(Intermediary(Span(25, 32), "Reuters", IntermediaryKind.OUTLET),),
)


def exposure(number: int = 0, **changes: Any) -> Exposure:
    values: dict[str, Any] = {
        "id": f"{number:032x}",
        "pair": f"{number:032x}",
        "time": datetime(2026, 11, 22, 14, 5, 0, number, tzinfo=UTC),
        "experiment": "small-or-base",
        "salt": "2026-11",
        "unit": "article",
        "unit_hash": "aaf9f62f5f99468a059fa13cf68ce873",
        "bucket": 8858,
        "variant": "small",
        "role": Role.SERVED,
        "override": False,
        "model": "quotewire-small@1.0.0",
        "digest": 64 * "0",
        "article_id": f"a{number}",
        "text_hash": "b445918a2c74c01962e4d7211695efc6",
        "text_length": len(TEXT),
        "caller": "newsdesk",
        "publisher": "Daily Planet",
        "section": "politics",
        "language": "en",
        "statements": (STATEMENT,),
        "tokens": 12,
        "seconds": 0.03125,
        "queue_s": 0.0015,
    }
    return Exposure(**{**values, **changes})


def feedback(key: str = "k1", **changes: Any) -> Feedback:
    values: dict[str, Any] = {
        "key": key,
        "time": datetime(2026, 11, 22, 14, 6, tzinfo=UTC),
        "article_id": "a1",
        "statement_id": STATEMENT.id,
        "verdict": Verdict.ACCEPTED,
        "editor": "ed-7",
        "caller": "desk",
    }
    return Feedback(**{**values, **changes})
