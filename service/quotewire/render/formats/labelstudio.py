"""Label Studio: tasks with predictions, to be corrected by people; one JSON array.

Import it into a project whose labelling interface is :data:`INTERFACE` (docs/formats.md).
Offsets of the Text tag count code points (Label Studio since its pull request 1559).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from quotewire.render.formats import Answer
from quotewire.render.formats.common import json_bytes
from quotewire.render.spans import check_spans
from quotewire.types import Article, Extraction, Span, Statement

INTERFACE = """\
<View>
  <Labels name="part" toName="text">
    <Label value="quote" background="#1f5fa8"/>
    <Label value="cue" background="#9a4a00"/>
    <Label value="speaker" background="#1e6b3a"/>
    <Label value="intermediary" background="#7a3aa0"/>
    <Label value="addressee" background="#0b6670"/>
  </Labels>
  <Choices name="kind" toName="text" perRegion="true" whenTagName="part" whenLabelValue="quote">
    <Choice value="direct"/>
    <Choice value="indirect"/>
    <Choice value="mixed"/>
  </Choices>
  <TextArea name="name" toName="text" perRegion="true" editable="true"/>
  <Relations>
    <Relation value="cue"/>
    <Relation value="speaker"/>
    <Relation value="intermediary"/>
    <Relation value="addressee"/>
    <Relation value="continued by"/>
    <Relation value="reported in"/>
  </Relations>
  <Text name="text" value="$text"/>
</View>
"""


def write(answers: Iterable[Answer]) -> Iterator[bytes]:
    before = b"[\n"
    for article, extraction in answers:
        check_spans(article, extraction)
        yield before + json_bytes(task(article, extraction))
        before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"


def task(article: Article, extraction: Extraction) -> dict[str, Any]:
    numbers = {s.id: n for n, s in enumerate(extraction.statements, start=1)}
    results = [
        result
        for statement in extraction.statements
        for result in _results(article.text, statement, numbers=numbers)
    ]
    # A task is as doubtful as its most doubtful statement.
    score = min((s.confidence for s in extraction.statements), default=None)
    return {
        "data": {
            "text": article.text,
            "id": article.id,
            **({"title": article.title} if article.title else {}),
            **({"publisher": article.publisher} if article.publisher else {}),
        },
        "predictions": [
            {
                "model_version": extraction.model,
                **({} if score is None else {"score": round(score, 4)}),
                "result": results,
            }
        ],
    }


def _results(text: str, statement: Statement, *, numbers: dict[str, int]) -> Iterator[Any]:
    number = numbers[statement.id]
    score = round(statement.confidence, 4)

    def region(part: str, span: Span, *, key: str) -> dict[str, Any]:
        return _result(text, span, control="part", type_="labels", key=key) | {
            "value": _value(text, span) | {"labels": [part]},
            "score": score,
        }

    def named(name: str | None, span: Span, *, key: str) -> Iterator[dict[str, Any]]:
        if name:
            yield _result(text, span, control="name", type_="textarea", key=key) | {
                "value": {"start": span.start, "end": span.end, "text": [name]}
            }

    first = f"{number}-quote-1"
    for piece, span in enumerate(statement.quote.spans, start=1):
        key = f"{number}-quote-{piece}"
        yield region("quote", span, key=key)
        yield _result(text, span, control="kind", type_="choices", key=key) | {
            "value": _value(text, span) | {"choices": [statement.quote.kind.value]}
        }
        if piece > 1:
            yield _relation("continued by", f"{number}-quote-{piece - 1}", key)
    yield region("cue", statement.cue, key=f"{number}-cue")
    yield _relation("cue", first, f"{number}-cue")
    speaker = statement.speaker
    if speaker and speaker.mention:
        key = f"{number}-speaker"
        yield region("speaker", speaker.mention, key=key)
        yield from named(speaker.name, speaker.mention, key=key)
        yield _relation("speaker", first, key)
    for n, intermediary in enumerate(statement.intermediaries, start=1):
        key = f"{number}-intermediary-{n}"
        yield region("intermediary", intermediary.mention, key=key)
        yield from named(intermediary.name, intermediary.mention, key=key)
        yield _relation("intermediary", first, key)
    if statement.addressee:
        yield region("addressee", statement.addressee, key=f"{number}-addressee")
        yield _relation("addressee", first, f"{number}-addressee")
    if statement.reported_in in numbers:
        yield _relation("reported in", first, f"{numbers[statement.reported_in]}-quote-1")


def _value(text: str, span: Span) -> dict[str, Any]:
    return {"start": span.start, "end": span.end, "text": span.slice(text)}


def _result(text: str, span: Span, *, control: str, type_: str, key: str) -> dict[str, Any]:
    return {
        "id": key,
        "from_name": control,
        "to_name": "text",
        "type": type_,
        "value": _value(text, span),
    }


def _relation(label: str, start: str, end: str) -> dict[str, Any]:
    return {
        "type": "relation",
        "direction": "right",
        "from_id": start,
        "to_id": end,
        "labels": [label],
    }
