"""Bootstrap, calibration, thresholds, breakdowns, comparison and the two printed forms."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from quotewire.errors import InputError
from quotewire.evaluation import measures
from quotewire.evaluation.report import Report, compare
from quotewire.evaluation.rows import Row
from quotewire.evaluation.score import score_rows
from quotewire.evaluation.text import render, render_comparison, render_rules
from tests.evaluation.make import article, report, row

SAID = row("said", source="Ann Lee", content="the old bridge is perfectly safe")
TOLD = row("told", source="Bob Ray", content=["“We checked,”", "“every single bolt.”"])
ALLEGED = row("was alleged", content="that the money is gone")
ALL = [SAID, TOLD, ALLEGED]
WRONG = replace(SAID, content=(SAID.cue,))


def corpus(predictions: list[list[Row]], *, model: str = "test@1.0.0") -> Report:
    """One article a prediction, all with the same gold."""
    gold = [
        article(ALL, id=f"a{n}", publisher="Times" if n % 2 else "Post")
        for n in range(len(predictions))
    ]
    return score_rows(gold, predictions, model=model)


def test_intervals_are_points_where_all_articles_are_alike() -> None:
    scores = corpus([[SAID, TOLD]] * 5)
    low, high = scores.intervals(resamples=50)["soft_f1"] or (0, 0)
    assert low == pytest.approx(high) == pytest.approx(scores.value("soft_f1"))


def test_intervals_equal_a_resampling_done_by_hand() -> None:
    scores = corpus([[SAID], [SAID, TOLD], ALL, [WRONG], []])
    generator = np.random.default_rng(7)
    weights = generator.multinomial(5, [0.2] * 5, 200)
    f1 = []
    for weight in weights:
        sample = np.concatenate(
            [np.repeat(scores.counts[n : n + 1], w, axis=0) for n, w in enumerate(weight)]
        )
        assert len(sample) == 5
        f1.append(float(measures.values(sample.sum(axis=0))["soft_f1"]))
    expected = tuple(np.quantile(f1, [0.025, 0.975]))
    assert scores.intervals(resamples=200, seed=7)["soft_f1"] == pytest.approx(expected)
    assert scores.intervals(resamples=200, seed=7) == scores.intervals(resamples=200, seed=7)


def test_interval_of_the_undefined_is_none() -> None:
    assert corpus([[SAID]]).intervals(resamples=10)["intermediary_f1"] is None


def test_calibration_error_by_hand() -> None:
    """Two right at 0.95 and 0.85, one wrong at 0.65: (0.05 + 0.15 + 0.65) / 3."""
    predicted = [
        replace(SAID, confidence=0.95),
        replace(TOLD, confidence=0.85),
        replace(ALLEGED, content=(), confidence=0.65),
    ]
    scores = report(ALL, predicted)
    assert scores.value("calibration_error") == pytest.approx(0.85 / 3)
    assert scores.value("brier") == pytest.approx((0.05**2 + 0.15**2 + 0.65**2) / 3)
    reliable = {row["low"]: row for row in scores.reliability()}
    assert reliable[0.9]["statements"] == 1
    assert reliable[0.9]["confidence"] == pytest.approx(0.95)
    assert reliable[0.9]["right"] == 1.0
    assert reliable[0.6]["right"] == 0.0
    assert reliable[0.1]["right"] is None


def test_errors_inside_a_bin_cancel_out() -> None:
    """One right and one wrong, both at 0.5: of two at 0.5, one is right."""
    predicted = [replace(SAID, confidence=0.5), replace(WRONG, confidence=0.5)]
    scores = report([SAID], predicted)
    assert scores.value("calibration_error") == pytest.approx(0.0)
    assert scores.value("brier") == pytest.approx(0.25)


def test_the_surer_of_two_equal_predictions_is_the_right_one() -> None:
    scores = report([SAID], [replace(SAID, confidence=0.1), replace(SAID, confidence=0.9)])
    assert scores.value("calibration_error") == pytest.approx(0.1)


def test_nested_predictions_are_calibrated_against_nested_gold() -> None:
    outer = row("reported", source="The council", content="that Cy Dunn had denied any delay")
    inner = row("denied", source="Cy Dunn", content="any delay", nested=True, reported_in=0)
    predicted = [replace(outer, confidence=1.0), replace(inner, confidence=1.0)]
    assert report([outer, inner], predicted).value("calibration_error") == 0.0
    assert report([outer], predicted).value("calibration_error") == 0.5
    assert report([outer], predicted, labelled=frozenset()).value("calibration_error") == 0.0


def test_thresholds_score_what_is_left_above_them() -> None:
    predicted = [
        replace(SAID, confidence=0.9),
        replace(TOLD, confidence=0.5),
        replace(WRONG, confidence=0.3),
    ]
    scores = report(ALL, predicted)
    by_bound = {row["confidence"]: row for row in scores.thresholds()}
    for bound in (0.0, 0.3, 0.35, 0.5, 0.55, 0.9, 0.95):
        kept = [p for p in predicted if (p.confidence or 0) >= bound]
        alone = report(ALL, kept)
        line = by_bound[bound]
        assert line["statements"] == len(kept)
        assert line["precision"] == alone.value("soft_precision")
        assert line["recall"] == alone.value("soft_recall")
        assert line["f1"] == alone.value("soft_f1")


def test_without_confidences_there_is_no_calibration() -> None:
    scores = report(ALL, ALL)
    assert scores.value("calibration_error") is None
    assert scores.thresholds() == []


def test_publishers_are_scored_apart() -> None:
    scores = corpus([ALL, [], ALL, []])
    parts = scores.by_publisher()
    assert set(parts) == {"Post", "Times"}
    assert parts["Post"]["soft_f1"] == 1.0
    assert parts["Times"]["soft_f1"] == 0.0
    assert scores.articles_of("Post") == 2


def test_worst_articles_come_first() -> None:
    scores = corpus([ALL, [SAID], [SAID, TOLD], []])
    worst = scores.worst(2)
    assert [(w.id, w.right, w.missed, w.wrong) for w in worst] == [
        ("a3", 0, 3, 0),
        ("a1", 1, 2, 0),
    ]
    assert scores.worst(1, by="cue")[0].id == "a3"
    with pytest.raises(InputError, match="by: got 'taste'; allowed: source, cue"):
        scores.worst(by="taste")


def test_unknown_metric_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="metric: got 'f1'; allowed: source_precision"):
        report(ALL, ALL).value("f1")


def test_a_system_does_not_differ_from_itself() -> None:
    scores = corpus([ALL, [SAID], [SAID, TOLD], []])
    (difference,) = compare(scores, scores, metrics=["soft_f1"], resamples=100)
    assert (difference.difference, difference.interval, difference.p) == (0.0, (0.0, 0.0), 1.0)


def test_a_system_better_on_every_article_is_better() -> None:
    a, b = corpus([[SAID]] * 8, model="a"), corpus([[SAID, TOLD]] * 8, model="b")
    (difference,) = compare(a, b, metrics=["soft_f1"], resamples=200)
    assert (difference.a, difference.b) == (0.5, pytest.approx(0.8))
    assert difference.difference == pytest.approx(0.3)
    assert difference.interval is not None and difference.interval[0] > 0
    assert difference.p is not None and difference.p < 0.05
    (back,) = compare(b, a, metrics=["soft_f1"], resamples=200)
    assert back.difference == pytest.approx(-0.3)


def test_only_reports_on_the_same_gold_are_compared() -> None:
    other = score_rows([article([SAID], id="a0")], [[SAID]], model="b")
    with pytest.raises(InputError, match="same gold"):
        compare(corpus([ALL]), other)


def test_signature_changes_with_the_gold_and_the_model_only() -> None:
    a, b = corpus([ALL, []]), corpus([[], ALL])
    assert a.signature == b.signature
    assert corpus([ALL]).signature.data != a.signature.data
    assert "model:test@1.0.0" in str(a.signature)
    assert "articles:2" in str(a.signature)
    relabelled = report(ALL, ALL, labelled=frozenset())
    assert relabelled.signature.data != report(ALL, ALL).signature.data


def test_json_holds_everything_and_sums_up_again() -> None:
    scores = corpus([[replace(SAID, confidence=0.8)], ALL])
    data = json.loads(json.dumps(scores.to_json(resamples=20), allow_nan=False))
    assert data["signature"] == str(scores.signature)
    assert data["metrics"]["soft_f1"]["value"] == scores.value("soft_f1")
    assert data["metrics"]["intermediary_f1"]["value"] is None
    tp, pred, gold = (
        sum(a["counts"].get(f"soft.{part}", 0) for a in data["articles"])
        for part in ("tp", "pred", "gold")
    )
    assert 2 * tp / (pred + gold) == scores.value("soft_f1")
    assert set(data["publishers"]) == {"Post", "Times"}


def test_text_shows_scores_signature_and_what_is_undefined() -> None:
    scores = corpus([[replace(SAID, confidence=0.8)], []])
    text = render(scores, worst=1, resamples=20)
    assert str(scores.signature) in text
    soft = next(line for line in text.splitlines() if line.startswith("soft "))
    assert soft.split()[1:4] == ["100.0", "16.7", "28.6"]
    undefined = next(line for line in text.splitlines() if line.startswith("undefined"))
    names = undefined.partition(": ")[2].split(", ")
    assert "intermediary" in names and "soft" not in names
    assert "a1" in text and "a0  " not in text


def test_text_names_articles_that_had_no_prediction() -> None:
    scores = replace(corpus([ALL, []]), missing=("a1",))
    assert "1 gold articles had no prediction and count as empty: a1" in render(scores, resamples=5)


def test_comparison_as_text() -> None:
    a, b = corpus([[SAID]] * 3, model="a@1"), corpus([[SAID, TOLD]] * 3, model="b@1")
    text = render_comparison(a, b, compare(a, b, metrics=["soft_f1"], resamples=20))
    assert "a@1" in text and "b@1" in text
    assert text.splitlines()[-1].split()[:4] == ["soft_f1", "50.0", "80.0", "30.0"]


def test_every_metric_has_a_rule() -> None:
    for metric in measures.METRICS:
        assert measures.rule_of(metric)
    for name in (*measures.OVERLAPS, *measures.SHARES, *measures.CALIBRATION):
        assert f"\n{name}: " in render_rules()
