"""The experiments of a running server: which model answers an article, and what is noted of it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from quotewire.errors import QuotewireError
from quotewire.experiments.assignment import Chosen, Experiment, Variant, choose, text_hash
from quotewire.experiments.records import Exposure, Role
from quotewire.serving.convert import section_of
from quotewire.serving.hosting import Answered, ModelHost
from quotewire.serving.registry import ModelRegistry
from quotewire.serving.status import reason_of, status_from_error
from quotewire.types import Article, Assignment, Extraction, ExtractOptions

# Hashing a longer text (code points) must not hold up the event loop.
_LONG = 200_000
# What is kept of a publisher's name (code points).
_MAX_PUBLISHER = 256


@dataclass(frozen=True, slots=True)
class Arrived:
    """An article as it came: what any variant is to make of it."""

    article: Article
    caller: str
    options: ExtractOptions
    chosen: Chosen
    pair: str = field(default_factory=lambda: uuid.uuid4().hex)

    def options_of(self, variant: Variant) -> ExtractOptions:
        """The caller's own, and the variant's where the caller has none."""
        if self.options.min_confidence is not None:
            return self.options
        return replace(self.options, min_confidence=variant.min_confidence)


class Trial:
    """One article under one variant, or under no experiment (then nothing is noted).

    Use host, options and assignment; call saw() with the answer (from any thread), then done().
    """

    def __init__(
        self,
        host: ModelHost,
        options: ExtractOptions,
        *,
        arrived: Arrived | None = None,
        variant: Variant | None = None,
        role: Role = Role.SERVED,
        note: Callable[[Exposure], object] = lambda row: None,
    ) -> None:
        self.host = host
        self.options = options
        self._arrived = arrived
        self._variant = variant
        self._role = role
        self._note = note
        self._extraction: Extraction | None = None
        self._text_hash: str | None = None
        self._started = time.monotonic()

    @property
    def label(self) -> str:
        """``experiment/variant`` for metrics; empty without an experiment."""
        if self._arrived is None or self._variant is None:
            return ""
        return f"{self._arrived.chosen.experiment.name}/{self._variant.name}"

    @property
    def assignment(self) -> Assignment | None:
        if self._arrived is None or self._variant is None:
            return None
        chosen = self._arrived.chosen
        return Assignment(
            experiment=chosen.experiment.name,
            variant=self._variant.name,
            bucket=chosen.draw.bucket,
            override=chosen.override,
        )

    def saw(self, extraction: Extraction) -> Extraction:
        """Keeps the answer for the note; gives it with its assignment.  Call it in the pool."""
        if self._arrived is None:
            return extraction
        self._extraction = extraction
        self._text_hash = text_hash(self._arrived.article.text)
        return replace(extraction, assignment=self.assignment)

    def done(self, answered: Answered[Any]) -> None:
        """The answer is there."""
        if self._arrived is not None:
            row = self._row(answered.timings.total_s)
            self._note(replace(row, tokens=answered.tokens, queue_s=answered.timings.queue_s))

    def failed(self, error: BaseException) -> None:
        """There is none."""
        if self._arrived is not None:
            self._extraction = None
            self._note(replace(self._row(time.monotonic() - self._started), error=_reason(error)))

    def _row(self, seconds: float) -> Exposure:
        assert self._arrived is not None
        assert self._variant is not None
        article, chosen = self._arrived.article, self._arrived.chosen
        experiment, seen = chosen.experiment, self._extraction
        text = article.text if experiment.log_text else None
        statements = seen.statements if seen else ()
        publisher = article.publisher
        return Exposure(
            id=uuid.uuid4().hex,
            pair=self._arrived.pair,
            time=datetime.now(UTC),
            experiment=experiment.name,
            salt=experiment.salt,
            unit=experiment.unit.value,
            unit_hash=chosen.draw.unit_hash,
            bucket=chosen.draw.bucket,
            variant=self._variant.name,
            role=self._role,
            override=chosen.override,
            model=self.host.info.tag,
            digest=self.host.digest,
            article_id=article.id,
            text_hash=self._text_hash or text_hash(article.text),
            text_length=len(article.text),
            caller=self._arrived.caller,
            publisher=publisher[:_MAX_PUBLISHER] if publisher else None,
            section=section_of(article),
            language=seen.language if seen else article.language,
            all_acts=self.options.all_acts,
            min_confidence=self.options.min_confidence,
            statements=statements,
            seconds=seconds,
            text=text,
        )


class Trials:
    """The experiments in force.  One event loop only.

    ``note`` gets a row for each variant that answered or failed; ``shadow`` gets each article that
    shadow variants are to score, once its caller is answered.
    """

    def __init__(
        self,
        models: ModelRegistry,
        *,
        note: Callable[[Exposure], object],
        shadow: Callable[[Arrived, Variant], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._models = models
        self._note = note
        self._shadow = shadow
        self._now = now
        self._experiments: Sequence[Experiment] = ()

    def replace(self, experiments: Sequence[Experiment]) -> None:
        """For all articles to come.  Every model that they name must be in the registry."""
        self._experiments = experiments

    async def choose(self, article: Article, *, request: str, caller: str) -> Chosen | None:
        """The variant for an article whose caller asked for the model ``request``."""
        while experiments := self._experiments:
            chosen = await self._choose(experiments, article, request=request, caller=caller)
            if experiments is self._experiments:  # else they were replaced meanwhile
                return chosen
        return None

    async def _choose(
        self, experiments: Sequence[Experiment], article: Article, *, request: str, caller: str
    ) -> Chosen | None:
        at = self._now()
        if len(article.text) <= _LONG:
            return choose(experiments, article, request=request, caller=caller, at=at)
        return await asyncio.to_thread(
            choose, experiments, article, request=request, caller=caller, at=at
        )

    @contextmanager
    def trial(
        self,
        chosen: Chosen | None,
        host: ModelHost,
        article: Article,
        *,
        caller: str,
        options: ExtractOptions,
    ) -> Iterator[Trial]:
        """What answers the article: the variant's model, or ``host`` where nothing was chosen.

        An error inside is noted, and raised.
        """
        if chosen is None:
            yield Trial(host, options)
            return
        arrived = Arrived(article, caller, options, chosen)
        with self._models.using(chosen.variant.model) as variants_host:
            trial = Trial(
                variants_host,
                arrived.options_of(chosen.variant),
                arrived=arrived,
                variant=chosen.variant,
                note=self._note,
            )
            try:
                yield trial
            except BaseException as error:
                trial.failed(error)
                raise
        for variant in chosen.experiment.shadows:
            self._shadow(arrived, variant)


def _reason(error: BaseException) -> str:
    """The one word that docs/errors.md has for it."""
    if isinstance(error, asyncio.CancelledError):
        return "CANCELLED"
    # Of any other error the edge makes a status, and logs it.
    return reason_of(status_from_error(error)) if isinstance(error, QuotewireError) else "INTERNAL"
