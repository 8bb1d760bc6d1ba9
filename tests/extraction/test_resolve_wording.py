"""Words of a description as evidence, names with letters after them, lists of people; and the
ranker's arithmetic.  Articles written for this (see marking.py)."""

from __future__ import annotations

import numpy as np
import pytest

from quotewire.extraction.resolve import Resolver
from quotewire.extraction.resolve_ranker import Ranker
from quotewire.extraction.resolve_reading import read
from quotewire.extraction.resolve_wording import has_name
from quotewire.types import Article
from tests.extraction.marking import speakers


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    return Resolver.load()


NAMED = {
    "letters after a name are no part of it": (
        "|[[Helen Marsh QC, who sits on the board,]] <<said>> {{no}}.|",
        "Helen Marsh",
    ),
    "a name that goes on after a small word": (
        "|[[Farmers Without Borders]] <<said>> {{the harvest failed}}.|",
        "Farmers Without Borders",
    ),
    "an owner inside a description is not the one described": (
        "|[[Ruritania, Graustark's only ally,]] <<said>> {{it was opposed}}.|",
        "Ruritania",
    ),
    "a description with names between the name and who": (
        "The mayor met |Robert Hale, a Meridian Institute scholar, [[who]] <<said>> {{no}}.|",
        "Robert Hale",
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_names_by_their_words(resolver: Resolver, name: str) -> None:
    text, speaker = NAMED[name]
    assert speakers(resolver, text)[-1] == speaker


def test_people_in_a_list_are_named_together() -> None:
    text = "Sens. Robert Hale (R-Ohio), Martha Ellison (D-Iowa) and Peter Voss came on Monday."
    joints = [held for _, held in read(Article(id="a", text=text)).joints]
    assert joints == ["Robert Hale, Martha Ellison and Peter Voss"]


def test_whose_campaign_it_is_is_a_candidate() -> None:
    text = "Robert Hale spoke. Hale's campaign was late. Martha Ellison spoke. Ellison left."
    reading = read(Article(id="a", text=text))
    assert [reading.entities[e].text for e in reading.roles["candidate"]] == ["Robert Hale"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("the new poll", False),
        ("A new Meridian poll", True),
        ("Voters", False),
        ("NATO forces", True),
        ("the 9 men", False),
    ],
)
def test_whether_a_description_holds_a_name(text: str, named: bool) -> None:
    assert has_name(text) is named


def test_several_networks_are_averaged_and_strange_features_are_left_out() -> None:
    rng = np.random.default_rng(0)
    names = ["a", "b", "c"]
    networks = [
        [
            (rng.normal(size=(3, width)).astype(np.float32), np.ones(width, np.float32)),
            (rng.normal(size=(width, 1)).astype(np.float32), np.full(1, 0.5, np.float32)),
        ]
        for width in (4, 2)
    ]
    x = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 2.0]])
    expected = np.zeros(2)
    for (first, one), (last, two) in networks:
        expected += (np.maximum(x @ first + one, 0.0) @ last + two)[:, 0] / 2
    rows = [{"a": 1.0, "unheard of": 7.0}, {"b": 1.0}]
    np.testing.assert_allclose(
        Ranker(names, networks).scores(rows, shared={"c": 2.0, "strange": 3.0}), expected, rtol=1e-5
    )
    with pytest.raises(ValueError, match="two layers"):
        Ranker(names, [networks[0][:1]])
