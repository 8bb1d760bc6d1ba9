"""What the page shows of one or two answers: drawings, speakers, filters, differences.

Pure functions over domain values; the templates only lay out what stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from quotewire.desk.compare import Pair, pairs
from quotewire.desk.readings import Reading
from quotewire.errors import InputError
from quotewire.render.drawing import Drawing, Row, draw
from quotewire.render.table import printable
from quotewire.types import Act, Extraction, QuoteKind, Statement

ONLY_HERE = "only in this model"
# What DOM ids begin with, by drawing.
PREFIXES = ("s", "t")


@dataclass(frozen=True, slots=True)
class Person:
    """A speaker of the legend; ``count`` is how many statements are theirs."""

    name: str
    colour: int
    count: int


@dataclass(frozen=True, slots=True)
class View:
    """One model's answer; ``variant`` says in words which experiment chose the model, if any."""

    model: str
    variant: str
    drawing: Drawing
    language: str | None
    warnings: tuple[str, ...]
    found: int

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.drawing.rows


@dataclass(frozen=True, slots=True)
class Twin:
    """One line of the comparison: the rows of either model, and what sets them apart ("" for
    nothing)."""

    first: Row | None
    second: Row | None
    note: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the page of a reading shows; ``twins`` is empty for one model."""

    views: tuple[View, ...]
    people: tuple[Person, ...]
    twins: tuple[Twin, ...] = ()

    @property
    def differing(self) -> int:
        return sum(bool(twin.note) for twin in self.twins)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which statements are shown; "" leaves a filter out.  ``min_confidence`` is in [0, 1]."""

    min_confidence: float = 0.0
    act: str = ""
    kind: str = ""
    speaker: str = ""
    via: bool = False

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Filters:
        """Raises InputError naming the parameter that is out of its range."""
        raw = query.get("min", "") or "0"
        try:
            confidence = float(raw)
        except ValueError:
            confidence = float("nan")
        if not 0.0 <= confidence <= 1.0:  # written so that NaN fails, too
            raise InputError(field="min", value=repr(raw[:20]), allowed="a number from 0 to 1")
        for name, kinds in (("act", Act), ("kind", QuoteKind)):
            value = query.get(name, "")
            allowed = [str(kind) for kind in kinds]
            if value and value not in allowed:
                raise InputError(field=name, value=repr(value[:20]), allowed=", ".join(allowed))
        return cls(
            min_confidence=confidence,
            act=query.get("act", ""),
            kind=query.get("kind", ""),
            speaker=query.get("speaker", ""),
            via=bool(query.get("via")),
        )

    def shows(self, row: Row) -> bool:
        statement = row.statement
        return (
            statement.confidence >= self.min_confidence
            and self.act in ("", statement.act.value)
            and self.kind in ("", statement.quote.kind.value)
            and self.speaker in ("", row.speaker)
            and (not self.via or bool(row.via))
        )


def page_of(reading: Reading, *, filters: Filters) -> Page:
    """The page of a reading.  Raises InputError where a server's spans lie outside the text."""
    compared = _compared(reading)
    notes = _notes(compared)
    colours: dict[str, int] = {}  # by speaker, the same in both drawings, whatever is shown

    def drawing_of(at: int, statements: tuple[Statement, ...]) -> Drawing:
        return draw(
            reading.article,
            replace(reading.extractions[at], statements=statements),
            prefix=PREFIXES[at],
            notes=notes[at],
            colours=colours,
        )

    drawings = [drawing_of(at, one.statements) for at, one in enumerate(reading.extractions)]
    shown = [{row.statement.id for row in one.rows if filters.shows(row)} for one in drawings]
    for pair in compared:  # both or none: half a pair would look like a difference
        ids = [{one.id} if one else set() for one in (pair.first, pair.second)]
        if ids[0] & shown[0] or ids[1] & shown[1]:
            for wanted, own in zip(shown, ids, strict=True):
                wanted |= own
    for at, (drawing, wanted) in enumerate(zip(drawings, shown, strict=True)):
        if len(wanted) < len(drawing.rows):
            kept = (row.statement for row in drawing.rows if row.statement.id in wanted)
            drawings[at] = drawing_of(at, tuple(sorted(kept, key=lambda one: one.cue)))
    views = tuple(
        View(
            model=extraction.model,
            variant=_variant(extraction),
            drawing=drawing,
            language=extraction.language,
            warnings=tuple(printable(warning) for warning in extraction.warnings),
            found=len(extraction.statements),
        )
        for extraction, drawing in zip(reading.extractions, drawings, strict=True)
    )
    return Page(views=views, people=_people(views), twins=tuple(_twins(compared, drawings)))


def _variant(extraction: Extraction) -> str:
    chosen = extraction.assignment
    return f"variant {chosen.variant} of experiment {chosen.experiment}" if chosen else ""


def _compared(reading: Reading) -> list[Pair]:
    if len(reading.extractions) < 2:
        return []
    first, second = reading.extractions
    return pairs(first.statements, second.statements)


def _notes(compared: Sequence[Pair]) -> tuple[dict[str, str], dict[str, str]]:
    """For either drawing, by id, what is said of each statement that the other model has
    otherwise."""
    notes: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for pair in compared:
        for own, one, other in (
            (notes[0], pair.first, pair.second),
            (notes[1], pair.second, pair.first),
        ):
            if one is not None and other is None:
                own[one.id] = ONLY_HERE
            elif one is not None and pair.differences:
                own[one.id] = f"differs: {', '.join(pair.differences)}"
    return notes


def _twins(compared: Sequence[Pair], drawings: Sequence[Drawing]) -> Iterator[Twin]:
    rows = [{row.statement.id: row for row in drawing.rows} for drawing in drawings]
    for pair in compared:
        here = rows[0].get(pair.first.id) if pair.first else None
        there = rows[1].get(pair.second.id) if pair.second else None
        if here or there:
            note = ONLY_HERE if not (here and there) else ""
            if pair.differences:
                note = f"differs: {', '.join(pair.differences)}"
            yield Twin(here, there, note)


def _people(views: Sequence[View]) -> tuple[Person, ...]:
    counts: dict[str, tuple[int, int]] = {}
    for view in views:
        for row in view.rows:
            colour, count = counts.get(row.speaker, (row.colour, 0))
            counts[row.speaker] = colour, count + 1
    return tuple(Person(name, colour, count) for name, (colour, count) in counts.items())
