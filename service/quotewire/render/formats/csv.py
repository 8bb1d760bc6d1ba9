"""CSV by RFC 4180, one row a statement: for spreadsheets.

A cell that a spreadsheet would take for a formula (``=cmd|…``) is put behind an apostrophe, as
OWASP advises ("CSV Injection"); so is a cell that begins with an apostrophe, so that taking one
away from wherever there is one gives back the words exactly.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from quotewire.lines import quote_text
from quotewire.render.formats import Answer
from quotewire.render.formats.common import encoded, name_of_speaker, spans_text
from quotewire.render.spans import check_spans
from quotewire.types import Article, Extraction, Statement

COLUMNS = (
    "article",
    "statement",
    "act",
    "kind",
    "speaker",
    "speaker_type",
    "speaker_mention",
    "cue",
    "quote",
    "quote_spans",
    "intermediaries",
    "intermediary_kinds",
    "addressee",
    "confidence",
    "reported_in",
    "model",
)
_SEPARATOR = "; "
# First characters that make a formula, here or behind spaces: the ASCII ones and their full-width
# twins, which spreadsheets of East Asian languages take for the same.
_FORMULA = tuple("=+-@＝＋－＠")
_CONTROL = tuple("\t\r\n\0'")


def guarded(cell: str) -> str:
    """``cell``, behind an apostrophe where a spreadsheet might run it."""
    if cell.startswith(_CONTROL) or cell.lstrip().startswith(_FORMULA):
        return f"'{cell}"
    return cell


def unguarded(cell: str) -> str:
    """The words that :func:`guarded` was given."""
    return cell.removeprefix("'")


def write(answers: Iterable[Answer]) -> Iterator[bytes]:
    """A header, then a row for every statement; ``\\r\\n`` ends each, UTF-8, no byte-order mark."""
    yield _lines([COLUMNS])
    for article, extraction in answers:
        check_spans(article, extraction)
        yield _lines(_row(article, extraction, s) for s in extraction.statements)


def _row(article: Article, extraction: Extraction, statement: Statement) -> tuple[str, ...]:
    text, speaker = article.text, statement.speaker
    mention = speaker.mention.slice(text) if speaker and speaker.mention else ""
    through = statement.intermediaries
    return (
        guarded(article.id),
        guarded(statement.id),
        statement.act.value,
        statement.quote.kind.value,
        guarded(name_of_speaker(text, statement) or ""),
        speaker.type.value if speaker and speaker.type else "",
        guarded(mention),
        guarded(statement.cue.slice(text)),
        guarded(quote_text(text, statement.quote.spans)),
        spans_text(statement.quote.spans),
        guarded(_SEPARATOR.join(i.name or i.mention.slice(text) for i in through)),
        _SEPARATOR.join(i.kind.value for i in through),
        guarded(statement.addressee.slice(text) if statement.addressee else ""),
        f"{statement.confidence:.4f}",
        guarded(statement.reported_in or ""),
        guarded(extraction.model),
    )


def _lines(rows: Iterable[tuple[str, ...]]) -> bytes:
    page = io.StringIO(newline="")
    csv.writer(page, dialect="excel", lineterminator="\r\n").writerows(rows)
    return encoded(page.getvalue())
