"""The domain's words, as frozen values.  Standard library only.

Every span is half-open and counts Unicode code points of the article's text exactly as it was
sent.  Values hold spans, never copied text; text is sliced once, at the outer edge (see
:mod:`quotewire.lines` and :mod:`quotewire.serving.convert`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# Arithmetics of a model's encoder; the first is the fastest one that the processor has.
PRECISIONS = ("auto", "fp32", "bf16", "int8")


class Act(StrEnum):
    """What kind of act an attribution reports."""

    STATEMENT = "statement"  # words: said, wrote, according to, denied, asked
    ATTITUDE = "attitude"  # no words: wants, thinks, plans, supports


class QuoteKind(StrEnum):
    """How much of a quote stands inside quotation marks."""

    DIRECT = "direct"  # all of it
    INDIRECT = "indirect"  # none of it
    MIXED = "mixed"  # some of it


class SpeakerType(StrEnum):
    PERSON = "person"
    ORGANIZATION = "organization"
    GROUP = "group"  # several or unnamed people: sources, voters, critics
    DOCUMENT = "document"  # a report, poll, study, video


class IntermediaryKind(StrEnum):
    OUTLET = "outlet"
    PLATFORM = "platform"
    PERSON = "person"
    PRESS = "press"  # reporters, the press, an unnamed interviewer
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open range ``[start, end)`` of code points of the article's text."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        """Whether the two share at least one code point (adjacent spans do not)."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end

    def slice(self, text: str) -> str:
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Article:
    """One article as its owner sent it.

    ``language`` is an ISO 639-1 code or None for "detect it"; ``published`` is passed through as
    sent; ``meta`` holds whatever else came with the article and is carried through untouched.
    """

    id: str
    text: str
    title: str | None = None
    publisher: str | None = None
    published: str | None = None
    language: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quote:
    """What was said.  ``spans`` is never empty and ascending; ``verbatim`` (the parts inside
    quotation marks, marks included) lies within ``spans``."""

    spans: tuple[Span, ...]
    kind: QuoteKind
    verbatim: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who said it.  ``mention`` is None where the sentence names nobody; ``name`` is resolved over
    the whole article and None where nobody can be named (or the speaker is the article's own
    author)."""

    mention: Span | None
    name: str | None
    type: SpeakerType | None


@dataclass(frozen=True, slots=True)
class Intermediary:
    """Through whom the words reached the article.  ``name`` is None for unnamed ones
    ("reporters")."""

    mention: Span
    name: str | None
    kind: IntermediaryKind


@dataclass(frozen=True, slots=True)
class Statement:
    """One reported statement.

    ``confidence`` is the calibrated probability in [0, 1] that the statement is right;
    ``reported_in`` is the id of the statement inside whose quote this one stands, or None.
    ``id`` is stable: the same article text and the same spans give the same id.
    """

    id: str
    act: Act
    confidence: float
    quote: Quote
    cue: Span
    speaker: Speaker | None = None
    intermediaries: tuple[Intermediary, ...] = ()
    addressee: Span | None = None
    reported_in: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which variant of which experiment answered; ``bucket`` of the article's unit in [0, 10000);
    with ``override`` the operator named who gets the variant, so that it was not drawn."""

    experiment: str
    variant: str
    bucket: int
    override: bool = False


@dataclass(frozen=True, slots=True)
class Extraction:
    """The answer for one article: its statements in text order, the model (``name@version``) that
    gave them, the article's language (ISO 639-1, None when undecidable) and warnings in words;
    ``assignment`` where an experiment chose the model."""

    article_id: str
    model: str
    statements: tuple[Statement, ...]
    language: str | None = None
    warnings: tuple[str, ...] = ()
    assignment: Assignment | None = None


@dataclass(frozen=True, slots=True)
class ExtractOptions:
    """What the caller asks for.

    ``all_acts`` False returns statements only, True attitudes too.  Statements below
    ``min_confidence`` (in [0, 1]; None for the model's own default) are left out.
    """

    all_acts: bool = False
    min_confidence: float | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a client may know of a model.  ``size_bytes`` is the size of the weights file;
    ``metrics`` maps names such as ``dev.source_f1`` to values in [0, 1]."""

    name: str
    version: str
    base: str
    parameters: int
    size_bytes: int
    licence: str
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """``name@version``, as it stands in every answer."""
        return f"{self.name}@{self.version}"
