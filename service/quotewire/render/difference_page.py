"""Disagreements of two variants for editors: a self-contained page on which they choose, and tasks
for Label Studio.  Neither says which reading is whose."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup, escape

from quotewire.experiments.difference import Differences, Disagreement
from quotewire.experiments.labels import BOTH, FIRST, FORMAT, NEITHER, SECOND, task_data
from quotewire.render.drawing import css, draw, templates
from quotewire.render.table import printable
from quotewire.types import Article, Extraction, Span, Speaker, Statement

# Around the readings: whole lines, but no more than so many code points to each side.
_AROUND = 300
WORDS_OF_FIELDS: Mapping[str, str] = {
    "statement": "only one of them has this statement",
    "quote": "where the quote begins or ends",
    "speaker": "who says it",
    "intermediaries": "through whom",
    "addressee": "to whom",
    "act": "words, or an attitude",
    "reported_in": "whether it stands inside another statement",
    "cue": "the cue",
}
LABEL_STUDIO_CONFIG = f"""<View>
  <Header value="$question"/>
  <HyperText name="passage" value="$html"/>
  <Choices name="choice" toName="passage" choice="single" required="true" showInline="true">
    <Choice value="{FIRST}"/>
    <Choice value="{SECOND}"/>
    <Choice value="{BOTH}"/>
    <Choice value="{NEITHER}"/>
  </Choices>
</View>
"""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One of the two readings as it is shown: its drawing, or that there is no statement."""

    name: str
    text: Markup
    facts: Sequence[tuple[str, str]]
    absent: bool


@dataclass(frozen=True, slots=True)
class _Card:
    number: int
    item: Disagreement
    title: str
    question: str
    readings: Sequence[_Reading]


def difference_page(found: Differences, *, title: str) -> str:
    """The whole page.  What it saves, ``quotewire experiments labels`` reads."""
    cards = [_card(item, number=number) for number, item in enumerate(found.items, start=1)]
    data = {
        "format": FORMAT,
        "title": title,
        "items": [task_data(found, item) for item in found.items],
    }
    return (
        templates()
        .get_template("differences.html")
        .render(
            title=title,
            found=found,
            cards=cards,
            css=Markup(css()),
            data=_embedded(data),
            choices=[
                (FIRST, "1", "the first is right"),
                (SECOND, "2", "the second is right"),
                (BOTH, "b", "both are right"),
                (NEITHER, "n", "neither is"),
            ],
        )
    )


def label_studio_tasks(found: Differences) -> list[dict[str, Any]]:
    """Tasks to import into a Label Studio project that has LABEL_STUDIO_CONFIG."""
    tasks = []
    for number, item in enumerate(found.items, start=1):
        card = _card(item, number=number)
        shown = [
            Markup("<h4>{}</h4><p>{}</p><p>{}</p>").format(
                reading.name,
                _plain_passage(item, side),
                "; ".join(f"{name}: {value}" for name, value in reading.facts) or "no statement",
            )
            for reading, side in zip(card.readings, item.shown, strict=True)
        ]
        html = Markup("<h3>{}</h3>{}").format(card.title, Markup("").join(shown))
        data = task_data(found, item) | {"question": card.question, "html": str(html)}
        tasks.append({"data": data})
    return tasks


def _embedded(data: Any) -> Markup:
    """JSON that may stand inside a script element."""
    text = json.dumps(data, ensure_ascii=True)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _card(item: Disagreement, *, number: int) -> _Card:
    article = item.article
    window = passage(item)
    colours: dict[str, int] = {}
    readings = []
    for name, statement in zip((FIRST, SECOND), item.shown, strict=True):
        part = replace(article, text=window.slice(article.text))
        inside = () if statement is None else (_moved(statement, -window.start),)
        drawing = draw(
            part,
            Extraction(article.id, "", inside),
            prefix=f"i{number}r{name}-",
            colours=colours,
        )
        readings.append(_Reading(name, drawing.text, facts(article, statement), statement is None))
    source = " · ".join(printable(part) for part in (article.publisher, article.id) if part)
    return _Card(
        number=number,
        item=item,
        title=" · ".join(part for part in (printable(article.title or ""), source) if part),
        question="They differ in: " + "; ".join(WORDS_OF_FIELDS[f] for f in item.fields),
        readings=readings,
    )


def facts(article: Article, statement: Statement | None) -> list[tuple[str, str]]:
    """What a reading says beside the marks in the text."""
    if statement is None:
        return []
    text = article.text
    out = [("speaker", _speaker(text, statement.speaker))]
    out.append(("cue", printable(statement.cue.slice(text))))
    for via in statement.intermediaries:
        name = via.name or via.mention.slice(text)
        out.append(("via", f"{printable(name)} ({via.kind.value})"))
    if statement.addressee is not None:
        out.append(("to", printable(statement.addressee.slice(text))))
    out.append(("quote", f"{statement.quote.kind.value}, {statement.act.value}"))
    return out


def _speaker(text: str, speaker: Speaker | None) -> str:
    if speaker is None or (speaker.mention is None and speaker.name is None):
        return "nobody"
    mention = "" if speaker.mention is None else printable(speaker.mention.slice(text))
    name = printable(speaker.name) if speaker.name else mention
    return name if name == mention or not mention else f"{name} (“{mention}”)"


def _spans(statement: Statement) -> list[Span]:
    spans = [*statement.quote.spans, statement.cue]
    spans += [via.mention for via in statement.intermediaries]
    if statement.speaker is not None and statement.speaker.mention is not None:
        spans.append(statement.speaker.mention)
    if statement.addressee is not None:
        spans.append(statement.addressee)
    return spans


def passage(item: Disagreement) -> Span:
    """The part of the article to show: the lines that the readings touch; long ones are cut
    between words."""
    text = item.article.text
    spans = [span for side in (item.a, item.b) if side is not None for span in _spans(side)]
    start, end = min(s.start for s in spans), max(s.end for s in spans)
    line = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    first, last = max(line, start - _AROUND), min(stop, end + _AROUND)
    if first > line:  # not in the middle of a word
        first = next((at + 1 for at in range(first, start) if text[at].isspace()), start)
    if last < stop:
        last = next((at for at in range(last, end, -1) if text[at].isspace()), end)
    return Span(first, last)


def _moved(statement: Statement, by: int) -> Statement:
    """The statement with all its spans moved by so many code points, and on its own."""

    def at(span: Span) -> Span:
        return Span(span.start + by, span.end + by)

    speaker = statement.speaker
    if speaker is not None and speaker.mention is not None:
        speaker = replace(speaker, mention=at(speaker.mention))
    quote = statement.quote
    return replace(
        statement,
        quote=replace(
            quote,
            spans=tuple(map(at, quote.spans)),
            verbatim=tuple(map(at, quote.verbatim)),
        ),
        cue=at(statement.cue),
        speaker=speaker,
        intermediaries=tuple(
            replace(via, mention=at(via.mention)) for via in statement.intermediaries
        ),
        addressee=None if statement.addressee is None else at(statement.addressee),
        reported_in=None,
    )


def _plain_passage(item: Disagreement, statement: Statement | None) -> Markup:
    """The passage with the quote in bold and the cue in italics: Label Studio keeps no styles."""
    window, text = passage(item), item.article.text
    if statement is None:
        return escape(window.slice(text))
    marks = [(span, "b") for span in statement.quote.spans] + [(statement.cue, "i")]
    cuts = sorted(
        {window.start, window.end} | {at for span, _ in marks for at in (span.start, span.end)}
    )
    parts = []
    for start, end in itertools.pairwise(cuts):
        inside = escape(text[start:end])
        for span, tag in marks:
            if span.start <= start and end <= span.end:
                inside = Markup(f"<{tag}>{inside}</{tag}>")
        parts.append(inside)
    return Markup("").join(parts)
