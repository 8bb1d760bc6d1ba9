from __future__ import annotations

import re

import pytest

from quotewire.extraction.relays import (
    beside,
    kind_of,
    kind_of_speaker,
    outlet_of_work,
    quoted_by,
    told_beside,
)
from quotewire.types import ExtractOptions, IntermediaryKind, Span, Speaker, SpeakerType
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
        ("his “Quiet Hour” radio program", "outlet"),
        ("the host", "person"),
        ("the host of BBC Radio 4", "outlet"),
        ("the official Saudi Press Agency", "outlet"),
        ("local newspaper La Voz", "outlet"),
        ("a transcript of the hearing", "document"),
        ("court documents", "document"),
        ("an email seen by The Times", "outlet"),
    ],
)
def test_words_that_settle_a_kind_win_over_the_guess(mention: str, kind: str) -> None:
    assert kind_of(mention, IntermediaryKind.PERSON) == kind


def test_other_words_leave_the_guess_alone() -> None:
    for guess in IntermediaryKind:
        assert kind_of("Trending Today", guess) is guess


@pytest.mark.parametrize(
    ("text", "relay"),
    [
        ("Zhao <was quoted by Xinhua as saying> it rained.", "Xinhua"),
        ("Zhao <was quoted in the Kent Times as saying> it rained.", "the Kent Times"),
        ("“No,” Zhao <was quoted as saying> by the Bank of Ely Post.", "the Bank of Ely Post"),
        ("Zhao <is quoted as saying> in Die Zeit that it rained.", "Die Zeit"),
        ("Zhao <was quoted as saying> by and large that it rained.", None),
        ("Zhao <said> he was quoted by Xinhua as saying it rained.", None),
        ("Zhao <was quoted as saying> that.\nHe was quoted by Xinhua as saying no.", None),
    ],
)  # fmt: skip
def test_who_quotes_by_the_words_of_the_cue(text: str, relay: str | None) -> None:
    start, end = text.index("<"), text.index(">") - 1
    bare = text.replace("<", "").replace(">", "")
    found = quoted_by(bare, Span(start, end))
    assert (found.slice(bare) if found else None) == relay


@pytest.mark.parametrize(
    ("text", "relay"),
    [
        ("Speaking on BBC Radio Ulster, {Mr Hale} <said> no.", "BBC Radio Ulster"),
        ("It rained. In a post on Bluesky Facebook, {he} <wrote> no.", "Bluesky Facebook"),
        ("{The mayor}, speaking to Radio Kerry, <denied> it.", "Radio Kerry"),
        ("“No,” <said> {Ann Lee}, speaking to reporters.", "reporters"),
        ("“No,” {she} <said> in a brief interview with The Kent Times.", "The Kent Times"),
        ("{Ann Lee} <told> Reuters the vote was off.", "Reuters"),
        ("{Ann Lee} <told> Mr Hale the vote was off.", None),
        ("Speaking on Monday, {Mr Hale} <said> no.", None),
        ("{The mayor}, speaking on condition of anonymity, <denied> it.", None),
        ("On BBC Radio 4 it rained. Later, {Mr Hale} <said> no.", None),
        ("Speaking on BBC Radio 4, Ann <agreed>. {Mr Hale} said no.", None),
        ("“No,” {she} <said> in a long interview with her sister.", None),
    ],
)
def test_where_it_was_said_stands_beside_the_speaker(text: str, relay: str | None) -> None:
    place = {mark: len(re.sub(r"[{}<>]", "", text[: text.index(mark)])) for mark in "{}<>"}
    bare = re.sub(r"[{}<>]", "", text)
    found = told_beside(bare, Span(place["<"], place[">"]), Span(place["{"], place["}"]))
    assert (found.slice(bare) if found else None) == relay


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


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("<Ann> told [Bloomberg] so.", True),
        ("“<No,” she said. That is all.> [Bloomberg] had asked.", True),
        ("[CNN] aired it.\nLater, <Ann said so>.", False),
        ("[CNN] aired it in full.”\r\n\r\nLater, <Ann said so>.", False),
        ("<Ann said so.>\n\nOn [Twitter] nobody did.", False),
        ("On [CNN]\n<Ann said so>.", True),  # a text in short lines
        ("<“One.\n\nOn [CNN], too.\n\nTwo,” she said>.", True),
    ],
)
def test_an_intermediary_stands_beside_its_statement(text: str, inside: bool) -> None:
    place = {mark: len(re.sub(r"[][<>]", "", text[: text.index(mark)])) for mark in "[]<>"}
    start, end = place["<"], place[">"]
    parts = [Span(start, start + 1), Span(end - 1, end)]
    bare = re.sub(r"[][<>]", "", text)
    assert beside(bare, Span(place["["], place["]"]), parts) is inside


@pytest.mark.parametrize(
    ("mention", "name", "type_", "kind"),
    [
        ("She", "Ann Lee", SpeakerType.PERSON, "person"),
        ("CNN’s Ann Lee", "Ann Lee", SpeakerType.PERSON, "person"),
        ("The paper", "New York Times", SpeakerType.ORGANIZATION, "outlet"),
        ("The ministry", "Ministry of Roads", SpeakerType.ORGANIZATION, "person"),
        ("Reporters", None, SpeakerType.GROUP, "press"),
        ("A Reuters poll", None, SpeakerType.DOCUMENT, "document"),
    ],
)
def test_what_a_speaker_is_to_the_words_of_others(
    mention: str, name: str | None, type_: SpeakerType, kind: str
) -> None:
    speaker = Speaker(Span(0, len(mention)), name, type_)
    assert kind_of_speaker(speaker, text=f"{mention} said so.") == kind


def test_an_inner_statement_came_through_the_outer_one_s_speaker() -> None:
    text = "Reuters said that Bob said no."
    outer, inner = fake_extractor().extract(text).statements
    assert outer.intermediaries == ()
    (via,) = inner.intermediaries
    assert (via.mention.slice(text), via.name) == ("Reuters", "Reuters")


@pytest.mark.parametrize(
    ("text", "via"),
    [
        ("Reuters said that Bob told CNN no.", ["CNN"]),  # named inside wins
        ("Reuters said that Reuters said no.", []),  # its own words
        ("Ann said that Bob said no.", []),  # a person
        ("Reuters wants what Bob said about it", []),  # reports nothing
    ],
)
def test_where_the_outer_speaker_relays_nothing(text: str, via: list[str]) -> None:
    options = ExtractOptions(all_acts=True)
    _, inner = fake_extractor().extract(text, options=options).statements
    assert inner.reported_in is not None
    assert [each.mention.slice(text) for each in inner.intermediaries] == via


def test_an_addressee_is_never_the_intermediary_too() -> None:
    statements = fake_extractor().extract("Ann told Reuters it rained.").statements
    assert statements[0].intermediaries and statements[0].addressee is None
