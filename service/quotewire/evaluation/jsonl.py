"""JSON lines read with messages that name file, line and field."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from quotewire.errors import InputError

Located = tuple[str, Mapping[str, Any]]  # (``file:line``, the object of that line)


def read_json_lines(path: Path) -> Iterator[Located]:
    """The objects of a .jsonl or .jsonl.gz file; blank lines are passed over.

    Raises InputError for a file that cannot be read and for a line that is no JSON object.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path.name}:{number}", _object(line, where=f"{path.name}:{number}")
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise InputError(
            field=str(path), value=str(error)[:120], allowed="a readable .jsonl or .jsonl.gz file"
        ) from error


def _object(line: str, *, where: str) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(
            field=where,
            value=f"{line.strip()[:40]!r} ({error.msg} at column {error.colno})",
            allowed="one JSON object a line",
        ) from None
    if not isinstance(value, Mapping):
        raise InputError(field=where, value=type(value).__name__, allowed="one JSON object a line")
    return value


def string_of(line: Mapping[str, Any], key: str, *, where: str) -> str:
    """``line[key]``, a string that is not empty; InputError for anything else."""
    value = line.get(key)
    if not isinstance(value, str) or not value:
        raise InputError(
            field=f"{where}: {key}",
            value="nothing" if value is None else repr(value)[:60],
            allowed="a non-empty string",
        )
    return value


def list_of(line: Mapping[str, Any], key: str, *, where: str) -> list[Any]:
    """``line[key]``, a list; InputError for anything else."""
    value = line.get(key)
    if not isinstance(value, list):
        raise InputError(
            field=f"{where}: {key}",
            value="nothing" if value is None else repr(value)[:60],
            allowed="a JSON list",
        )
    return value


def object_of(value: Any, *, where: str) -> Mapping[str, Any]:
    """``value``, a JSON object; InputError for anything else."""
    if not isinstance(value, Mapping):
        raise InputError(field=where, value=repr(value)[:60], allowed="a JSON object")
    return value


def by_id(lines: Iterable[Located]) -> dict[str, Located]:
    """The lines by their ``id``, in order; each id may stand once."""
    found: dict[str, Located] = {}
    for where, line in lines:
        name = string_of(line, "id", where=where)
        if name in found:
            raise InputError(
                field=f"{where}: id",
                value=repr(name),
                allowed=f"each id once (it stands at {found[name][0]})",
            )
        found[name] = where, line
    return found
