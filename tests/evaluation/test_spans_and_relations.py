"""Source, cue, content, found, exact and soft against figures computed by hand."""

from __future__ import annotations

import pytest

from quotewire.evaluation.matching import paragraph_pieces, word_starts
from quotewire.types import Act, Span
from tests.evaluation.make import TEXT, prf, report, row

SAID = row("said", source="Ann Lee", content="the old bridge is perfectly safe")
TOLD = row("told", source="Bob Ray", content=["“We checked,”", "“every single bolt.”"])
REPORTED = row("reported", source="The council", content="that Cy Dunn had denied any delay")
ALLEGED = row("was alleged", content="that the money is gone")


def test_precision_is_of_the_predictions_and_recall_of_the_gold() -> None:
    scores = report([SAID, TOLD, REPORTED, ALLEGED], [SAID])
    for measure in ("cue", "found", "exact", "soft"):
        assert prf(scores, measure) == (1.0, 0.25, 0.4)
    scores = report([SAID], [SAID, TOLD, REPORTED, ALLEGED])
    for measure in ("cue", "found", "exact", "soft"):
        assert prf(scores, measure) == (0.25, 1.0, 0.4)


def test_each_piece_of_an_interrupted_content_is_a_span_of_its_own() -> None:
    half = row("told", source="Bob Ray", content=["“We checked,”"])
    scores = report([SAID, TOLD], [SAID, half])
    assert prf(scores, "content") == (1.0, pytest.approx(2 / 3), pytest.approx(4 / 5))
    assert prf(scores, "exact") == (0.5, 0.5, 0.5)
    # Two of five words are shared, below one half.
    assert prf(scores, "soft") == (0.5, 0.5, 0.5)


def test_soft_relation_begins_at_half_of_the_words() -> None:
    # Gold has six words; three of them are half of the union, two are not.
    three = row("said", source="Ann Lee", content="the old bridge")
    two = row("said", source="Ann Lee", content="the old")
    assert prf(report([SAID], [three]), "soft") == (1.0, 1.0, 1.0)
    assert prf(report([SAID], [two]), "soft") == (0.0, 0.0, 0.0)
    assert prf(report([SAID], [two]), "found") == (1.0, 1.0, 1.0)


def test_exact_relation_forgives_the_edges_of_the_cue_only() -> None:
    wide_cue = row("said the", source="Ann Lee", content="the old bridge is perfectly safe")
    scores = report([SAID], [wide_cue])
    assert prf(scores, "exact") == (1.0, 1.0, 1.0)
    assert prf(scores, "cue") == (0.0, 0.0, 0.0)
    short_source = row("said", source="Lee", content="the old bridge is perfectly safe")
    scores = report([SAID], [short_source])
    assert prf(scores, "exact") == (0.0, 0.0, 0.0)
    assert prf(scores, "soft") == (1.0, 1.0, 1.0)


def test_absent_sources_match_each_other_and_nothing_else() -> None:
    assert prf(report([ALLEGED], [ALLEGED]), "soft") == (1.0, 1.0, 1.0)
    assert prf(report([ALLEGED], [ALLEGED]), "exact") == (1.0, 1.0, 1.0)
    with_source = row("was alleged", source="It", content="that the money is gone")
    for pair in ((ALLEGED, with_source), (with_source, ALLEGED)):
        scores = report(pair[:1], pair[1:])
        assert prf(scores, "soft") == prf(scores, "exact") == (0.0, 0.0, 0.0)
        assert prf(scores, "found") == (1.0, 1.0, 1.0)


def test_adjacent_cues_do_not_overlap() -> None:
    gold = row("was", content="that the money is gone")
    after = Span(gold.cue.end, gold.cue.end + 8)
    assert TEXT[after.start : after.end] == " alleged"
    beside = row("alleged", content="that the money is gone")
    touching = type(gold)(cue=after, content=gold.content)
    for predicted in (beside, touching):
        assert prf(report([gold], [predicted]), "found") == (0.0, 0.0, 0.0)


def test_one_gold_statement_is_found_once() -> None:
    scores = report([SAID], [SAID, row("sai", content="the old"), SAID])
    assert prf(scores, "found") == (pytest.approx(1 / 3), 1.0, 0.5)
    assert prf(scores, "soft") == (pytest.approx(1 / 3), 1.0, 0.5)


def test_spans_of_a_role_are_a_set() -> None:
    """A source that two statements share is one span, as in the published measure."""
    again = row("is perfectly", source="Ann Lee", content="safe")
    scores = report([SAID, again], [SAID])
    assert prf(scores, "source") == (1.0, 1.0, 1.0)
    assert prf(scores, "cue") == (1.0, 0.5, pytest.approx(2 / 3))
    assert prf(report([SAID], [SAID, SAID]), "cue") == (1.0, 1.0, 1.0)


def test_no_link_is_scored_by_the_span_measures() -> None:
    swapped = [
        row("said", source="Bob Ray", content="the old bridge is perfectly safe"),
        row("told", source="Ann Lee", content=["“We checked,”", "“every single bolt.”"]),
    ]
    scores = report([SAID, TOLD], swapped)
    for role in ("source", "cue", "content"):
        assert scores.value(f"{role}_f1") == 1.0
    assert scores.value("found_f1") == 1.0
    assert scores.value("exact_f1") == scores.value("soft_f1") == 0.0


def test_pieces_without_a_gap_are_one_within_a_paragraph() -> None:
    together = row("said", source="Ann Lee", content="the old bridge is perfectly safe")
    apart = row("said", source="Ann Lee", content=["the old bridge", "is perfectly safe"])
    for gold, predicted in ((together, apart), (apart, together)):
        scores = report([gold], [predicted])
        assert scores.value("content_f1") == scores.value("exact_f1") == 1.0
        assert scores.value("content_unjoined_f1") == 0.0


def test_a_content_over_a_line_break_counts_by_paragraph() -> None:
    text = "Ann said: “One.\n\n“Two.”"
    two = row("said", content=["“One.", "“Two.”"], text=text)
    one = row("said", content="“One.\n\n“Two.”", text=text)
    assert report([two], [one], text=text).value("content_f1") == 1.0
    assert paragraph_pieces(one.content, text) == two.content


def test_the_same_words_at_another_place_are_other_words() -> None:
    text = "Ann said yes it is. Bob said yes it is."
    first, second = Span(9, 18), Span(29, 38)
    assert text[first.start : first.end] == text[second.start : second.end]
    assert not word_starts([first], text) & word_starts([second], text)


def test_attitudes_count_in_the_published_measure_but_not_among_statements() -> None:
    want = row("want", source="Voters", content="a new bridge soon", act=Act.ATTITUDE)
    said = row(
        "said", source="Ann Lee", content="the old bridge is perfectly safe", act=Act.STATEMENT
    )
    scores = report([said, want], [said])
    assert prf(scores, "cue") == (1.0, 0.5, pytest.approx(2 / 3))
    assert prf(scores, "soft_statements") == (1.0, 1.0, 1.0)
    taken_for_words = row("want", source="Voters", content="a new bridge soon", act=Act.STATEMENT)
    scores = report([said, want], [said, taken_for_words])
    assert prf(scores, "soft") == (1.0, 1.0, 1.0)
    assert prf(scores, "soft_statements") == (0.5, 1.0, pytest.approx(2 / 3))
    assert scores.value("act_accuracy") == 0.5


def test_undefined_is_none_and_never_zero() -> None:
    nothing = report([], [])
    assert set(nothing.metrics.values()) == {None}
    missed = report([SAID], [])
    assert prf(missed, "soft") == (None, 0.0, 0.0)
    assert missed.value("act_accuracy") is None
    made_up = report([], [SAID])
    assert prf(made_up, "soft") == (0.0, None, 0.0)


def test_the_larger_overlap_of_cues_decides_who_is_found() -> None:
    gold = row("had denied", source="Cy Dunn", content="any delay", speaker="Cy Dunn")
    good = row("had denied", source="Cy Dunn", content="any delay", speaker="Cy Dunn")
    poor = row("that Cy Dunn had", content="delay", speaker="Somebody Else")
    for predicted in ([good, poor], [poor, good]):
        assert report([gold], predicted).value("speaker_name_accuracy") == 1.0


def test_soft_relation_does_not_look_at_cues() -> None:
    elsewhere = row("perfectly", source="Ann Lee", content="the old bridge is perfectly safe")
    scores = report([SAID], [elsewhere])
    assert prf(scores, "soft") == (1.0, 1.0, 1.0)
    assert prf(scores, "found") == prf(scores, "exact") == (0.0, 0.0, 0.0)
