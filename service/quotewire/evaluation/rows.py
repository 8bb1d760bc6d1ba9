"""Statements as the evaluation sees them: gold and predicted ones alike.

A :class:`Row` may lack what a served :class:`quotewire.types.Statement` always has (gold contents
are empty now and then) and may have what it never has (a joint source in two spans).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from quotewire.errors import InputError
from quotewire.evaluation.jsonl import object_of
from quotewire.types import Act, Article, IntermediaryKind, Span, SpeakerType

E = TypeVar("E", bound=StrEnum)

# What an annotation may or may not cover; source, cue and content always are covered.
LAYERS = frozenset({"act", "speaker", "intermediary", "addressee", "nested"})


@dataclass(frozen=True, slots=True)
class Via:
    """An intermediary: its span and kind (None where unlabelled)."""

    span: Span
    kind: IntermediaryKind | None


@dataclass(frozen=True, slots=True)
class Row:
    """One statement, gold or predicted.

    ``sources`` and ``content`` are ascending and may be empty.  ``speaker`` is the resolved name.
    ``nested`` says that the statement stands inside another one's content, ``reported_in`` is the
    position of that one among the article's rows (None where unknown).  ``confidence`` is in
    [0, 1], None on gold rows.
    """

    cue: Span
    sources: tuple[Span, ...] = ()
    content: tuple[Span, ...] = ()
    act: Act | None = None
    speaker: str | None = None
    speaker_type: SpeakerType | None = None
    via: tuple[Via, ...] = ()
    addressee: Span | None = None
    nested: bool = False
    reported_in: int | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class GoldArticle:
    """One article with its gold rows; ``labelled`` is the part of LAYERS that was annotated."""

    id: str
    text: str
    rows: tuple[Row, ...]
    title: str | None = None
    publisher: str | None = None
    labelled: frozenset[str] = LAYERS

    @property
    def article(self) -> Article:
        """What an extractor is to answer."""
        return Article(id=self.id, text=self.text, title=self.title, publisher=self.publisher)


def trimmed(span: Span, text: str) -> Span:
    """``span`` without white space at its ends (unchanged if it holds nothing else).

    The published measure compares token spans, which cannot see white space; some gold spans are
    off by a blank.
    """
    inside = span.slice(text)
    if not inside.strip():
        return span
    left = len(inside) - len(inside.lstrip())
    return Span(span.start + left, span.start + len(inside.rstrip()))


def distinct(spans: Sequence[Span]) -> tuple[Span, ...]:
    return tuple(sorted(set(spans)))


def span_at(value: Any, *, text: str, where: str) -> Span:
    """A span from ``[start, end]`` or ``{"start", "end"}``, trimmed.

    A ``text`` key beside the offsets has to be what stands there: a mismatch means that the line
    was made from another version of the article.  Raises InputError naming ``where``.
    """
    allowed = f"offsets with 0 <= start < end <= {len(text)} (the length of the article's text)"
    start: Any = None
    end: Any = None
    if isinstance(value, Mapping):
        start, end = value.get("start"), value.get("end")
    elif isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        start, end = value
    integers = type(start) is int and type(end) is int
    if not (integers and 0 <= start < end <= len(text)):
        raise InputError(field=where, value=repr(value)[:80], allowed=allowed)
    span = Span(start, end)
    copied = value.get("text") if isinstance(value, Mapping) else None
    if copied is not None and copied != span.slice(text):
        raise InputError(
            field=f"{where}.text",
            value=repr(copied)[:60],
            allowed=f"what the article has at [{start}, {end}): {span.slice(text)[:60]!r} "
            "(was the line made from another version of the text?)",
        )
    return trimmed(span, text)


def member_of(kind: type[E], value: Any, *, where: str) -> E | None:
    """The member of ``kind`` by its value, None for None; InputError for anything else."""
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        raise InputError(
            field=where, value=repr(value)[:60], allowed=", ".join(kind) + " or null"
        ) from None


def _list(value: Any, *, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError(field=where, value=repr(value)[:60], allowed="a JSON list")
    return value


def _confidence(value: Any, *, where: str) -> float | None:
    if value is None:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0.0 <= value <= 1.0:
        raise InputError(field=where, value=repr(value)[:60], allowed="a number in [0, 1] or null")
    return float(value)


def name_of(value: Any, *, where: str) -> str | None:
    """``value``, a string or None; InputError for anything else."""
    if value is not None and not isinstance(value, str):
        raise InputError(field=where, value=repr(value)[:60], allowed="a string or null")
    return value


def speaker_name(value: Any, *, text: str, title: str | None, where: str) -> str | None:
    """A speaker's name: a string or None or, in gold that is to hold no text of its articles, the
    place where it stands: ``{"start", "end"}`` of the text, of the title with ``"in": "title"``
    beside them; a list of these is a joint name.  Raises InputError naming ``where``."""
    if isinstance(value, list) and value:
        parts = [speaker_name(v, text=text, title=title, where=where) for v in value]
        return " and ".join(part for part in parts if part)
    if not isinstance(value, Mapping):
        return name_of(value, where=where)
    place = value.get("in", "text")
    if place not in ("text", "title"):
        raise InputError(
            field=f"{where}.in", value=repr(place)[:60], allowed="text or title; text without it"
        )
    inside = (title or "") if place == "title" else text
    return span_at(value, text=inside, where=where).slice(inside)


def rows_from_line(
    line: Mapping[str, Any], *, text: str, title: str | None = None, where: str
) -> tuple[Row, ...]:
    """The rows of one JSON line (see :mod:`quotewire.lines`), in the line's order.

    ``title`` is the article's, where names may stand, too; ``where`` (such as ``pred.jsonl:17``)
    begins the field of every InputError raised.
    """
    statements = _list(line.get("statements"), where=f"{where}: statements")
    places = {
        s["id"]: n for n, s in enumerate(statements) if isinstance(s, Mapping) and s.get("id")
    }
    if len(places) < sum(1 for s in statements if isinstance(s, Mapping) and s.get("id")):
        raise InputError(
            field=f"{where}: statements", value="a statement id used twice", allowed="unique ids"
        )
    return tuple(
        _row(statement, text=text, title=title, places=places, where=f"{where}: statements[{n}]")
        for n, statement in enumerate(statements)
    )


def _row(value: Any, *, text: str, title: str | None, places: Mapping[Any, int], where: str) -> Row:
    statement = object_of(value, where=where)
    quote = object_of(statement.get("quote") or {}, where=f"{where}.quote")
    speaker = object_of(statement.get("speaker") or {}, where=f"{where}.speaker")
    mention, addressee = speaker.get("mention"), statement.get("addressee")
    outer = statement.get("reported_in")
    if outer is not None and outer not in places:
        raise InputError(
            field=f"{where}.reported_in",
            value=repr(outer)[:60],
            allowed="the id of a statement of the same article, or null",
        )
    vias = []
    for n, item in enumerate(_list(statement.get("intermediaries"), where=where)):
        at = f"{where}.intermediaries[{n}]"
        via = object_of(item, where=at)
        span = span_at(via.get("mention"), text=text, where=f"{at}.mention")
        vias.append(Via(span, member_of(IntermediaryKind, via.get("kind"), where=f"{at}.kind")))
    pieces = _list(quote.get("spans"), where=f"{where}.quote.spans")
    return Row(
        cue=span_at(statement.get("cue"), text=text, where=f"{where}.cue"),
        sources=()
        if mention is None
        else (span_at(mention, text=text, where=f"{where}.speaker.mention"),),
        content=distinct(
            [
                span_at(piece, text=text, where=f"{where}.quote.spans[{n}]")
                for n, piece in enumerate(pieces)
            ]
        ),
        act=member_of(Act, statement.get("act"), where=f"{where}.act"),
        speaker=speaker_name(
            speaker.get("name"), text=text, title=title, where=f"{where}.speaker.name"
        ),
        speaker_type=member_of(SpeakerType, speaker.get("type"), where=f"{where}.speaker.type"),
        via=tuple(vias),
        addressee=None
        if addressee is None
        else span_at(addressee, text=text, where=f"{where}.addressee"),
        nested=outer is not None,
        reported_in=None if outer is None else places[outer],
        confidence=_confidence(statement.get("confidence"), where=f"{where}.confidence"),
    )
