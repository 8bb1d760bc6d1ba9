"""Which variant an article gets: a pure function of experiment, article and caller.

The unit (an article's id, a publisher, a caller) is hashed with the experiment's salt by SHA-256.
The first 16 hexadecimal digits, modulo 10,000, are its *bucket*, and an experiment takes the
buckets below its coverage; the next 16, modulo 10,000, are its *point*, and the variants share the
points by their weights.  Two numbers, so that more coverage moves no unit from one variant to
another.  docs/experiments.md has golden vectors.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from quotewire.types import Article

BUCKETS = 10_000
# A client without a name; not one unit, but many.
ANONYMOUS = "anonymous"

# The Unicode property White_Space, spelled out: languages differ in what \s is.
_WHITE_SPACE = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


class Unit(StrEnum):
    """What is drawn: everything of one unit gets the same variant."""

    ARTICLE = "article"
    PUBLISHER = "publisher"
    CALLER = "caller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One arm: a model (name, ``name@version`` or alias) and its options.

    ``weight`` is its share of the experiment's units among all weights; a ``shadow`` has none: it
    scores every article of the experiment, and nobody gets its answers.  ``min_confidence`` in
    [0, 1] holds where the caller asks for none.
    """

    name: str
    model: str
    weight: int = 1
    shadow: bool = False
    min_confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Who gets ``variant`` whatever the hash says, and whatever the coverage."""

    variant: str
    articles: frozenset[str] = frozenset()
    publishers: frozenset[str] = frozenset()
    callers: frozenset[str] = frozenset()

    def names(self, article: Article, caller: str) -> bool:
        return (
            article.id in self.articles
            or article.publisher in self.publishers
            or caller in self.callers
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One experiment of ``experiments.toml``.

    ``covered`` is the number of buckets that it takes, 0 to 10,000; ``requests`` are the model
    selectors that it answers ("" for requests that name no model); it runs from ``start`` until
    just before ``end``.
    """

    name: str
    salt: str
    unit: Unit
    covered: int
    variants: Sequence[Variant]
    requests: frozenset[str] = frozenset({""})
    overrides: Sequence[Override] = field(default=())
    start: datetime | None = None
    end: datetime | None = None
    log_text: bool = False

    @property
    def served(self) -> list[Variant]:
        return [variant for variant in self.variants if not variant.shadow]

    @property
    def shadows(self) -> list[Variant]:
        return [variant for variant in self.variants if variant.shadow]

    def runs(self, at: datetime) -> bool:
        """``at`` must know its zone."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class Draw:
    """What a unit is to a salt: ``unit_hash`` is the first 32 hexadecimal digits of
    SHA-256(``salt:unit``); bucket and point follow from it, both in [0, 10000)."""

    unit_hash: str

    @property
    def bucket(self) -> int:
        return int(self.unit_hash[:16], 16) % BUCKETS

    @property
    def point(self) -> int:
        return int(self.unit_hash[16:], 16) % BUCKETS


@dataclass(frozen=True, slots=True)
class Chosen:
    """The variant that an article gets, and how it came to it."""

    experiment: Experiment
    variant: Variant
    draw: Draw
    override: bool

    @property
    def label(self) -> str:
        """``experiment/variant``."""
        return f"{self.experiment.name}/{self.variant.name}"


def choose(
    experiments: Sequence[Experiment], article: Article, *, request: str, caller: str, at: datetime
) -> Chosen | None:
    """The variant of the first experiment that takes this article; None where none does.

    ``request`` is the model that the caller asked for, ``at`` the time with its zone.
    """
    for experiment in experiments:
        if request in experiment.requests and experiment.runs(at):
            drawn = draw(salt=experiment.salt, unit=unit_of(experiment.unit, article, caller))
            for override in experiment.overrides:
                if override.names(article, caller):
                    return Chosen(experiment, _named(experiment, override.variant), drawn, True)
            if drawn.bucket < experiment.covered:
                return Chosen(experiment, _at(experiment.served, drawn.point), drawn, False)
    return None


def draw(*, salt: str, unit: str) -> Draw:
    digest = hashlib.sha256(f"{salt}:{unit}".encode("utf-8", "surrogatepass"))
    return Draw(digest.hexdigest()[:32])


def unit_of(unit: Unit, article: Article, caller: str) -> str:
    """The unit that the article belongs to: its id, its publisher or its caller as they were sent.

    Where that is missing, ``text:`` and the hash of the normalised text (see text_hash).  An
    article sent without an id has one made from its text by the server: that is missing, too.
    """
    sent: str | None
    match unit:
        case Unit.ARTICLE:
            sent = None if has_made_id(article) else article.id
        case Unit.PUBLISHER:
            sent = article.publisher
        case Unit.CALLER:
            sent = None if caller == ANONYMOUS else caller
    return sent or f"text:{text_hash(article.text)}"


def text_hash(text: str) -> str:
    """The first 32 hexadecimal digits of SHA-256 of the normalised text in UTF-8."""
    return hashlib.sha256(normalised(text).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def normalised(text: str) -> str:
    """Unicode's form NFC, every run of white space one space, none at the ends: what stays the
    same when an article is copied from one system to another."""
    return _WHITE_SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip(" ")


def made_id(text: str) -> str:
    """The id of an article sent without one: the same text always gets the same."""
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def has_made_id(article: Article) -> bool:
    """Whether the article's id was made of its text."""
    return article.id.startswith("sha256:") and article.id == made_id(article.text)


def _at(variants: Sequence[Variant], point: int) -> Variant:
    """Each variant has the points below its cumulative weight, in whole numbers: no rounding that
    another language might do otherwise."""
    total = sum(variant.weight for variant in variants)
    below = 0
    for variant in variants:
        below += variant.weight
        if point * total < BUCKETS * below:
            return variant
    raise ValueError(f"no variant has a weight: {[variant.name for variant in variants]}")


def _named(experiment: Experiment, name: str) -> Variant:
    return next(variant for variant in experiment.variants if variant.name == name)
