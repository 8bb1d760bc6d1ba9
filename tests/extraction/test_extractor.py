"""The whole extractor around the fake model, whose answers can be computed by hand."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from quotewire.extraction.extractor import Extractor, batches_by_length
from quotewire.types import Act, Article, ExtractOptions, IntermediaryKind, QuoteKind, Span
from tests.fakes import FakeModel, fake_extractor

ALL = ExtractOptions(all_acts=True)


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return fake_extractor()


def test_a_statement_by_hand(extractor: Extractor) -> None:
    text = "Marinelli told Bloomberg “it is over”."
    (statement,) = extractor.extract(text).statements
    assert statement.act is Act.STATEMENT
    assert statement.cue.slice(text) == "told"
    assert [s.slice(text) for s in statement.quote.spans] == ["“it is over”"]
    assert statement.quote.kind is QuoteKind.DIRECT
    assert statement.quote.verbatim == statement.quote.spans
    assert statement.speaker is not None and statement.speaker.mention is not None
    assert statement.speaker.mention.slice(text) == "Marinelli"
    assert statement.speaker.name == "Marinelli"
    (via,) = statement.intermediaries
    assert (via.mention.slice(text), via.name, via.kind) == (
        "Bloomberg",
        "Bloomberg",
        IntermediaryKind.OUTLET,
    )
    assert statement.addressee is None and statement.reported_in is None


def test_an_addressee_is_no_intermediary(extractor: Extractor) -> None:
    text = "Marinelli told supporters nothing new"
    (statement,) = extractor.extract(text).statements
    assert statement.intermediaries == ()
    assert statement.addressee is not None and statement.addressee.slice(text) == "supporters"


@pytest.mark.parametrize(
    ("text", "kind", "verbatim"),
    [
        ("Ann said it is over.", QuoteKind.INDIRECT, []),
        ("Ann said it “is” over.", QuoteKind.MIXED, ["“is”"]),
        ("Ann said “it is over.”", QuoteKind.DIRECT, ["“it is over.”"]),
        ('Ann said "it is over"', QuoteKind.DIRECT, ['"it is over"']),
    ],
)
def test_quote_kinds(extractor: Extractor, text: str, kind: QuoteKind, verbatim: list[str]) -> None:
    (statement,) = extractor.extract(text).statements
    assert statement.quote.kind is kind
    assert [s.slice(text) for s in statement.quote.verbatim] == verbatim


def test_attitudes_only_when_asked_for(extractor: Extractor) -> None:
    text = "Ann wants peace.\n\nBob said no."
    assert [s.act for s in extractor.extract(text).statements] == [Act.STATEMENT]
    acts = [s.act for s in extractor.extract(text, options=ALL).statements]
    assert acts == [Act.ATTITUDE, Act.STATEMENT]


def test_min_confidence_leaves_out_what_is_below(extractor: Extractor) -> None:
    text = "Ann said no."
    (statement,) = extractor.extract(text).statements
    at = ExtractOptions(min_confidence=statement.confidence)
    above = ExtractOptions(min_confidence=statement.confidence + 0.001)
    assert extractor.extract(text, options=at).statements == (statement,)
    assert extractor.extract(text, options=above).statements == ()


def test_a_statement_inside_another_ones_quote_is_reported_in_it(extractor: Extractor) -> None:
    outer, inner = extractor.extract("Ann said that Bob said no.").statements
    assert inner.reported_in == outer.id and outer.reported_in is None


def test_the_chain_skips_an_enclosing_attitude_that_was_not_asked_for(
    extractor: Extractor,
) -> None:
    text = "Ann said Bob wants what Cid said about it"
    outer, middle, inner = extractor.extract(text, options=ALL).statements
    assert (inner.reported_in, middle.reported_in) == (middle.id, outer.id)
    outer, inner = extractor.extract(text).statements
    assert inner.reported_in == outer.id


def test_ids_are_stable_and_distinct(extractor: Extractor) -> None:
    text = "Ann said no.\n\nBob said yes."
    first, second = extractor.extract(text).statements
    assert first.id != second.id
    assert extractor.extract(text).statements == (first, second)
    (other, _) = extractor.extract(Article(id="another", text=text)).statements
    assert other.id != first.id


def test_any_length_is_read_whole(extractor: Extractor) -> None:
    paragraph = "Filler words stand here. Ann said number {}."
    text = "\n\n".join(paragraph.format(n) for n in range(700))
    statements = extractor.extract(text).statements
    assert [s.quote.spans[0].slice(text).split()[-1] for s in statements] == [
        str(n) for n in range(700)
    ]


@pytest.mark.parametrize("text", ["", "   \n\n \t", "…!? — ”", "12 34", "\x00", "🙂🙃", "\ud800"])
def test_texts_without_statements_give_an_empty_answer(extractor: Extractor, text: str) -> None:
    answer = extractor.extract(text)
    assert answer.statements == ()
    assert answer.language is None and answer.warnings == ()


def test_marks_without_a_letter_to_stand_on_do_no_harm(extractor: Extractor) -> None:
    text = "Ann \u0301 Lee SAYS \u0301 NO\n\n\u0301 Ann said no \u0301"
    (statement,) = extractor.extract(text).statements
    assert statement.cue.slice(text) == "said"


def test_another_language_is_answered_with_a_warning(extractor: Extractor) -> None:
    text = "Der Minister erklärte am Montag, die Regierung werde im Herbst darüber entscheiden."
    answer = extractor.extract(text)
    assert answer.language == "de"
    assert len(answer.warnings) == 1 and "de" in answer.warnings[0]


def test_the_senders_language_is_believed(extractor: Extractor) -> None:
    assert extractor.extract(Article(id="a", text="Ann said no.", language="fr")).language == "fr"


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["Ann", "said", "told", "wants", "Reuters", ".", "“", "”", "\n\n", "他"]
            ),
            st.text(st.characters(codec=None), max_size=6),
        ),
        max_size=60,
    )
)
@settings(max_examples=60)
def test_every_span_lies_in_the_text_in_order(words: list[str]) -> None:
    text = " ".join(words)
    for statement in fake_extractor().extract(text, options=ALL).statements:
        quote = statement.quote.spans
        assert quote == tuple(sorted(quote))
        spans: list[Span] = [*quote, *statement.quote.verbatim, statement.cue]
        spans += [i.mention for i in statement.intermediaries]
        spans += (
            [statement.speaker.mention] if statement.speaker and statement.speaker.mention else []
        )
        for span in spans:
            assert 0 <= span.start < span.end <= len(text)
        for part in statement.quote.verbatim:
            assert any(whole.contains(part) for whole in quote)


def test_many_articles_come_back_in_order_whatever_the_batches() -> None:
    articles = [
        Article(id=str(n), text="\n\n".join(f"P{n} said thing {k}." for k in range(n * 7 % 50)))
        for n in range(40)
    ]
    one_by_one = [fake_extractor().extract(article) for article in articles]
    for budget in (1, 64, 5000):
        model = FakeModel()
        together = list(
            fake_extractor(model=model).extract_many(iter(articles), tokens_per_batch=budget)
        )
        assert together == one_by_one
        for batch in model.batches:
            assert len(batch) == 1 or len(batch) * max(batch) <= budget


def test_batches_hold_every_window_once(extractor: Extractor) -> None:
    windows = [
        window
        for n in range(30)
        for window in extractor.prepare(Article(id="a", text="w " * (n * 37 % 400 + 1))).windows
    ]
    batches = list(batches_by_length(windows, tokens_per_batch=600))
    assert sorted(n for batch in batches for n in batch) == list(range(len(windows)))
