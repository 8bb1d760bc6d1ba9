"""Which statements of two models belong together, and in what they differ."""

from __future__ import annotations

from dataclasses import replace

from quotewire.desk.compare import Pair, differences, pairs
from quotewire.types import (
    Act,
    Intermediary,
    IntermediaryKind,
    Quote,
    QuoteKind,
    Span,
    Speaker,
    SpeakerType,
    Statement,
)


def statement(start: int, end: int, *, cue: int, id: str = "") -> Statement:
    """A quote of ``[start, end)`` with a cue of four code points at ``cue``."""
    return Statement(
        id=id or f"{start}-{end}-{cue}",
        act=Act.STATEMENT,
        confidence=0.5,
        quote=Quote((Span(start, end),), QuoteKind.INDIRECT),
        cue=Span(cue, cue + 4),
    )


def shape(found: list[Pair]) -> list[tuple[str | None, str | None]]:
    return [(p.first.id if p.first else None, p.second.id if p.second else None) for p in found]


def test_equal_statements_are_pairs_without_a_difference() -> None:
    ones = [statement(0, 20, cue=22), statement(30, 50, cue=52)]
    found = pairs(ones, [replace(one, confidence=0.9) for one in ones])
    assert all(pair.agrees for pair in found)
    assert shape(found) == [(one.id, one.id) for one in ones]


def test_every_statement_comes_once_in_text_order() -> None:
    first = [statement(0, 20, cue=22), statement(60, 80, cue=82)]
    second = [statement(30, 50, cue=52), statement(60, 78, cue=82)]
    found = pairs(first, second)
    assert shape(found) == [
        (first[0].id, None),
        (None, second[0].id),
        (first[1].id, second[1].id),
    ]
    assert found[2].differences == ("quote",)
    assert [pair.agrees for pair in found] == [False, False, False]


def test_the_likelier_partner_is_taken_and_the_other_left_alone() -> None:
    one = statement(0, 40, cue=42)
    near, nearer = statement(0, 22, cue=60), statement(0, 38, cue=42)
    assert shape(pairs([one], [near, nearer])) == [(one.id, nearer.id), (None, near.id)]


def test_a_common_cue_makes_partners_of_quotes_that_hardly_overlap() -> None:
    one, other = statement(0, 40, cue=42), statement(36, 41, cue=42)
    assert shape(pairs([one], [other])) == [(one.id, other.id)]
    elsewhere = statement(36, 41, cue=60)
    assert shape(pairs([one], [elsewhere])) == [(one.id, None), (None, elsewhere.id)]
    assert shape(pairs([one], [statement(50, 60, cue=42)]))[0] == (one.id, None)


def test_differences_are_named_part_by_part() -> None:
    one = statement(0, 20, cue=22)
    ann = Speaker(Span(30, 33), "Ann", SpeakerType.PERSON)
    via = Intermediary(Span(40, 45), None, IntermediaryKind.OUTLET)
    assert differences(one, replace(one, confidence=0.1, id="other")) == ()
    assert differences(one, replace(one, speaker=ann)) == ("speaker",)
    changed = replace(
        one,
        act=Act.ATTITUDE,
        cue=Span(22, 25),
        intermediaries=(via,),
        addressee=Span(50, 52),
        reported_in="x",
        quote=Quote((Span(0, 21),), QuoteKind.MIXED),
    )
    assert differences(one, changed) == (
        "quote",
        "kind",
        "cue",
        "via",
        "addressee",
        "act",
        "inside",
    )
