"""Editors' verdicts: what makes two of them the same, and where they are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from quotewire.errors import InputError
from quotewire.experiments.records import Feedback

# Fields of a statement that an editor may correct (docs/json-lines.md).
CORRECTABLE = (
    "act",
    "quote",
    "quote.spans",
    "quote.kind",
    "speaker",
    "speaker.name",
    "speaker.type",
    "cue",
    "intermediaries",
    "addressee",
    "reported_in",
)


class FeedbackStore(Protocol):
    """Keeps feedback durably; used from any thread."""

    def record(self, rows: Sequence[Feedback]) -> list[bool]:
        """For each row whether its key was known before from its caller (in the store, or among the
        rows before it); the others are kept for good when this returns.

        Raises InputError for a key that is known with another content; any other exception means
        that nothing could be recorded.
        """
        ...

    def close(self) -> None: ...


def content_of(row: Feedback) -> str:
    """32 hexadecimal digits that depend on everything but key and time."""
    content = [
        row.article_id,
        row.statement_id,
        row.verdict.value,
        dict(row.corrected),
        row.editor,
        row.caller,
    ]
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def with_key(row: Feedback) -> Feedback:
    """The row under its own key or, where it has none, one made of its content."""
    return row if row.key else replace(row, key=f"sha256:{content_of(row)}")


def identity(row: Feedback) -> tuple[str, str]:
    """Keys are each caller's own: two callers may use the same."""
    return row.caller, row.key


def known_before(rows: Sequence[Feedback], known: Mapping[tuple[str, str], str]) -> list[bool]:
    """For each row whether it is in ``known`` (identity to content) or came in an earlier row.

    Raises InputError where that was with another content.
    """
    seen: dict[tuple[str, str], str] = {}
    answer = []
    for index, row in enumerate(rows):
        content, who = content_of(row), identity(row)
        before = known.get(who, seen.get(who))
        if before is not None and before != content:
            raise InputError(
                field=f"feedback[{index}].idempotency_key",
                value=f"{row.key[:60]!r}, used before for other content",
                allowed="a new key for a new verdict, or none",
            )
        answer.append(before is not None)
        seen[who] = content
    return answer
