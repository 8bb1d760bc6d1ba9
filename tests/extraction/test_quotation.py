from __future__ import annotations

import pytest

from quotewire.extraction.quotation import paragraphs, quoted_regions


def quoted(text: str) -> list[str]:
    return [region.slice(text) for region in quoted_regions(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“Yes,” he said. “No.”", ["“Yes,”", "“No.”"]),
        ('"Yes," he said. "No."', ['"Yes,"', '"No."']),
        ("‘Yes,’ he said of the voters’ mood.", ["‘Yes,’"]),
        ("'It's late,' she said, and didn't stay.", ["'It's late,'"]),
        ("The ’90s and the ‘new’ mood", ["‘new’"]),
        ("She said “he told me ‘no’ twice” today", ["“he told me ‘no’ twice”"]),
        ("«Oui», dit-il. „Ja“, sagte sie.", ["«Oui»", "„Ja“"]),
        ("A 6' 2\" man", []),
        ("don't won't can't", []),
        ('He said "yes” oddly', ['"yes”']),
        ("", []),
        ("”””", []),
    ],
)
def test_marks_of_every_kind(text: str, expected: list[str]) -> None:
    assert quoted(text) == expected


def test_a_quotation_goes_on_over_paragraphs_that_reopen_it() -> None:
    text = "“First part.\n\n“Second part,” she said."
    assert quoted(text) == ["“First part.", "“Second part,”"]


def test_an_unclosed_straight_mark_does_not_swallow_the_page() -> None:
    assert quoted('He is 6 feet 2" tall.\n\nHe said "no".') == ['"no"']


def test_blank_lines_part_paragraphs_and_single_lines_do_where_there_are_none() -> None:
    text = "One\nwrapped.\n\nTwo."
    assert [p.slice(text) for p in paragraphs(text)] == ["One\nwrapped.", "Two."]
    text = "One\nTwo"
    assert [p.slice(text) for p in paragraphs(text)] == ["One", "Two"]
    assert paragraphs("") == []
