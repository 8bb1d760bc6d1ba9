"""Quotations over several paragraphs, through the real extractor and the fake model."""

from __future__ import annotations

from quotewire.extraction.extractor import Extractor
from tests.fakes import fake_extractor


def quotes(text: str) -> list[list[str]]:
    extractor: Extractor = fake_extractor()
    return [[s.slice(text) for s in x.quote.spans] for x in extractor.extract(text).statements]


def test_a_paragraph_that_reopens_the_quotation_belongs_to_its_speaker() -> None:
    text = "Ann said “it rained.\n\n“It rained all day.\n\n“Then it stopped.”\n\nNobody asked."
    assert quotes(text) == [["“it rained", "“It rained all day.", "“Then it stopped.”"]]


def test_a_closed_quotation_does_not_go_on() -> None:
    text = "Ann said “it rained.”\n\n“It snowed.”"
    assert quotes(text) == [["“it rained.”"]]


def test_a_paragraph_without_marks_ends_the_quotation() -> None:
    text = "Ann said “it rained.\n\nIt did.\n\n“It snowed.”"
    assert len(quotes(text)[0]) == 1


def test_a_paragraph_claimed_by_another_statement_is_left_alone() -> None:
    text = "Ann said “it rained.\n\n“Bob said it snowed.”"
    assert quotes(text) == [["“it rained"], ["it snowed.”"]]
