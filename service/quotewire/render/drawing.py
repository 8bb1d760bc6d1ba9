"""The drawing: an article's text with its statements drawn over it, and a table beside it, as HTML.

Used by the self-contained page (``quotewire extract --format html``), notebooks and the desk.  The
text keeps every code point in its place, so that a selection in the browser can be turned back
into offsets: labels stand in attributes and reach the screen through the style sheet, and the few
characters that could drive a page (see ``_INERT``) are replaced one for one.

Everything of the article's is escaped; nothing needs a script or another file.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from quotewire.lines import quote_text
from quotewire.render.spans import check_spans
from quotewire.render.table import in_outline_order, printable
from quotewire.types import Act, Article, Extraction, Span, Statement

UNKNOWN = "unknown speaker"
COLOURS = 8  # .qw-c1 to .qw-c8 in drawing.css; .qw-c0 is for unknown speakers
_LABEL_LENGTH = 40  # code points of a name in a label; the row has the whole
_DEEPEST = 3  # deeper statements are drawn as this deep: .qw-d0 to .qw-d3

# Controls, lone surrogates and the bidi embeddings, overrides and isolates: what HTML cannot hold
# and what could turn around the text that follows.  Line feeds and tabs are harmless.
_INERT = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ISOLATE, _POP = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Row:
    """What is said of one statement, in words of one line each, safe to be shown.

    ``number`` counts from 1 in outline order; ``key`` is the DOM id of its label in the text and,
    with ``-row`` appended, of its row.  ``depth`` is 0 for statements that stand in no other one
    of this extraction; ``outer`` is then None, else the number of the enclosing one.
    """

    number: int
    key: str
    depth: int
    outer: int | None
    colour: int
    statement: Statement
    speaker: str
    mention: str | None
    quote: str
    cue: str
    via: tuple[str, ...]
    to: str | None
    note: str | None

    @property
    def id(self) -> str:
        """The statement's, as it stands in ``data-statement``."""
        return printable(self.statement.id)

    @property
    def label(self) -> str:
        """What stands before the quote in the text; names are isolated, whatever their script."""
        via = "".join(f" via {_isolated(_short(v.rpartition(' (')[0]))}" for v in self.via)
        return f"{self.number} {_isolated(_short(self.speaker))}" + (f" ·{via}" if via else "")

    @property
    def confidence(self) -> str:
        return f"{self.statement.confidence:.2f}"

    @property
    def kind(self) -> str:
        attitude = self.statement.act is Act.ATTITUDE
        return self.statement.quote.kind.value + (", attitude" if attitude else "")

    @property
    def spoken(self) -> str:
        """The whole row in one sentence, for screen readers."""
        parts = [f"Statement {self.number}: {self.speaker}"]
        parts += [f"via {via}" for via in self.via]
        parts += [f"to {self.to}"] if self.to else []
        parts += [self.kind, f"confidence {self.confidence}"]
        parts += [f"reported in statement {self.outer}"] if self.outer else []
        parts += [self.note] if self.note else []
        return ", ".join(parts)

    @property
    def card(self) -> str:
        """What hovering over the quote shows: resolution, way and confidence, a line each."""
        type_ = self.statement.speaker.type if self.statement.speaker else None
        who = _isolated(self.speaker)
        who += f" (in the text: {_isolated(self.mention)})" if self.mention else ""
        lines = [f"{self.number}  {who}" + (f", {type_.value}" if type_ else "")]
        lines += [f"via {_isolated(via)}" for via in self.via]
        lines += [f"to {_isolated(self.to)}"] if self.to else []
        lines += [f"{self.kind} · confidence {self.confidence}"]
        lines += [f"reported in {self.outer}"] if self.outer else []
        lines += [self.note] if self.note else []
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Drawing:
    """``text`` and ``table`` are HTML fragments, to be put inside an element of the class ``qw``
    on a page that has the style sheet :func:`css`; ``rows`` is what the table says, for those who
    draw their own."""

    text: Markup
    table: Markup
    rows: tuple[Row, ...]


@cache
def css() -> str:
    """The style sheet of drawings: light and dark, phone and desktop; every name begins ``qw``."""
    return files("quotewire.render").joinpath("drawing.css").read_text(encoding="utf-8")


@cache
def templates() -> Environment:
    return Environment(
        loader=PackageLoader("quotewire.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def draw(
    article: Article,
    extraction: Extraction,
    *,
    prefix: str = "s",
    notes: Mapping[str, str] | None = None,
    colours: dict[str, int] | None = None,
) -> Drawing:
    """Draw ``extraction`` over the text of the ``article`` that it answers.

    ``prefix`` begins every DOM id (a page with two drawings gives two).  ``notes`` maps statement
    ids to a few words to be shown with them (“only this model”); noted statements are framed.
    ``colours`` (by speaker) is read and added to: drawings given the same one show a speaker in the
    same colour.  Every part carries its statement's id as ``data-statement``.  Raises InputError
    where a span lies outside the text.
    """
    check_spans(article, extraction)
    colours = {} if colours is None else colours
    statements = extraction.statements
    rows = tuple(_rows(article.text, statements, prefix=prefix, notes=notes or {}, colours=colours))
    table = (
        templates()
        .get_template("table.html")
        .render(rows=rows, addressed=any(row.to for row in rows))
    )
    return Drawing(text=_drawn_text(article.text, rows), table=Markup(table), rows=rows)


def safe_text(text: str) -> Markup:
    """``text`` escaped, each code point in its place, nothing in it able to drive a page."""
    # A line end's CR would be shown as a character and become a line feed in some parsers.
    inert = _INERT.sub("\ufffd", text)
    return Markup(str(escape(inert)).replace("\r", "&#13;"))


def _short(text: str) -> str:
    return text if len(text) <= _LABEL_LENGTH else text[: _LABEL_LENGTH - 1] + "…"


def _isolated(text: str | None) -> str:
    return f"{_ISOLATE}{text}{_POP}"


def _rows(
    text: str,
    statements: Sequence[Statement],
    *,
    prefix: str,
    notes: Mapping[str, str],
    colours: dict[str, int],
) -> Iterator[Row]:
    outline = list(in_outline_order(statements))
    numbers = {statement.id: n for n, (_, statement) in enumerate(outline, start=1)}
    for number, (depth, statement) in enumerate(outline, start=1):
        speaker, mention = _speaker(text, statement)
        colour = 0
        if speaker:
            colour = colours.setdefault(speaker.casefold(), len(colours) % COLOURS + 1)
        yield Row(
            number=number,
            key=f"{prefix}{number}",
            depth=depth,
            outer=numbers[statement.reported_in] if depth and statement.reported_in else None,
            colour=colour,
            statement=statement,
            speaker=speaker or UNKNOWN,
            mention=mention,
            quote=printable(quote_text(text, statement.quote.spans)),
            cue=printable(statement.cue.slice(text)),
            via=tuple(
                f"{printable(i.name or i.mention.slice(text))} ({i.kind.value})"
                for i in statement.intermediaries
            ),
            to=printable(statement.addressee.slice(text)) if statement.addressee else None,
            note=notes.get(statement.id),
        )


def _speaker(text: str, statement: Statement) -> tuple[str | None, str | None]:
    """The speaker's name as it is shown, and the mention where it says anything else, without the
    comma that closes an apposition."""
    if statement.speaker is None:
        return None, None
    span, name = statement.speaker.mention, statement.speaker.name
    mention = printable(span.slice(text)).rstrip(", ") if span else None
    shown = printable(name) if name else mention
    return shown, mention if mention != shown else None


@dataclass(frozen=True, slots=True)
class _Mark:
    """One span to be drawn.  Marks of lower ``rank`` enclose those of higher rank."""

    span: Span
    rank: tuple[int, int, int, int, int]
    row: Row
    role: str
    piece: int = 0

    def opening(self, *, first: bool) -> Markup:
        """The start tag; ``first`` is False where an overlap cut the mark and it goes on."""
        row = self.row
        classes = f"qw-{self.role} qw-c{row.colour}"
        if self.role != "quote":
            classes += " qw-first" if first else ""
            return Markup('<span class="{}" data-statement="{}" data-n="{}">').format(
                classes, row.id, row.number
            )
        classes += f" qw-d{min(row.depth, _DEEPEST)}"
        classes += " qw-attitude" if row.statement.act is Act.ATTITUDE else ""
        classes += " qw-noted" if row.note else ""
        classes += " qw-piece" if first and self.piece else ""
        tag = Markup('<span class="{}" data-statement="{}" data-n="{}" data-card="{}">').format(
            classes, row.id, row.number, row.card
        )
        if first and self.piece == 0:
            tag += Markup(
                '<a class="qw-label" id="{}" href="#{}-row" data-label="{}" data-card="{}" '
                'aria-label="{}"></a>'
            ).format(
                row.key,
                row.key,
                row.label,
                row.card,
                row.spoken,
            )
        return tag


def _marks(row: Row) -> Iterator[_Mark]:
    statement = row.statement
    roles = [("quote", 0, span) for span in statement.quote.spans]
    speaker = statement.speaker.mention if statement.speaker else None
    roles += [("speaker", 1, speaker)] if speaker else []
    roles += [("via", 1, i.mention) for i in statement.intermediaries]
    roles += [("to", 1, statement.addressee)] if statement.addressee else []
    roles += [("cue", 1, statement.cue)]
    for number, (role, order, span) in enumerate(roles):
        # Quotes enclose mentions, outer statements enclose inner ones, longer spans shorter ones.
        rank = (order, row.depth, -len(span), row.number, number)
        yield _Mark(span, rank, row, role, piece=number if role == "quote" else 0)


def _drawn_text(text: str, rows: Sequence[Row]) -> Markup:
    """The text, cut wherever a mark begins or ends.  Elements stay open from one piece to the next
    as far as the marks over both are the same, so that each mark is cut as seldom as overlaps
    allow and inner statements stand inside their outer one's element."""
    marks = sorted((mark for row in rows for mark in _marks(row)), key=lambda mark: mark.span)
    cuts = sorted({0, len(text), *(at for m in marks for at in (m.span.start, m.span.end))})
    html: list[Markup] = []
    open_: list[_Mark] = []
    seen: set[tuple[int, ...]] = set()
    coming = iter(marks)
    upcoming = next(coming, None)
    for at, end in itertools.pairwise(cuts):
        over = [mark for mark in open_ if mark.span.end > at]
        while upcoming is not None and upcoming.span.start == at:
            over.append(upcoming)
            upcoming = next(coming, None)
        over.sort(key=lambda mark: mark.rank)
        kept = 0
        while kept < min(len(open_), len(over)) and open_[kept] is over[kept]:
            kept += 1
        html += [Markup("</span>")] * (len(open_) - kept)
        for mark in over[kept:]:
            html.append(mark.opening(first=mark.rank not in seen))
            seen.add(mark.rank)
        html.append(safe_text(text[at:end]))
        open_ = over
    html += [Markup("</span>")] * len(open_)
    return Markup('<div class="qw-text" dir="auto">{}</div>').format(Markup("").join(html))
