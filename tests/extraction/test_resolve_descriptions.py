"""What "the union", "the Ohio governor" and "a spokesman" stand for, on articles written for this
(see marking.py)."""

from __future__ import annotations

import pytest

from quotewire.extraction.resolve import Resolver
from tests.extraction.marking import speakers


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    return Resolver.load()


DESCRIBED = {
    "a misspelt last name": (
        "Eric Schneidermann sued the harbour board.\n\n|[[Scheidermann]] <<said>> {{it lied}}.|",
        "Eric Schneidermann",
    ),
    "a name in capitals, as in a transcript": (
        "Gov. Robert Hale was asked about the bridge.\n\n|[[HALE]]<<:>> {{It is safe.}}|",
        "Robert Hale",
    ),
    "a role before the name": (
        "Ohio Gov. Robert Hale met Martha Ellison at the harbour on Monday.\n\n"
        "|[[The governor]] <<said>> {{the bridge was safe}}.|",
        "Robert Hale",
    ),
    "an organisation by its sort": (
        "The Harbour Workers Association met on Monday and voted.\n\n"
        "|[[The union]] <<said>> {{its members would strike}}.|",
        "Harbour Workers Association",
    ),
    "two speakers are not made of a relative clause": (
        "|[[Robert Hale, who led the board and has backed Martha Ellison,]] <<said>> {{no}}.|",
        "Robert Hale",
    ),
    "source and cue marked the wrong way round": (
        "Martha Ellison runs the harbour. “|{{It is safe}},” [[said]] <<Ellison>>.|",
        "Martha Ellison",
    ),
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_described_speakers(resolver: Resolver, name: str) -> None:
    text, speaker = DESCRIBED[name]
    assert speakers(resolver, text)[-1] == speaker


@pytest.mark.parametrize("unnamed", ["A spokesman", "A harbour official", "An aide to the mayor"])
def test_an_unnamed_source_is_nobody_who_is_named_later(resolver: Resolver, unnamed: str) -> None:
    text = (
        f"|[[{unnamed}]] <<said>> {{{{the bridge was safe}}}}.|\n\n"
        "Harbour spokesman Robert Hale came on Monday. Martha Ellison, an official and aide to the "
        "mayor, came later."
    )
    assert speakers(resolver, text) == [unnamed]


def test_the_same_words_mean_the_same(resolver: Resolver) -> None:
    text = (
        "|A [[Meridian Institute poll]] of 900 people <<found>> {{that wages fell}}.|\n\n"
        "|[[The poll]] <<showed>> {{that men lost more}}.|\n\n"
        "The harbour was quiet on Monday, when Robert Hale came.\n\n"
        "|[[The poll]] <<found>> {{that rents rose}}.|"
    )
    assert len(set(speakers(resolver, text))) == 1
