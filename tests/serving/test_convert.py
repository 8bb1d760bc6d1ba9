"""Messages and domain values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotewire.errors import InputError, ServiceError
from quotewire.pb.v1 import extraction_pb2 as pb
from quotewire.serving import convert
from quotewire.serving.offsets import OffsetEncoding
from quotewire.types import (
    Act,
    Article,
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
from tests.serving.harness import slice_by

LIMIT = 1000
names = st.none() | st.text(st.characters(codec="utf-8"), max_size=8)


@st.composite
def extractions(draw: st.DrawFn) -> tuple[str, Extraction]:
    text = draw(st.text(st.characters(codec="utf-8") | st.sampled_from("🌉𝒳é"), min_size=2))
    offset = st.integers(0, len(text))

    def span() -> Span:
        start, end = sorted((draw(offset), draw(offset)))
        return Span(start, end)

    def maybe_span() -> Span | None:
        return span() if draw(st.booleans()) else None

    def spans() -> tuple[Span, ...]:
        return tuple(sorted(span() for _ in range(draw(st.integers(0, 2)))))

    def statement(number: int) -> Statement:
        return Statement(
            id=f"s{number}",
            act=draw(st.sampled_from(Act)),
            confidence=draw(st.floats(0, 1)),
            quote=Quote((span(), *spans()), draw(st.sampled_from(QuoteKind)), spans()),
            cue=span(),
            speaker=Speaker(
                maybe_span(), draw(names), draw(st.none() | st.sampled_from(SpeakerType))
            )
            if draw(st.booleans())
            else None,
            intermediaries=tuple(
                Intermediary(span(), draw(names), draw(st.sampled_from(IntermediaryKind)))
                for _ in range(draw(st.integers(0, 2)))
            ),
            addressee=maybe_span(),
            reported_in=draw(st.none() | st.just("s0")),
        )

    return text, Extraction(
        article_id="a",
        model="m@1",
        statements=tuple(statement(n) for n in range(draw(st.integers(0, 3)))),
        language=draw(st.none() | st.just("en")),
        warnings=draw(st.just(()) | st.just(("beware",))),
    )


@given(extractions())
def test_an_extraction_comes_back_as_it_was_sent(pair: tuple[str, Extraction]) -> None:
    text, extraction = pair
    message = convert.extraction_to_proto(text, extraction, encoding=OffsetEncoding.CODE_POINTS)
    assert convert.extraction_from_proto(message) == extraction


@given(extractions(), st.sampled_from(OffsetEncoding))
def test_every_span_slices_to_its_text(
    pair: tuple[str, Extraction], encoding: OffsetEncoding
) -> None:
    text, extraction = pair
    message = convert.extraction_to_proto(text, extraction, encoding=encoding)
    for statement, sent in zip(extraction.statements, message.statements, strict=True):
        assert (
            slice_by(text, encoding, sent.cue.start, sent.cue.end)
            == sent.cue.text
            == statement.cue.slice(text)
        )
        pieces = [slice_by(text, encoding, span.start, span.end) for span in sent.quote.spans]
        assert pieces == [span.slice(text) for span in statement.quote.spans]
        assert " … ".join(pieces) == sent.quote.text


def test_an_article_keeps_every_field() -> None:
    article = Article("a", "text", "title", "publisher", "2026-01-02", "en")
    message = convert.article_to_proto(article)
    assert convert.article_from_proto(message, max_text_bytes=LIMIT, path="article") == article


def test_absent_strings_are_none() -> None:
    article = convert.article_from_proto(
        pb.Article(id="a", text="t"), max_text_bytes=LIMIT, path="article"
    )
    assert article == Article("a", "t")


def test_an_article_without_id_is_named_after_its_text() -> None:
    def id_of(text: str) -> str:
        message = pb.Article(text=text)
        return convert.article_from_proto(message, max_text_bytes=LIMIT, path="article").id

    assert id_of("one") == id_of("one") != id_of("two")
    assert id_of("one").startswith("sha256:")


@pytest.mark.parametrize(
    "text", ["x" * (LIMIT + 1), "é" * (LIMIT // 2 + 1), "🌉" * (LIMIT // 4 + 1)]
)
def test_the_text_limit_counts_bytes(text: str) -> None:
    with pytest.raises(InputError) as caught:
        convert.article_from_proto(pb.Article(text=text), max_text_bytes=LIMIT, path="articles[3]")
    assert caught.value.field == "articles[3].text"
    assert str(LIMIT) in caught.value.allowed
    shorter = pb.Article(text=text[:-1])
    assert (
        convert.article_from_proto(shorter, max_text_bytes=LIMIT, path="article").text == text[:-1]
    )


def test_a_long_id_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        convert.article_from_proto(pb.Article(id="i" * 257), max_text_bytes=LIMIT, path="article")
    assert caught.value.field == "article.id"


def test_no_options_mean_the_defaults() -> None:
    wanted = convert.wanted_from_proto(pb.ExtractOptions())
    assert wanted.options == ExtractOptions()
    assert wanted.encoding is OffsetEncoding.CODE_POINTS


@pytest.mark.parametrize(
    "options", [ExtractOptions(), ExtractOptions(all_acts=True, min_confidence=0.0)]
)
def test_options_come_back_as_they_were_sent(options: ExtractOptions) -> None:
    assert convert.wanted_from_proto(convert.options_to_proto(options)).options == options


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.01, 1.01])
def test_a_confidence_outside_its_range_is_refused(value: float) -> None:
    with pytest.raises(InputError) as caught:
        convert.wanted_from_proto(pb.ExtractOptions(min_confidence=value))
    assert caught.value.field == "options.min_confidence"
    assert "[0, 1]" in caught.value.allowed


@pytest.mark.parametrize("field", ["offset_encoding", "acts"])
def test_unknown_enum_numbers_are_refused(field: str) -> None:
    with pytest.raises(InputError) as caught:
        convert.wanted_from_proto(pb.ExtractOptions(**{field: 99}))
    assert caught.value.field == f"options.{field}"
    assert caught.value.value == "99"
    assert "_UNSPECIFIED (0)" in caught.value.allowed


@pytest.mark.parametrize("field", ["id", "text", "title", "publisher", "published", "language"])
def test_a_lone_surrogate_is_refused_before_it_is_sent(field: str) -> None:
    article = Article(**{"id": "a", "text": "t", field: "ab\ud800"})
    with pytest.raises(InputError) as caught:
        convert.article_to_proto(article)
    assert caught.value.field == f"article.{field}"
    assert "U+D800" in caught.value.value
    assert "code point 2" in caught.value.value


def test_a_model_comes_back_as_it_was_sent() -> None:
    info = ModelInfo("m", "1.2.3", "base", 22_700_000, 90_000_000, "research", {"dev.f1": 0.75})
    message = convert.model_to_proto(info, is_default=True)
    assert convert.model_from_proto(message) == info
    assert message.is_default


def test_an_enum_number_from_a_newer_server_is_told() -> None:
    extraction = pb.Extraction(statements=[pb.Statement(act=99)])
    with pytest.raises(ServiceError, match="Act number 99"):
        convert.extraction_from_proto(extraction)
