"""The rows of the two logs of an experiment: exposures and feedback.

docs/experiments.md ("File formats") fixes their fields; one row is one JSON object.  Whoever writes
a log formats rows with this module, whoever reads one parses them with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from quotewire.errors import InputError
from quotewire.lines import statement_to_json
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

_Value = TypeVar("_Value")
# What of a statement's JSON line is words of the article.
_WORDS = ("text", "name")


class Role(StrEnum):
    """What an answer was used for."""

    SERVED = "served"  # the caller got it
    SHADOW = "shadow"  # nobody did: another model's answer to the same article


class Verdict(StrEnum):
    """What an editor made of a statement."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"  # there is such a statement, but something about it was wrong
    REJECTED = "rejected"  # there is no such statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One variant that answered one article, or failed on it.

    Rows with the same ``pair`` are of one article in one call: one served, the others shadows.
    ``unit_hash`` is the first 32 hexadecimal digits of SHA-256(``salt:unit``); ``text_hash``
    likewise of the normalised text.  ``digest`` is that of the model's files (empty where it has
    none); ``error`` the reason (docs/errors.md) why there are no statements.  ``text`` is None, and
    so are the names in ``statements``, unless the experiment asks for texts.
    """

    id: str
    pair: str
    time: datetime  # when the answer was there; UTC
    experiment: str
    salt: str
    unit: str  # article, publisher or caller
    unit_hash: str
    bucket: int  # [0, 10000)
    variant: str
    role: Role
    override: bool  # the operator's allow-list chose the variant, not the hash
    model: str  # name@version
    digest: str
    article_id: str
    text_hash: str
    text_length: int  # code points
    caller: str
    publisher: str | None = None
    section: str | None = None
    language: str | None = None  # ISO 639-1, as detected or sent
    all_acts: bool = False  # whether attitudes were asked for
    min_confidence: float | None = None  # [0, 1]; None for the model's own
    statements: tuple[Statement, ...] = ()
    tokens: int = 0  # word pieces that the model read, overlaps of windows included
    seconds: float = 0.0  # wall time on the server, from the article's turn to its answer
    queue_s: float = 0.0  # how much of it was waiting (seconds)
    error: str | None = None
    text: str | None = None

    @property
    def drawn(self) -> bool:
        """Whether chance chose it: only such rows may be compared."""
        return not self.override


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One editor's verdict on one statement; of several by one editor on one statement the latest
    counts.

    ``corrected`` maps a field of the statement (names of docs/json-lines.md, ``speaker.name``) to
    its right value, None where it should have none.
    """

    key: str
    time: datetime  # when it was recorded; UTC
    article_id: str
    statement_id: str
    verdict: Verdict
    editor: str
    caller: str
    corrected: Mapping[str, Any] = field(default_factory=dict)


def exposure_to_json(row: Exposure) -> dict[str, Any]:
    """The row as it stands in the log; the article's words only where the row has its text."""
    return {
        "id": row.id,
        "pair": row.pair,
        "time": format_time(row.time),
        "experiment": row.experiment,
        "salt": row.salt,
        "unit": row.unit,
        "unit_hash": row.unit_hash,
        "bucket": row.bucket,
        "variant": row.variant,
        "role": row.role.value,
        "override": row.override,
        "model": row.model,
        "digest": row.digest,
        "article_id": row.article_id,
        "text_hash": row.text_hash,
        "text_length": row.text_length,
        "caller": row.caller,
        "publisher": row.publisher,
        "section": row.section,
        "language": row.language,
        "all_acts": row.all_acts,
        "min_confidence": row.min_confidence,
        "tokens": row.tokens,
        "seconds": round(row.seconds, 6),
        "queue_s": round(row.queue_s, 6),
        "error": row.error,
        "text": row.text,
        "statements": [
            statement_to_json(row.text, statement)
            if row.text is not None
            else _without_words(statement_to_json("", statement))
            for statement in row.statements
        ],
    }


def exposure_from_json(line: Mapping[str, Any]) -> Exposure:
    """The other way round; keys that it does not know are passed over.

    Raises InputError naming the field.
    """
    return Exposure(
        id=_get(line, "id", _string),
        pair=_get(line, "pair", _string),
        time=_get(line, "time", parse_time),
        experiment=_get(line, "experiment", _string),
        salt=_get(line, "salt", _string),
        unit=_get(line, "unit", _string),
        unit_hash=_get(line, "unit_hash", _string),
        bucket=_get(line, "bucket", _whole),
        variant=_get(line, "variant", _string),
        role=_get(line, "role", Role),
        override=_get(line, "override", _flag),
        model=_get(line, "model", _string),
        digest=_get(line, "digest", _string),
        article_id=_get(line, "article_id", _string),
        text_hash=_get(line, "text_hash", _string),
        text_length=_get(line, "text_length", _whole),
        caller=_get(line, "caller", _string),
        publisher=_get(line, "publisher", _optional(_string)),
        section=_get(line, "section", _optional(_string)),
        language=_get(line, "language", _optional(_string)),
        all_acts=_get(line, "all_acts", _flag),
        min_confidence=_get(line, "min_confidence", _optional(_number)),
        tokens=_get(line, "tokens", _whole),
        seconds=_get(line, "seconds", _number),
        queue_s=_get(line, "queue_s", _number),
        error=_get(line, "error", _optional(_string)),
        text=_get(line, "text", _optional(_string)),
        statements=_get(line, "statements", _each(statement_from_json)),
    )


def feedback_to_json(row: Feedback) -> dict[str, Any]:
    return {
        "key": row.key,
        "time": format_time(row.time),
        "article_id": row.article_id,
        "statement_id": row.statement_id,
        "verdict": row.verdict.value,
        "corrected": dict(row.corrected),
        "editor": row.editor,
        "caller": row.caller,
    }


def feedback_from_json(line: Mapping[str, Any]) -> Feedback:
    """The other way round; keys that it does not know are passed over.

    Raises InputError naming the field.
    """
    return Feedback(
        key=_get(line, "key", _string),
        time=_get(line, "time", parse_time),
        article_id=_get(line, "article_id", _string),
        statement_id=_get(line, "statement_id", _string),
        verdict=_get(line, "verdict", Verdict),
        corrected=_get(line, "corrected", _object),
        editor=_get(line, "editor", _string),
        caller=_get(line, "caller", _string),
    )


def statement_from_json(line: Mapping[str, Any]) -> Statement:
    """A statement of docs/json-lines.md, with or without the article's words in it."""
    quote = _get(line, "quote", _object)
    speaker = _get(line, "speaker", _optional(_object))
    return Statement(
        id=_get(line, "id", _string),
        act=_get(line, "act", Act),
        confidence=_get(line, "confidence", _number),
        reported_in=_get(line, "reported_in", _optional(_string)),
        quote=Quote(
            spans=_get(quote, "spans", _each(_span)),
            kind=_get(quote, "kind", QuoteKind),
            verbatim=_get(quote, "verbatim", _each(_span)),
        ),
        speaker=None
        if speaker is None
        else Speaker(
            mention=_get(speaker, "mention", _optional(_span)),
            name=_optional(_string)(speaker.get("name")),
            type=_get(speaker, "type", _optional(SpeakerType)),
        ),
        cue=_get(line, "cue", _span),
        intermediaries=_get(line, "intermediaries", _each(_intermediary)),
        addressee=_get(line, "addressee", _optional(_span)),
    )


def to_line(row: Mapping[str, Any]) -> str:
    """One line of a log, without its line break."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def format_time(time: datetime) -> str:
    """ISO 8601 in UTC, to the microsecond: ``2026-11-22T14:05:00.000000Z``; so that the order of
    the letters is that of the times."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(value: Any) -> datetime:
    time = datetime.fromisoformat(_string(value))
    if time.tzinfo is None:
        raise ValueError("a time without its zone")
    return time.astimezone(UTC)


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_words(inner) for key, inner in value.items() if key not in _WORDS}
    return [_without_words(inner) for inner in value] if isinstance(value, list) else value


def _get(line: Mapping[str, Any], name: str, read: Callable[[Any], _Value]) -> _Value:
    if name not in line:
        raise InputError(field=name, value="nothing", allowed="a value (docs/experiments.md)")
    try:
        return read(line[name])
    except InputError as error:  # of a field inside
        raise InputError(
            field=f"{name}.{error.field}", value=error.value, allowed=error.allowed
        ) from None
    except (TypeError, ValueError) as error:
        raise InputError(
            field=name, value=repr(line[name])[:60], allowed=f"as in docs/experiments.md ({error})"
        ) from None


def _typed(*types: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) not in types:
            raise TypeError(f"not a {type(value).__name__}")
        return value

    return read


_string: Callable[[Any], str] = _typed(str)
_whole: Callable[[Any], int] = _typed(int)
_number: Callable[[Any], float] = _typed(int, float)
_flag: Callable[[Any], bool] = _typed(bool)
_object: Callable[[Any], dict[str, Any]] = _typed(dict)
_list: Callable[[Any], list[Any]] = _typed(list)


def _optional(read: Callable[[Any], _Value]) -> Callable[[Any], _Value | None]:
    return lambda value: None if value is None else read(value)


def _each(read: Callable[[Any], _Value]) -> Callable[[Any], tuple[_Value, ...]]:
    return lambda value: tuple(read(one) for one in _list(value))


def _span(value: Any) -> Span:
    line = _object(value)
    return Span(_get(line, "start", _whole), _get(line, "end", _whole))


def _intermediary(value: Any) -> Intermediary:
    line = _object(value)
    return Intermediary(
        mention=_get(line, "mention", _span),
        name=_optional(_string)(line.get("name")),
        kind=_get(line, "kind", IntermediaryKind),
    )
