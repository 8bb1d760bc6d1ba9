"""The fields of one record, whatever it was read from -> an article, or what is wrong with it."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of
from typing import Any

from quotewire.batch.records import BadRecord, ReadOptions, Reason, Record, SourceRef
from quotewire.errors import InputError
from quotewire.lines import ARTICLE_FIELDS
from quotewire.types import Article

REQUIRED = ("id", "text")
_DEFAULT_NAMES = {f.name: f.default for f in fields_of(ReadOptions) if f.name in ARTICLE_FIELDS}
_MISSING = object()
_SHOWN = 40  # characters of a wrong value


class Mapper:
    """Makes articles of the fields of records, by the names in ``options``.

    ``loose``: numbers and times may stand where an article has strings (tables have types).
    """

    def __init__(self, options: ReadOptions, *, loose: bool = False) -> None:
        self._names: dict[str, str | None] = {f: getattr(options, f) for f in ARTICLE_FIELDS}
        self._limit = options.max_text_characters
        self._loose = loose

    def record(self, values: Mapping[str, Any], ref: SourceRef) -> Record | BadRecord:
        """``values`` are all fields of the record; those of no article's field become its meta."""
        meta = dict(values)
        fields: dict[str, Any] = {}
        for field, name in self._names.items():
            fields[field] = None if name is None else _take(meta, name)
        if self._names["id"] is None:
            fields["id"] = f"{ref.file}#{ref.record}"
        article_id = self._string(fields["id"]) or None
        for field, value in fields.items():
            required = field in REQUIRED
            if value is _MISSING or (value is None and not required):
                if required:
                    return self._missing(field, values, ref, article_id)
                fields[field] = None
            elif (text := self._string(value)) is None:
                allowed = "a string" + ("" if required else " or null")
                detail = f"got {_shown(value)}; allowed: {allowed}"
                return self._bad(ref, Reason.TYPE, field, detail, article_id)
            else:
                fields[field] = text
        if not fields["id"]:
            detail = "got ''; allowed: a non-empty string"
            return self._bad(ref, Reason.MISSING, "id", detail, None)
        if len(fields["text"]) > self._limit:
            detail = f"got {len(fields['text']):,} characters; allowed: at most {self._limit:,}"
            return self._bad(ref, Reason.TOO_LONG, "text", detail, article_id)
        return Record(Article(**fields, meta=meta), ref)

    def id_of(self, values: Any) -> str | None:
        """The id of a record that is no article, if one that can be written can be read."""
        name = self._names["id"]
        if not isinstance(values, Mapping) or name is None:
            return None
        article_id = self._string(_take(dict(values), name))
        return None if not article_id or "\ufffd" in article_id else article_id

    def _string(self, value: Any) -> str | None:
        if isinstance(value, str):
            return value
        if (
            self._loose
            and isinstance(value, (int, decimal.Decimal))
            and not isinstance(value, bool)
        ):
            return str(value)
        if self._loose and isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        return None

    def _missing(
        self, field: str, values: Mapping[str, Any], ref: SourceRef, article_id: str | None
    ) -> BadRecord:
        here = ", ".join(repr(str(name)[:_SHOWN]) for name in list(values)[:12])
        detail = f"got nothing; allowed: a string (required); here are: {here or 'no fields'}"
        return self._bad(ref, Reason.MISSING, field, detail, article_id)

    def _bad(
        self, ref: SourceRef, reason: Reason, field: str, detail: str, article_id: str | None
    ) -> BadRecord:
        name = self._names[field]
        place = field if name in (field, None) else f"{field} (read from {name!r})"
        return BadRecord(ref, reason, f"{place}: {detail}", article_id)


def _take(values: dict[str, Any], name: str) -> Any:
    """Remove and return the value of that name, dotted for one in nested objects."""
    if name in values:
        return values.pop(name)
    outer, dot, inner = name.partition(".")
    if not dot or not isinstance(values.get(outer), Mapping):
        return _MISSING
    nested = dict(values[outer])
    found = _take(nested, inner)
    values[outer] = nested
    if not nested:
        del values[outer]
    return found


def _shown(value: Any) -> str:
    return f"{type(value).__name__} {str(value)[:_SHOWN]!r}"


def plain(value: Any) -> Any:
    """A table's value as JSON can carry it: times in ISO 8601, decimals and bytes as strings, what
    is no number as null."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return str(value)


def check_columns(columns: Sequence[str], options: ReadOptions, *, url: str) -> None:
    """Raises InputError where a table has no column for a field that an article needs, or none of a
    name that was asked for, or two of the same name."""
    for field, default in _DEFAULT_NAMES.items():
        name = getattr(options, field)
        if name is None or (name == default and field not in REQUIRED):
            continue
        if name not in columns and name.partition(".")[0] not in columns:
            here = ", ".join(repr(column[:_SHOWN]) for column in columns[:20])
            raise InputError(field=f"{field} of {url}", value=f"column {name!r}", allowed=here)
    if twice := sorted({column for column in columns if list(columns).count(column) > 1}):
        raise InputError(
            field=f"columns of {url}", value=f"two of {twice[0]!r}", allowed="one of each name"
        )
