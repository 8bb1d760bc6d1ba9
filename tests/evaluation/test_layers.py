"""Intermediaries, addressees, acts, types, names, nested statements and chains, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quotewire.evaluation.rows import Row
from quotewire.types import Act, IntermediaryKind, SpeakerType
from tests.evaluation.make import prf, report, row

OUTLET, PRESS, DOCUMENT = (
    IntermediaryKind.OUTLET,
    IntermediaryKind.PRESS,
    IntermediaryKind.DOCUMENT,
)
SAID = row("said", source="Ann Lee", content="the old bridge is perfectly safe")
WANT = row("want", source="Voters", content="a new bridge soon")


def told(**fields: object) -> Row:
    return row(
        "told", source="Bob Ray", content=["“We checked,”", "“every single bolt.”"], **fields
    )


RADIO = told(via=[("Harbour Radio", OUTLET)])


def test_intermediary_is_right_when_its_span_is_exact_and_its_statement_found() -> None:
    assert prf(report([RADIO, SAID], [RADIO, SAID]), "intermediary") == (1.0, 1.0, 1.0)
    part = told(via=[("Radio", OUTLET)])
    assert prf(report([RADIO, SAID], [part, SAID]), "intermediary") == (0.0, 0.0, 0.0)


def test_an_intermediary_on_another_statement_counts_in_the_set_only() -> None:
    elsewhere = replace(SAID, via=RADIO.via)
    scores = report([RADIO, SAID], [told(), elsewhere])
    assert prf(scores, "intermediary") == (0.0, 0.0, 0.0)
    assert prf(scores, "intermediary_set") == (1.0, 1.0, 1.0)


def test_an_intermediary_of_a_missed_statement_is_missed_but_not_given() -> None:
    scores = report([RADIO, SAID], [SAID])
    assert prf(scores, "intermediary") == (None, 0.0, 0.0)
    assert prf(scores, "intermediary_given") == (None, None, None)


def test_documents_are_neutral_on_both_sides() -> None:
    document = told(via=[("Harbour Radio", DOCUMENT)])
    # Gold document: neither missed nor wrong, whatever kind is predicted there.
    for predicted in (told(), RADIO, document, told(via=[("Radio", PRESS)])):
        for measure in ("intermediary", "intermediary_set"):
            assert prf(report([document], [predicted]), measure) == (None, None, None)
    # Predicted document: wrong nowhere, a hit where the span is one that counts.
    assert prf(report([told()], [document]), "intermediary") == (None, None, None)
    scores = report([RADIO], [document])
    assert prf(scores, "intermediary") == (1.0, 1.0, 1.0)
    assert scores.value("intermediary_kind_accuracy") == 0.0


def test_kind_is_judged_on_matched_intermediaries_only() -> None:
    press = told(via=[("Harbour Radio", PRESS)])
    assert report([RADIO], [press]).value("intermediary_kind_accuracy") == 0.0
    assert report([RADIO], [RADIO]).value("intermediary_kind_accuracy") == 1.0
    assert report([RADIO], [told()]).value("intermediary_kind_accuracy") is None


def test_addressee_is_exact_and_linked() -> None:
    gold = told(addressee="Harbour Radio")
    assert prf(report([gold, SAID], [gold, SAID]), "addressee") == (1.0, 1.0, 1.0)
    assert prf(report([gold, SAID], [told(), SAID]), "addressee") == (None, 0.0, 0.0)
    spurious = replace(SAID, addressee=gold.addressee)
    assert prf(report([gold, SAID], [gold, spurious]), "addressee") == (
        0.5,
        1.0,
        pytest.approx(2 / 3),
    )


def test_accuracies_are_over_found_statements() -> None:
    gold = [
        replace(SAID, act=Act.STATEMENT, speaker="Ann Lee", speaker_type=SpeakerType.PERSON),
        replace(WANT, act=Act.ATTITUDE, speaker="Voters", speaker_type=SpeakerType.GROUP),
        replace(told(), act=Act.STATEMENT, speaker="Bob Ray", speaker_type=SpeakerType.PERSON),
    ]
    predicted = [
        gold[0],
        replace(gold[1], act=Act.STATEMENT, speaker=None, speaker_type=SpeakerType.PERSON),
    ]
    scores = report(gold, predicted)
    assert scores.value("act_accuracy") == 0.5
    assert scores.value("speaker_name_accuracy") == 0.5
    assert scores.value("speaker_type_accuracy") == 0.5


def test_no_name_is_right_where_there_is_none() -> None:
    nameless = replace(SAID, speaker=None)
    named = replace(SAID, speaker="Ann Lee")
    assert report([nameless], [nameless]).value("speaker_name_accuracy") == 1.0
    assert report([nameless], [named]).value("speaker_name_accuracy") == 0.0


OUTER = row(
    "reported",
    source="The council",
    content="that Cy Dunn had denied any delay",
    act=Act.STATEMENT,
)
INNER = row(
    "denied",
    source="Cy Dunn",
    content="any delay",
    act=Act.STATEMENT,
    nested=True,
    reported_in=0,
)


def test_nested_statements_have_measures_of_their_own() -> None:
    scores = report([OUTER, INNER], [OUTER, INNER])
    for measure in ("found", "exact", "soft", "nested", "nested_found", "nested_soft"):
        assert prf(scores, measure) == (1.0, 1.0, 1.0)
    assert scores.counts_anything("nested")
    assert scores.value("chain_accuracy") == 1.0
    missed = report([OUTER, INNER], [OUTER])
    assert prf(missed, "found") == (1.0, 1.0, 1.0)
    assert prf(missed, "nested") == (None, 0.0, 0.0)


def test_a_nested_prediction_nobody_labelled_is_wrong_among_the_nested_only() -> None:
    scores = report([OUTER], [OUTER, INNER])
    assert prf(scores, "found") == prf(scores, "content") == (1.0, 1.0, 1.0)
    assert prf(scores, "nested") == (0.0, None, 0.0)


def test_nested_predictions_are_neutral_where_nesting_is_not_labelled() -> None:
    scores = report([OUTER], [OUTER, INNER], labelled=frozenset({"act"}))
    assert prf(scores, "cue") == (1.0, 1.0, 1.0)
    assert prf(scores, "nested") == (None, None, None)


def test_nested_attitudes_are_neutral() -> None:
    hopes = replace(INNER, act=Act.ATTITUDE)
    assert prf(report([OUTER], [OUTER, hopes]), "nested") == (None, None, None)


def test_a_nested_prediction_on_an_outer_cue_counts_as_outer() -> None:
    marked = replace(OUTER, nested=True, reported_in=1)
    scores = report([OUTER, INNER], [marked, INNER])
    assert prf(scores, "exact") == (1.0, 1.0, 1.0)
    assert prf(scores, "nested") == (1.0, 1.0, 1.0)


def test_an_inner_statement_not_marked_as_nested_is_a_wrong_outer_one() -> None:
    flat = replace(INNER, nested=False, reported_in=None)
    scores = report([OUTER, INNER], [OUTER, flat])
    assert prf(scores, "found") == (0.5, 1.0, pytest.approx(2 / 3))
    assert prf(scores, "nested") == (None, 0.0, 0.0)
    assert scores.value("nested_any_recall") == 1.0


def test_nested_asks_for_half_of_the_words_and_nested_soft_for_the_source_too() -> None:
    no_source = replace(INNER, sources=())
    scores = report([OUTER, INNER], [OUTER, no_source])
    assert scores.value("nested_f1") == 1.0
    assert scores.value("nested_soft_f1") == 0.0
    wordless = replace(INNER, content=())
    scores = report([OUTER, INNER], [OUTER, wordless])
    assert scores.value("nested_found_f1") == 1.0
    assert scores.value("nested_f1") == 0.0


def test_chain_is_wrong_where_the_enclosing_statement_is_another() -> None:
    other = replace(INNER, reported_in=1)
    scores = report([OUTER, INNER], [OUTER, SAID, other])
    assert scores.value("chain_accuracy") == 0.0


def test_intermediaries_of_nested_rows_are_neutral() -> None:
    relayed = replace(INNER, via=row("reported", via=[("The council", OUTLET)]).via)
    assert prf(report([OUTER, relayed], [OUTER, INNER]), "intermediary") == (None, None, None)
    assert prf(report([OUTER, INNER], [OUTER, relayed]), "intermediary") == (None, None, None)
    # Also where the nested statement was predicted without being marked as one.
    flat = replace(relayed, nested=False, reported_in=None)
    assert prf(report([OUTER, relayed], [OUTER, flat]), "intermediary_set") == (None, None, None)


def test_layers_that_nobody_labelled_are_undefined() -> None:
    scores = report([RADIO], [RADIO], labelled=frozenset())
    assert scores.value("source_f1") == 1.0
    for metric in ("intermediary_f1", "addressee_f1", "act_accuracy", "speaker_name_accuracy"):
        assert scores.value(metric) is None
