from __future__ import annotations

import pytest

from quotewire.extraction.relays import kind_of, outlet_of_work
from quotewire.types import IntermediaryKind, Span
from tests.fakes import fake_extractor


@pytest.mark.parametrize(
    ("mention", "kind"),
    [
        ("Twitter", "platform"),
        ("reporters", "press"),
        ("local journalists", "press"),
        ("The Times", "outlet"),
        ("CNN’s Jake Tapper", "outlet"),
        ("BBC News website", "outlet"),
        ("“Fox News Sunday”", "outlet"),
        ("Jake Tapper", "person"),
        ("press secretary Ann Lee", "person"),
    ],
)
def test_words_that_settle_a_kind_win_over_the_guess(mention: str, kind: str) -> None:
    assert kind_of(mention, IntermediaryKind.PERSON) == kind


def test_other_words_leave_the_guess_alone() -> None:
    for guess in IntermediaryKind:
        assert kind_of("Trending Today", guess) is guess


@pytest.mark.parametrize(
    ("source", "outlet"),
    [
        ("a report by CNN", "CNN"),
        ("an article published on Monday in The Guardian", "The Guardian"),
        ("a report by the Brookings Institution", None),
        ("a spokesman for CNN", None),
        ("CNN", None),
    ],
)
def test_the_outlet_of_a_work(source: str, outlet: str | None) -> None:
    text = f"According to {source}, it rained."
    found = outlet_of_work(text, Span(13, 13 + len(source)))
    assert (found.slice(text) if found else None) == outlet


def test_an_addressee_is_never_the_intermediary_too() -> None:
    statements = fake_extractor().extract("Ann told Reuters it rained.").statements
    assert statements[0].intermediaries and statements[0].addressee is None
