"""An editor's verdict on one statement, as its form sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from quotewire.desk.forms import Form
from quotewire.desk.readings import Reading
from quotewire.desk.service import VERDICTS
from quotewire.errors import InputError
from quotewire.lines import statement_to_json
from quotewire.types import Act, QuoteKind, SpeakerType

MAX_EDITOR_CODE_POINTS: Final = 256
MAX_NAME_CODE_POINTS: Final = 256
# What a form can correct: the field's name there, its name for the server, its values (None: any).
CHOICES: Final[Mapping[str, tuple[str, tuple[str, ...] | None]]] = {
    "speaker_name": ("speaker.name", None),
    "speaker_type": ("speaker.type", tuple(SpeakerType)),
    "kind": ("quote.kind", tuple(QuoteKind)),
    "act": ("act", tuple(Act)),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """``corrected`` maps fields of docs/json-lines.md to their right values."""

    article_id: str
    statement_id: str
    verdict: str
    corrected: Mapping[str, Any]
    editor: str


def read_verdict(form: Form, reading: Reading) -> Verdict:
    """A verdict's field holds the statement's id.  Raises InputError naming the field that cannot
    be used."""
    given = [verdict for verdict in VERDICTS if verdict in form.fields]
    if len(given) != 1:
        raise InputError(
            field="verdict", value=repr(given), allowed=f"one of {', '.join(VERDICTS)}"
        )
    [verdict] = given
    statement_id = form[verdict]
    editor = form["editor"].strip()
    if not 1 <= len(editor) <= MAX_EDITOR_CODE_POINTS:
        raise InputError(
            field="Your name",
            value="empty" if not editor else f"{len(editor)} characters long",
            allowed=f"1 to {MAX_EDITOR_CODE_POINTS} characters (a pseudonym will do)",
        )
    for extraction in reading.extractions:
        for statement in extraction.statements:
            if statement.id == statement_id:
                now = statement_to_json(reading.article.text, statement)
                corrected = _corrected(form, now) if verdict == "corrected" else {}
                return Verdict(
                    article_id=extraction.article_id,
                    statement_id=statement_id,
                    verdict=verdict,
                    corrected=corrected,
                    editor=editor,
                )
    raise InputError(
        field="statement", value=repr(statement_id[:40]), allowed="a statement of this reading"
    )


def _corrected(form: Form, now: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the statement as it is; an empty field is a right value of none."""
    speaker = now["speaker"] or {"name": None, "type": None}
    values = {
        "speaker.name": speaker["name"],
        "speaker.type": speaker["type"],
        "quote.kind": now["quote"]["kind"],
        "act": now["act"],
    }
    corrected: dict[str, Any] = {}
    for name, (path, allowed) in CHOICES.items():
        if name not in form.fields:
            continue
        value = form[name].strip() or None
        if value is not None and allowed is not None and value not in allowed:
            raise InputError(field=name, value=repr(value[:20]), allowed=", ".join(allowed))
        if value is not None and len(value) > MAX_NAME_CODE_POINTS:
            raise InputError(
                field="The speaker’s name",
                value=f"{len(value)} characters long",
                allowed=f"at most {MAX_NAME_CODE_POINTS} characters",
            )
        if value != values[path]:
            corrected[path] = value
    if not corrected:
        raise InputError(
            field="The correction",
            value="what the statement says already",
            allowed="at least one other value (or accept the statement)",
        )
    return corrected
