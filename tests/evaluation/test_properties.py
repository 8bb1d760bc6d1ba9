"""What holds for any statements at all."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quotewire.evaluation.matching import match
from quotewire.evaluation.measures import COLUMN_AT, OVERLAPS, SHARES, values
from quotewire.evaluation.rows import GoldArticle, Row, Via
from quotewire.evaluation.score import score_rows
from quotewire.types import Act, IntermediaryKind, Span, SpeakerType
from tests.evaluation.make import TEXT, article, report

# No deadline: these run beside whatever else the machine does.
quick = settings(deadline=None, max_examples=50)

WORDS = [Span(3 * n, 3 * n + 2) for n in range(20)]
LETTERS = " ".join(["ab"] * 20)

spans = st.builds(
    lambda first, length: Span(first.start, WORDS[min(WORDS.index(first) + length, 19)].end),
    st.sampled_from(WORDS),
    st.integers(0, 4),
)


@st.composite
def rows(draw: st.DrawFn, *, neutral: bool = True) -> Row:
    kinds = [kind for kind in IntermediaryKind if neutral or kind is not IntermediaryKind.DOCUMENT]
    nested = draw(st.booleans()) if neutral else False
    return Row(
        cue=draw(spans),
        sources=tuple(sorted(draw(st.sets(spans, max_size=1)))),
        content=tuple(sorted(draw(st.sets(spans, max_size=2)))),
        act=Act.STATEMENT if nested else draw(st.sampled_from(Act)),
        speaker=draw(st.sampled_from([None, "Ann Lee", "Bob Ray"])),
        speaker_type=draw(st.sampled_from([None, *SpeakerType])),
        via=tuple(
            Via(span, draw(st.sampled_from(kinds))) for span in draw(st.sets(spans, max_size=1))
        ),
        addressee=draw(st.none() | spans),
        nested=nested,
        confidence=draw(st.none() | st.floats(0, 1)),
    )


def lists(**wishes: bool) -> st.SearchStrategy[list[Row]]:
    return st.lists(rows(**wishes), max_size=5)


def apart(statements: list[Row]) -> list[Row]:
    """Without those whose cue overlaps an earlier one's: gold cues do not."""
    kept: list[Row] = []
    for row in statements:
        if not any(row.cue.overlaps(other.cue) for other in kept):
            kept.append(row)
    return kept


@quick
@given(lists())
def test_gold_against_itself_is_perfect_or_undefined(statements: list[Row]) -> None:
    gold = apart(statements)
    scores = report(gold, gold, text=LETTERS)
    for metric, value in scores.metrics.items():
        if metric not in ("calibration_error", "brier", "chain_accuracy"):
            assert value in (1.0, None), metric
    assert (scores.value("cue_f1") is None) == (not any(not row.nested for row in gold))


@quick
@given(lists(neutral=False), lists(neutral=False))
def test_swapping_gold_and_predictions_swaps_precision_and_recall(
    left: list[Row], right: list[Row]
) -> None:
    there, back = report(left, right, text=LETTERS), report(right, left, text=LETTERS)
    for measure in OVERLAPS:
        if measure in ("intermediary", "intermediary_given", "addressee"):
            continue  # which of several equally good statements is the found one may differ
        assert there.value(f"{measure}_precision") == back.value(f"{measure}_recall"), measure
        assert there.value(f"{measure}_recall") == back.value(f"{measure}_precision"), measure
        assert there.value(f"{measure}_f1") == back.value(f"{measure}_f1"), measure


@quick
@given(lists(), lists())
def test_counts_add_up(gold: list[Row], predicted: list[Row]) -> None:
    scores = report(gold, predicted, text=LETTERS)
    counts = {name: scores.counts[0, at] for name, at in COLUMN_AT.items()}
    for measure in OVERLAPS:
        tp, pred, size = (counts[f"{measure}.{part}"] for part in ("tp", "pred", "gold"))
        assert 0 <= tp <= min(pred, size), measure
    for share in SHARES:
        assert 0 <= counts[f"{share}.right"] <= counts[f"{share}.total"], share
    assert counts["exact.tp"] <= counts["found.tp"]
    assert counts["exact.tp"] <= counts["soft.tp"]
    assert counts["nested_soft.tp"] <= counts["nested.gold"] == sum(row.nested for row in gold)
    assert counts["found.gold"] + counts["nested.gold"] == len(gold)
    assert counts["found.pred"] <= len(predicted)
    sure = sum(counts[f"{side}_bin.n.{k}"] for side in ("outer", "inner") for k in range(20))
    assert sure == counts["confidence.total"] <= len(predicted)
    for value in scores.metrics.values():
        assert value is None or 0.0 <= value <= 1.0


@quick
@given(st.lists(st.tuples(lists(), lists()), min_size=1, max_size=4))
def test_articles_add_up(pairs: list[tuple[list[Row], list[Row]]]) -> None:
    gold = [article(g, id=str(n), text=LETTERS) for n, (g, _) in enumerate(pairs)]
    together = score_rows(gold, [p for _, p in pairs], model="test")
    alone = [score_rows([a], [p], model="test") for a, (_, p) in zip(gold, pairs, strict=True)]
    assert np.array_equal(together.counts, np.concatenate([one.counts for one in alone]))


@quick
@given(lists(), lists(), st.randoms(use_true_random=False))
def test_the_order_of_predictions_does_not_matter(
    gold: list[Row], predicted: list[Row], random: object
) -> None:
    shuffled = list(predicted)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    left, right = (report(gold, some, text=LETTERS) for some in (predicted, shuffled))
    for measure in ("source", "cue", "content", "found", "exact", "soft"):
        assert left.value(f"{measure}_f1") == right.value(f"{measure}_f1")


@quick
@given(
    st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=4),
    st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
def test_matching_is_the_largest_there_is_at_every_confidence(
    quality: list[list[int]], confidences: list[float]
) -> None:
    table = np.array(quality, dtype=float)  # [gold, predicted]
    predicted = [Row(cue=Span(0, 1), confidence=c) for c in confidences]
    matched = match(table, predicted)
    assert len(set(matched.values())) == len(matched)
    assert all(table[g, p] > 0 for p, g in matched.items())
    size = max(table.shape)
    padded = np.zeros((size, size))
    padded[: table.shape[0], : table.shape[1]] = table
    for bound in confidences:
        kept = np.array([c >= bound for c in confidences] + [False] * (size - 3))
        best = max(
            sum(padded[g, p] > 0 and bool(kept[p]) for g, p in enumerate(order))
            for order in permutations(range(size))
        )
        assert sum(confidences[p] >= bound for p in matched) == best


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    sums = np.zeros(len(COLUMN_AT))
    for part, count in {"tp": 6, "pred": 8, "gold": 12}.items():
        sums[COLUMN_AT[f"soft.{part}"]] = count
    scores = values(sums)
    precision, recall = 6 / 8, 6 / 12
    assert scores["soft_precision"] == precision
    assert scores["soft_recall"] == recall
    assert np.isclose(scores["soft_f1"], 2 * precision * recall / (precision + recall))
    assert np.isnan(scores["found_f1"])


def test_the_gold_article_is_not_changed_by_scoring() -> None:
    gold = GoldArticle(id="a", text=TEXT, rows=(Row(cue=Span(0, 3)),))
    copy = replace(gold)
    score_rows([gold], [gold.rows], model="test")
    assert gold == copy
