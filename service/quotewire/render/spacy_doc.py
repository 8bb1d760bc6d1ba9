"""Statements on spaCy docs: ``doc._.statements`` and a span group (needs the extra ``spacy``).

Importing this module gives docs the extension ``statements``, which reads what stands in
``doc.user_data["quotewire"]`` (the JSON line of docs/json-lines.md, as a string), so that it lives
through ``Doc.to_bytes`` and ``DocBin(store_user_data=True)``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from spacy.tokens import Doc, Span

from quotewire.lines import extraction_from_line, extraction_to_line
from quotewire.types import Article, Extraction, Statement
from quotewire.types import Span as Offsets

SPANS_KEY = "quotewire"
_USER_DATA_KEY = "quotewire"


@dataclass(frozen=True)
class DocStatement:
    """One statement of a doc.  Spans are of whole tokens: where one of ours begins or ends inside
    a token, the token is in it (``statement`` has the exact offsets).

    ``speaker`` is the resolved name, ``speaker_mention`` the words in the sentence; ``via`` are the
    mentions of ``statement.intermediaries``, in the same order.
    """

    statement: Statement
    quote: tuple[Span, ...]
    cue: Span
    speaker: str | None
    speaker_mention: Span | None
    via: tuple[Span, ...]
    addressee: Span | None

    @property
    def confidence(self) -> float:
        return self.statement.confidence

    def __repr__(self) -> str:
        via = "".join(f", via {span.text}" for span in self.via)
        words = " … ".join(span.text for span in self.quote)
        return f"<{self.speaker or 'unknown speaker'}{via}: {words!r} ({self.confidence:.2f})>"


def annotate(
    doc: Doc, article: Article, extraction: Extraction, *, spans_key: str = SPANS_KEY
) -> None:
    """Put ``extraction`` on ``doc``, whose text must be as long as the article's.

    ``doc.spans[spans_key]`` gets the spans of all statements, labelled QUOTE, CUE, SPEAKER,
    INTERMEDIARY and ADDRESSEE; the id of a span (``span.id_``) is that of its statement.
    """
    if len(doc.text) != len(article.text):
        raise ValueError(f"doc: {len(doc.text)} characters; article: {len(article.text)}")
    # A string: spaCy's msgpack gives lists back as tuples, and takes no lone surrogates.
    doc.user_data[_USER_DATA_KEY] = json.dumps(extraction_to_line(article, extraction))
    doc.spans[spans_key] = [
        _span(doc, offsets, label=label, id_=statement.id)
        for statement in extraction.statements
        for label, offsets in _labelled(statement)
    ]


def extraction_of(doc: Doc) -> Extraction | None:
    """What :func:`annotate` put on ``doc``; None if nothing was."""
    line: str | None = doc.user_data.get(_USER_DATA_KEY)
    return None if line is None else extraction_from_line(json.loads(line))


def _statements(doc: Doc) -> tuple[DocStatement, ...]:
    extraction = extraction_of(doc)
    return tuple(_view(doc, s) for s in extraction.statements) if extraction else ()


def _view(doc: Doc, statement: Statement) -> DocStatement:
    speaker = statement.speaker

    def span(label: str, offsets: Offsets) -> Span:
        return _span(doc, offsets, label=label, id_=statement.id)

    mention = span("SPEAKER", speaker.mention) if speaker and speaker.mention else None
    return DocStatement(
        statement=statement,
        quote=tuple(span("QUOTE", piece) for piece in statement.quote.spans),
        cue=span("CUE", statement.cue),
        speaker=(speaker.name if speaker else None) or (mention.text if mention else None),
        speaker_mention=mention,
        via=tuple(span("INTERMEDIARY", i.mention) for i in statement.intermediaries),
        addressee=span("ADDRESSEE", statement.addressee) if statement.addressee else None,
    )


def _labelled(statement: Statement) -> list[tuple[str, Offsets]]:
    spans = [("QUOTE", piece) for piece in statement.quote.spans]
    spans.append(("CUE", statement.cue))
    if statement.speaker and statement.speaker.mention:
        spans.append(("SPEAKER", statement.speaker.mention))
    spans += [("INTERMEDIARY", i.mention) for i in statement.intermediaries]
    if statement.addressee:
        spans.append(("ADDRESSEE", statement.addressee))
    return spans


def _span(doc: Doc, offsets: Offsets, *, label: str, id_: str) -> Span:
    span = doc.char_span(
        offsets.start, offsets.end, label=label, span_id=id_, alignment_mode="expand"
    )
    if span is None:
        raise ValueError(f"[{offsets.start}, {offsets.end}) is no part of the doc's text")
    return span


if not Doc.has_extension("statements"):
    Doc.set_extension("statements", getter=_statements)
