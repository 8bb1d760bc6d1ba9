"""The shipped model finds who relays a statement, in the ways that newsrooms name them."""

from __future__ import annotations

import pytest

from quotewire.extraction.extractor import Extractor
from tests.ways import missed_by, ways

NAMED = (
    # text, speaker's name, intermediary's name
    ("“It rained,” Ms Bell told BBC News.", "Bell", "BBC News"),
    ("Economist Lena Holm told Reuters the vote would be delayed.", "Lena Holm", "Reuters"),
    ("Orr said in an interview with Sky News that he would run.", "Orr", "Sky News"),
    ("Speaking on Radio Ulster, Mr Donnelly said it would reopen.", "Donnelly", "Radio Ulster"),
    ("“We urge them to stop,” Zhao was quoted by Xinhua as saying.", "Zhao", "Xinhua"),
    ("Minister Zhao Wen said the ship had left, Xinhua reported.", "Zhao Wen", "Xinhua"),
)  # fmt: skip


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return Extractor.load("quotewire-base", threads=1)


@pytest.mark.parametrize(("text", "speaker", "relay"), NAMED)
def test_who_said_it_and_through_whom(
    extractor: Extractor, text: str, speaker: str, relay: str
) -> None:
    found = {
        (statement.speaker.name if statement.speaker else None, one.name)
        for statement in extractor.extract(text).statements
        for one in statement.intermediaries
    }
    assert (speaker, relay) in found


def test_most_ways_are_known(extractor: Extractor) -> None:
    missed = missed_by(extractor)
    assert len(missed) <= len(list(ways())) // 5, missed
