"""Which names an article holds and which of them are one person's or one organisation's."""

from __future__ import annotations

import pytest

from quotewire.extraction.resolve_reading import Reading, read
from quotewire.types import Article


def names(text: str) -> list[tuple[str, str]]:
    """(as it stands, the fullest name of whom it means) of each name in text order."""
    reading: Reading = read(Article(id="a", text=text))
    return [
        (reading.page.slice(n.first, n.last), reading.entities[n.entity].text)
        for n in reading.names
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The Commission on Harbour Bridges met.", "Commission on Harbour Bridges"),
        ("The federal Boats and Ferries Commission sued.", "Boats and Ferries Commission"),
        ("A poll of the Bill and Anna Quill Foundation is out.", "Bill and Anna Quill Foundation"),
        (
            "On Monday the Court of Appeals for the 6th Circuit ruled.",
            "Court of Appeals for the 6th Circuit",
        ),
        ("On Monday the money for it came from Our Bridges PAC.", "Our Bridges PAC"),
        (
            "In the end it was Robert C. “Bobby” Hale who opened the bridge.",
            "Robert C. “Bobby” Hale",
        ),
        ("We met Gov. Earl Ray Hale there.", "Earl Ray Hale"),
        ("We met Theresa May there.", "Theresa May"),
        ("We met Cornell William Hale there.", "Cornell William Hale"),
        ("We met Miss Universe Alicia Quill there.", "Alicia Quill"),
        ("We met Minister Khalid al-Sabr there.", "Khalid al-Sabr"),
    ],
)
def test_where_a_name_begins_and_ends(text: str, name: str) -> None:
    assert name in [stands for stands, _ in names(text)]


def test_what_has_a_number_is_nobody() -> None:
    assert names("We met in a diner off Route 9 last week.") == []


def test_an_offices_head_is_no_committees_name() -> None:
    found = [stands for stands, _ in names("The Harbour Committee on Thursday heard Anna Quill.")]
    assert found == ["Harbour Committee", "Anna Quill"]


@pytest.mark.parametrize(
    ("text", "short", "full"),
    [
        ("Eric Schneidermann sued. Scheidermann had waited.", "Scheidermann", "Eric Schneidermann"),
        ("Ban Ki-moon left. On Monday Mr. Ban spoke.", "Ban", "Ban Ki-moon"),
        ("HALE: It is so.\n\nGov. Robert Hale came. Hale left.", "HALE", "Robert Hale"),
        (
            "The Alliance to Mend Our Bridges (AMOB) met. The AMOB left.",
            "AMOB",
            "Alliance to Mend Our Bridges",
        ),
        (
            "The Boats and Ferries Commission met. On Monday the B.F.C. sued.",
            "B.F.C.",
            "Boats and Ferries Commission",
        ),
        (
            "It was Robert Hale Harbour Day. Hale said so. On Monday Hale spoke.",
            "Hale",
            "Robert Hale",
        ),
    ],
)
def test_a_short_name_means_the_full_one(text: str, short: str, full: str) -> None:
    meant = [whole for stands, whole in names(text) if stands == short]
    assert meant and set(meant) == {full}


def test_a_plural_or_another_name_is_no_slip() -> None:
    found = dict(names("Anna Quill won. The Quills were glad. On Monday Quarl left."))
    assert found["Quarl"] == "Quarl" and found["Quills"] == "Quills"


def test_a_man_is_not_named_for_a_woman_of_his_name() -> None:
    found = names("Anna Quill spoke. Mr. Quill had come, too. On Monday Mr. Quill left.")
    assert found == [("Anna Quill", "Anna Quill"), ("Quill", "Quill"), ("Quill", "Quill")]


def test_a_headlines_adjective_is_no_given_name() -> None:
    found = names("Derelict Quill and Hale\n\nIn the morning President Quill left. Quill was late.")
    assert [whole for stands, whole in found if "Quill" in stands] == ["Quill"] * 3


def test_a_verb_in_a_headline_is_no_given_name() -> None:
    assert "said Martha" not in [stands for stands, _ in names("“No,” said Martha Ellison.")]
