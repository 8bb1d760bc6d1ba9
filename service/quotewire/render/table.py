"""Statements as a table for the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from quotewire.lines import quote_text
from quotewire.types import Act, Article, Extraction, Intermediary, Speaker, SpeakerType, Statement

_NONE = "–"
_TYPE_STYLES = {
    SpeakerType.PERSON: "bold cyan",
    SpeakerType.ORGANIZATION: "bold magenta",
    SpeakerType.GROUP: "bold yellow",
    SpeakerType.DOCUMENT: "bold blue",
    None: "bold",
}
# From these confidences on, green and yellow; below, red.
_SURE, _LIKELY = 0.8, 0.5


def printable(text: str) -> str:
    """``text`` on one line, safe for a terminal.

    White space becomes single spaces; control and format characters (escape sequences, bidi
    overrides) and lone surrogates become U+FFFD, except joiners, which emoji and scripts need.
    """
    keep = "\u200c\u200d"
    return "".join(
        "\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in keep else c
        for c in " ".join(text.split())
    )


def in_outline_order(statements: Sequence[Statement]) -> Iterator[tuple[int, Statement]]:
    """Each statement with its depth: outer statements in their order, each followed by those that
    are reported inside it.  A statement whose outer one is not among them stands at depth 0;
    every statement comes exactly once.
    """
    ids = {statement.id for statement in statements}
    inner: dict[str, list[Statement]] = {}
    outermost: list[Statement] = []
    for statement in statements:
        outer = statement.reported_in
        if outer in ids and outer != statement.id:
            inner.setdefault(outer, []).append(statement)
        else:
            outermost.append(statement)
    seen: set[str] = set()
    # A ring of statements has no outermost one: whatever was not reached starts an outline too.
    for start in (*outermost, *statements):
        stack = [(0, start)]
        while stack:
            depth, statement = stack.pop()
            if statement.id not in seen:
                seen.add(statement.id)
                yield depth, statement
                stack.extend((depth + 1, s) for s in reversed(inner.get(statement.id, ())))


def _speaker(text: str, speaker: Speaker | None) -> Text:
    if speaker is None:
        return Text(_NONE, style="dim")
    mention = printable(speaker.mention.slice(text)).rstrip(", ") if speaker.mention else None
    name = printable(speaker.name) if speaker.name else None
    shown = Text(name or mention or _NONE, style=_TYPE_STYLES[speaker.type])
    if name and mention and mention != name:
        shown.append(f" ({mention})", style="dim not bold")
    return shown


def _intermediary(text: str, intermediary: Intermediary) -> str:
    name = printable(intermediary.name or intermediary.mention.slice(text))
    return f"{name} ({intermediary.kind.value})"


def _quote(text: str, statement: Statement, *, depth: int) -> Text:
    indent = "  " * (depth - 1) + "↳ " if depth else ""
    return Text(indent, style="dim").append(
        printable(quote_text(text, statement.quote.spans)), style="not dim"
    )


def _confidence(value: float) -> Text:
    style = "green" if value >= _SURE else "yellow" if value >= _LIKELY else "red"
    return Text(f"{value:.2f}", style=style)


def statements_table(article: Article, extraction: Extraction) -> RenderableType:
    """One row a statement: speaker, quote, via, to (if anybody is addressed), kind, confidence.

    Statements reported inside another one follow it, indented.  ``article`` is the one that
    ``extraction`` answers.
    """
    text, statements = article.text, extraction.statements
    addressed = any(statement.addressee for statement in statements)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Speaker", ratio=3)
    table.add_column("Quote", ratio=8)
    table.add_column("Via", ratio=3)
    if addressed:
        table.add_column("To", ratio=2)
    table.add_column("Kind", no_wrap=True)
    table.add_column("Conf.", justify="right", no_wrap=True)
    for depth, statement in in_outline_order(statements):
        attitude = statement.act is Act.ATTITUDE
        to = [Text(printable(statement.addressee.slice(text)) if statement.addressee else "")]
        table.add_row(
            _speaker(text, statement.speaker),
            _quote(text, statement, depth=depth),
            Text("; ".join(_intermediary(text, i) for i in statement.intermediaries)),
            *(to if addressed else ()),
            statement.quote.kind.value + ("\nattitude" if attitude else ""),
            _confidence(statement.confidence),
        )
    count = f"{len(statements)} statement{'' if len(statements) == 1 else 's'}"
    summary = " · ".join(
        (printable(article.id), count, extraction.language or "language unknown", extraction.model)
    )
    warnings = [Text(f"warning: {printable(w)}", style="yellow") for w in extraction.warnings]
    rows: list[RenderableType] = [table, Text()] if statements else []
    return Group(*rows, Text(summary, style="dim"), *warnings)
