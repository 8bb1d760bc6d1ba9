"""Between the wire and the domain: the only module that knows protobuf messages and domain types.

The server reads requests and writes answers with it, the client the other way round.  Functions
ending in ``_from_proto`` that take what a caller sent raise InputError naming the field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from quotewire.errors import InputError, ServiceError
from quotewire.experiments.assignment import made_id
from quotewire.experiments.records import Verdict
from quotewire.lines import quote_text
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.pb.v1 import feedback_service_pb2 as feedback_pb
from quotewire.pb.v1 import model_service_pb2 as model_pb
from quotewire.serving.offsets import OffsetEncoding, OffsetMap
from quotewire.types import (
    Act,
    Article,
    Assignment,
    Extraction,
    ExtractOptions,
    Intermediary,
    IntermediaryKind,
    ModelInfo,
    Quote,
    QuoteKind,
    Span,
    Speaker,
    SpeakerType,
    Statement,
)

MAX_ID_CODE_POINTS = 256

_Number = TypeVar("_Number", bound=int)
_Value = TypeVar("_Value")

_ENCODINGS = {
    OffsetEncoding.CODE_POINTS: pb.OFFSET_ENCODING_CODE_POINTS,
    OffsetEncoding.UTF16: pb.OFFSET_ENCODING_UTF16,
    OffsetEncoding.UTF8: pb.OFFSET_ENCODING_UTF8,
}
_ENCODINGS_BACK = {number: encoding for encoding, number in _ENCODINGS.items()} | {
    pb.OFFSET_ENCODING_UNSPECIFIED: OffsetEncoding.CODE_POINTS
}
_ALL_ACTS = {
    pb.ACT_SELECTION_UNSPECIFIED: False,
    pb.ACT_SELECTION_STATEMENTS: False,
    pb.ACT_SELECTION_ALL: True,
}
_ACTS = {Act.STATEMENT: pb.ACT_STATEMENT, Act.ATTITUDE: pb.ACT_ATTITUDE}
_QUOTE_KINDS = {
    QuoteKind.DIRECT: pb.QUOTE_KIND_DIRECT,
    QuoteKind.INDIRECT: pb.QUOTE_KIND_INDIRECT,
    QuoteKind.MIXED: pb.QUOTE_KIND_MIXED,
}
_SPEAKER_TYPES = {
    None: pb.SPEAKER_TYPE_UNSPECIFIED,
    SpeakerType.PERSON: pb.SPEAKER_TYPE_PERSON,
    SpeakerType.ORGANIZATION: pb.SPEAKER_TYPE_ORGANIZATION,
    SpeakerType.GROUP: pb.SPEAKER_TYPE_GROUP,
    SpeakerType.DOCUMENT: pb.SPEAKER_TYPE_DOCUMENT,
}
_INTERMEDIARY_KINDS = {
    IntermediaryKind.OUTLET: pb.INTERMEDIARY_KIND_OUTLET,
    IntermediaryKind.PLATFORM: pb.INTERMEDIARY_KIND_PLATFORM,
    IntermediaryKind.PERSON: pb.INTERMEDIARY_KIND_PERSON,
    IntermediaryKind.PRESS: pb.INTERMEDIARY_KIND_PRESS,
    IntermediaryKind.DOCUMENT: pb.INTERMEDIARY_KIND_DOCUMENT,
}
VERDICTS = {
    Verdict.ACCEPTED: feedback_pb.VERDICT_ACCEPTED,
    Verdict.CORRECTED: feedback_pb.VERDICT_CORRECTED,
    Verdict.REJECTED: feedback_pb.VERDICT_REJECTED,
}
_ACTS_BACK = {number: act for act, number in _ACTS.items()}
_QUOTE_KINDS_BACK = {number: kind for kind, number in _QUOTE_KINDS.items()}
_SPEAKER_TYPES_BACK = {number: kind for kind, number in _SPEAKER_TYPES.items()}
_INTERMEDIARY_KINDS_BACK = {number: kind for kind, number in _INTERMEDIARY_KINDS.items()}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for, beside the article: options of the model, offsets of the wire."""

    options: ExtractOptions
    encoding: OffsetEncoding


# ---------------------------------------------------------------- what a caller sent


def article_from_proto(message: pb.Article, *, max_text_bytes: int, path: str) -> Article:
    """The article of a message; an empty id becomes the text's hash, a section goes to ``meta``.

    ``path`` is where it stood in the request (``article``, ``articles[3]``), for the error.
    Raises InputError for an id, a section or a text beyond its limit.
    """
    for name, value in (("id", message.id), ("section", message.section)):
        if len(value) > MAX_ID_CODE_POINTS:
            raise InputError(
                field=f"{path}.{name}",
                value=f"{len(value)} code points",
                allowed=f"at most {MAX_ID_CODE_POINTS} code points",
            )
    text = message.text
    # The encoded length is worth computing only where the text could be too long at all.
    if 4 * len(text) > max_text_bytes and (size := len(text.encode())) > max_text_bytes:
        raise InputError(
            field=f"{path}.text",
            value=f"{size} bytes of UTF-8",
            allowed=f"at most {max_text_bytes} bytes (the server's max_text_bytes)",
        )
    return Article(
        id=message.id or made_id(text),
        text=text,
        title=message.title or None,
        publisher=message.publisher or None,
        published=message.published or None,
        language=message.language or None,
        meta={"section": message.section} if message.section else {},
    )


def wanted_from_proto(message: pb.ExtractOptions) -> Wanted:
    """Raises InputError for an unknown enum number or a confidence outside [0, 1]."""
    if message.offset_encoding not in _ENCODINGS_BACK:
        raise InputError(
            field="options.offset_encoding",
            value=str(int(message.offset_encoding)),
            allowed=_enum_range(pb.OffsetEncoding.items()),
        )
    if message.acts not in _ALL_ACTS:
        raise InputError(
            field="options.acts",
            value=str(int(message.acts)),
            allowed=_enum_range(pb.ActSelection.items()),
        )
    confidence = message.min_confidence if message.HasField("min_confidence") else None
    # Written so that NaN fails too.
    if confidence is not None and not 0.0 <= confidence <= 1.0:
        raise InputError(
            field="options.min_confidence",
            value="NaN" if math.isnan(confidence) else repr(confidence),
            allowed="a number in [0, 1], or absent for the model's default",
        )
    return Wanted(
        options=ExtractOptions(all_acts=_ALL_ACTS[message.acts], min_confidence=confidence),
        encoding=_ENCODINGS_BACK[message.offset_encoding],
    )


def _enum_range(items: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} ({number})" for name, number in items)


# ---------------------------------------------------------------- what the server answers


def extraction_to_proto(
    text: str, extraction: Extraction, *, encoding: OffsetEncoding
) -> pb.Extraction:
    """The answer for an article whose text is ``text``, offsets in ``encoding``."""
    writer = _Writer(text, encoding)
    return pb.Extraction(
        article_id=extraction.article_id,
        model=extraction.model,
        statements=[writer.statement(statement) for statement in extraction.statements],
        offset_encoding=_ENCODINGS[encoding],
        language=extraction.language,
        warnings=extraction.warnings,
        assignment=None
        if extraction.assignment is None
        else pb.Assignment(
            experiment=extraction.assignment.experiment,
            variant=extraction.assignment.variant,
            bucket=extraction.assignment.bucket,
            override=extraction.assignment.override,
        ),
    )


class _Writer:
    """Writes statements of one text in one offset encoding."""

    def __init__(self, text: str, encoding: OffsetEncoding) -> None:
        self._text = text
        self._offset = OffsetMap(text, encoding)

    def span(self, span: Span) -> pb.Span:
        return pb.Span(start=self._offset(span.start), end=self._offset(span.end))

    def text_span(self, span: Span | None) -> pb.TextSpan | None:
        if span is None:
            return None
        return pb.TextSpan(
            start=self._offset(span.start),
            end=self._offset(span.end),
            text=span.slice(self._text),
        )

    def statement(self, statement: Statement) -> pb.Statement:
        quote, speaker = statement.quote, statement.speaker
        return pb.Statement(
            id=statement.id,
            act=_ACTS[statement.act],
            confidence=statement.confidence,
            quote=pb.Quote(
                text=quote_text(self._text, quote.spans),
                kind=_QUOTE_KINDS[quote.kind],
                spans=[self.span(span) for span in quote.spans],
                verbatim=[self.span(span) for span in quote.verbatim],
            ),
            cue=self.text_span(statement.cue),
            speaker=None
            if speaker is None
            else pb.Speaker(
                mention=self.text_span(speaker.mention),
                name=speaker.name,
                type=_SPEAKER_TYPES[speaker.type],
            ),
            intermediaries=[
                pb.Intermediary(
                    mention=self.text_span(relay.mention),
                    name=relay.name,
                    kind=_INTERMEDIARY_KINDS[relay.kind],
                )
                for relay in statement.intermediaries
            ],
            addressee=self.text_span(statement.addressee),
            reported_in=statement.reported_in,
        )


def model_to_proto(
    info: ModelInfo, *, is_default: bool, aliases: Sequence[str] = ()
) -> model_pb.Model:
    return model_pb.Model(
        name=info.name,
        version=info.version,
        base=info.base,
        parameters=info.parameters,
        size_bytes=info.size_bytes,
        licence=info.licence,
        metrics=dict(info.metrics),
        is_default=is_default,
        aliases=aliases,
    )


# ---------------------------------------------------------------- what a client sends and gets


def article_to_proto(article: Article, *, path: str = "article") -> pb.Article:
    """Raises InputError where a string holds a lone surrogate, which no wire message can carry;
    ``path`` is where the article stands in the request, for that error."""
    values = {
        "id": article.id,
        "text": article.text,
        "title": article.title,
        "publisher": article.publisher,
        "published": article.published,
        "language": article.language,
        "section": section_of(article),
    }
    for name, value in values.items():
        if value is None or value.isascii():
            continue
        try:
            value.encode()
        except UnicodeEncodeError as error:
            point = ord(value[error.start])
            raise InputError(
                field=f"{path}.{name}",
                value=f"the lone surrogate U+{point:04X} at code point {error.start}",
                allowed="text without lone surrogates",
            ) from None
    return pb.Article(**{name: value for name, value in values.items() if value})


def section_of(article: Article) -> str | None:
    """The publisher's section: a key of the article's ``meta``, where it is a string."""
    section = article.meta.get("section")
    return section if isinstance(section, str) else None


def options_to_proto(options: ExtractOptions) -> pb.ExtractOptions:
    """Asks for code points: what domain values count in."""
    return pb.ExtractOptions(
        offset_encoding=pb.OFFSET_ENCODING_CODE_POINTS,
        min_confidence=options.min_confidence,
        acts=pb.ACT_SELECTION_ALL if options.all_acts else pb.ACT_SELECTION_STATEMENTS,
    )


def verdict_to_proto(verdict: str) -> feedback_pb.Verdict.ValueType:
    """Raises InputError for a word that is no verdict."""
    if verdict not in tuple(Verdict):
        raise InputError(field="verdict", value=repr(verdict)[:60], allowed=", ".join(Verdict))
    return VERDICTS[Verdict(verdict)]


def extraction_from_proto(message: pb.Extraction) -> Extraction:
    """The domain value of an answer asked for in code points."""
    return Extraction(
        article_id=message.article_id,
        model=message.model,
        statements=tuple(_statement_from_proto(one) for one in message.statements),
        language=message.language if message.HasField("language") else None,
        warnings=tuple(message.warnings),
        assignment=Assignment(
            experiment=message.assignment.experiment,
            variant=message.assignment.variant,
            bucket=message.assignment.bucket,
            override=message.assignment.override,
        )
        if message.HasField("assignment")
        else None,
    )


def _statement_from_proto(message: pb.Statement) -> Statement:
    speaker = message.speaker
    return Statement(
        id=message.id,
        act=_known(_ACTS_BACK, message.act),
        confidence=message.confidence,
        quote=Quote(
            spans=tuple(Span(span.start, span.end) for span in message.quote.spans),
            kind=_known(_QUOTE_KINDS_BACK, message.quote.kind),
            verbatim=tuple(Span(span.start, span.end) for span in message.quote.verbatim),
        ),
        cue=Span(message.cue.start, message.cue.end),
        speaker=Speaker(
            mention=_span(speaker.mention) if speaker.HasField("mention") else None,
            name=speaker.name if speaker.HasField("name") else None,
            type=_known(_SPEAKER_TYPES_BACK, speaker.type),
        )
        if message.HasField("speaker")
        else None,
        intermediaries=tuple(
            Intermediary(
                mention=_span(relay.mention),
                name=relay.name if relay.HasField("name") else None,
                kind=_known(_INTERMEDIARY_KINDS_BACK, relay.kind),
            )
            for relay in message.intermediaries
        ),
        addressee=_span(message.addressee) if message.HasField("addressee") else None,
        reported_in=message.reported_in if message.HasField("reported_in") else None,
    )


def _known(table: Mapping[_Number, _Value], number: _Number) -> _Value:
    """Raises ServiceError for an enum number that this client's contract does not have."""
    if number not in table:
        kind = next(iter(filter(None, table.values())))
        raise ServiceError(
            f"the server sent {type(kind).__name__} number {number}, which this client does not "
            "know; a newer client does",
            code="UNIMPLEMENTED",
        )
    return table[number]


def _span(message: pb.TextSpan) -> Span:
    return Span(message.start, message.end)


def model_from_proto(message: model_pb.Model) -> ModelInfo:
    return ModelInfo(
        name=message.name,
        version=message.version,
        base=message.base,
        parameters=message.parameters,
        size_bytes=message.size_bytes,
        licence=message.licence,
        metrics=dict(message.metrics),
    )
