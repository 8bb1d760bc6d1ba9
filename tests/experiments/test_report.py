"""The report: rows in, figures, findings and words out."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import timedelta

import pytest

from quotewire.errors import InputError
from quotewire.evaluation.rows import GoldArticle, Row
from quotewire.experiments.evidence import LABELLED, PAIRS, SPLIT, Line, Plan
from quotewire.experiments.observations import (
    METRICS,
    Observation,
    observations,
    one_experiment,
    pair_units,
    paired,
    split_units,
)
from quotewire.experiments.plain import to_json
from quotewire.experiments.records import Exposure, Feedback, Role, Verdict
from quotewire.experiments.report import EDITORS, LABELS, Report, build_report
from quotewire.experiments.right import judged_pairs
from quotewire.experiments.segments import MANY
from quotewire.experiments.verdict import Finding, sentences, verdict
from quotewire.types import Act, QuoteKind, Span
from tests.experiments.make import START, exposure, observation, statement, world

EVEN = {"base": 1.0, "small": 1.0}
QUICK = Plan(resamples=200)
BY_NAME = {metric.name: metric for metric in METRICS}


def line_of(report: Report, metric: str) -> Line:
    return next(line for line in report.versus[0].lines if line.metric == metric)


def findings(report: Report) -> dict[str, Finding]:
    return {one.metric: one.finding for one in sentences(report, report.versus[0])}


def feedback(statement_id: str, said: Verdict, *, after_s: int = 0, editor: str = "ed") -> Feedback:
    return Feedback(
        key=f"{statement_id}-{after_s}-{editor}",
        time=START + timedelta(seconds=after_s),
        article_id="x",
        statement_id=statement_id,
        verdict=said,
        editor=editor,
        caller="desk",
    )


# Rows


def test_rows_that_may_not_be_compared_are_left_out_and_counted() -> None:
    rows = [
        exposure("base"),
        exposure("base"),
        exposure("small", "y", override=True),
        exposure("small", "z", error="CANCELLED"),
        exposure("small", "w", error="INTERNAL"),
    ]
    seen, left_out = observations(rows)
    assert [(one.variant, one.error) for one in seen] == [("base", None), ("small", "INTERNAL")]
    assert (left_out.twice, left_out.overridden, left_out.cancelled) == (1, 1, 1)


def test_the_latest_verdict_counts_for_everybody_who_has_the_statement() -> None:
    both = (statement(0), statement(100))
    rows = [
        exposure("base", statements=both),
        exposure("small", role=Role.SHADOW, statements=both[:1]),
    ]
    said = [
        feedback("s0", Verdict.REJECTED, after_s=9, editor="late"),
        feedback("s0", Verdict.ACCEPTED, after_s=5),
        feedback("s100", Verdict.CORRECTED),
        feedback("elsewhere", Verdict.ACCEPTED),
    ]
    seen, _ = observations(rows, said)
    assert seen[0].verdicts == {"s0": Verdict.REJECTED, "s100": Verdict.CORRECTED}
    assert seen[1].verdicts == {"s0": Verdict.REJECTED}
    assert BY_NAME["rejection"].count(seen[0]) == (1.0, 2.0)
    assert BY_NAME["acceptance"].count(seen[0]) == (0.0, 2.0)


def test_one_experiment_and_its_latest_salt() -> None:
    old = exposure("base", "old", salt="2026-10", time=START - timedelta(days=1))
    rows = [old, exposure("base"), exposure("base", "e", experiment="another")]
    assert one_experiment(rows, name="small-or-base") == [rows[1]]
    assert one_experiment(rows, name="small-or-base", salt="2026-10") == [old]
    for wrong in ({}, {"name": "none"}, {"name": "another", "salt": "2026-10"}):
        with pytest.raises(InputError):
            one_experiment(rows, **wrong)


def test_a_pair_is_one_article_of_one_call_once() -> None:
    def row(variant: str, call: int, **fields: object) -> Observation:
        return observation(variant, "x", pair=f"c{call}", **fields)

    seen = [row("base", 1), row("small", 1), row("base", 2, length=7), row("small", 2)]
    seen += [row("base", 3), row("small", 3, error="INTERNAL"), row("base", 4)]
    pairs = list(paired(seen, a="base", b="small"))
    assert [(a.pair, b.pair, a.length) for a, b in pairs] == [("c2", "c2", 7)]


def test_a_publisher_drawn_as_a_whole_is_one_unit() -> None:
    seen = [
        observation(variant, f"{variant}{n}", unit=f"{variant}-{n % 2}", statements=(statement(),))
        for variant in ("base", "small")
        for n in range(10)
    ]
    seen.append(observation("small", "shadow", role=Role.SHADOW, statements=(statement(),)))
    units = split_units(seen, BY_NAME["statements"], a="base", b="small")
    assert units.tolist() == [[5, 5, 0, 0], [5, 5, 0, 0], [0, 0, 5, 5], [0, 0, 5, 5]]


def test_what_a_failed_article_counts() -> None:
    failed = observation("base", error="INTERNAL", seconds=1.0)
    counts = {name: metric.count(failed) for name, metric in BY_NAME.items()}
    assert counts.pop("errors") == (1.0, 1.0)
    assert set(counts.values()) == {None}


def test_counts_of_an_answer() -> None:
    seen = observation("base", statements=(statement(0, via=2), statement(100, via=1)), seconds=0.5)
    assert BY_NAME["statements"].count(seen) == (2.0, 1.0)
    assert BY_NAME["intermediaries"].count(seen) == (3.0, 1.0)
    assert BY_NAME["intermediaries_per_statement"].count(seen) == (3.0, 2.0)
    assert BY_NAME["seconds"].count(seen) == (0.5, 1.0)
    assert BY_NAME["acceptance"].count(seen) is None
    units = pair_units([(seen, observation("small"))], BY_NAME["intermediaries"])
    assert units.tolist() == [[3, 1, 0, 1]]


# Findings


def test_a_planted_difference_is_found_and_nothing_else() -> None:
    report = build_report(world(1500, intermediaries=1.1), title="t", weights=EVEN, plan=QUICK)
    found = findings(report)
    assert found["intermediaries"] is Finding.MORE
    assert found["intermediaries_per_statement"] is Finding.MORE
    assert found["statements"] is Finding.NO_DIFFERENCE  # they are the same ones
    assert found["acceptance"] is Finding.UNCLEAR  # 1 point takes more articles than these
    line = line_of(report, "intermediaries")
    assert line.design == PAIRS and line.comparison.always is not None
    assert line.comparison.always[0] < 0.1 < line.comparison.always[1]
    words = verdict(report, report.versus[0])
    assert words.startswith("small finds ") and "more intermediaries per article [+" in words
    assert "more days" in words  # what acceptance still needs


def test_a_difference_in_acceptance_is_found_on_what_each_served() -> None:
    report = build_report(
        world(1500, acceptance=(0.6, 0.8), shadow=False), title="t", weights=EVEN, plan=QUICK
    )
    line = line_of(report, "acceptance")
    assert line.design == SPLIT and findings(report)["acceptance"] is Finding.MORE
    said = next(one for one in sentences(report, report.versus[0]) if one.metric == "acceptance")
    assert said.good is True
    rejected = next(one for one in sentences(report, report.versus[0]) if one.metric == "rejection")
    assert rejected.finding is Finding.FEWER and rejected.good is True
    assert not report.versus[0].pairs


def test_a_model_against_itself_differs_in_nothing() -> None:
    for seed in range(5):
        report = build_report(world(600, seed=seed), title="t", weights=EVEN, plan=QUICK)
        assert {Finding.MORE, Finding.FEWER}.isdisjoint(findings(report).values()), seed


def test_with_a_hundred_thousandth_of_a_point_wanted_no_difference_is_ever_claimed() -> None:
    seen = world(800, acceptance=(0.8, 0.8))
    wide = build_report(seen, title="t", plan=Plan(precision=0.2, resamples=200))
    narrow = build_report(seen, title="t", plan=Plan(precision=1e-7, resamples=200))
    assert findings(wide)["acceptance"] is Finding.NO_DIFFERENCE
    assert findings(narrow)["acceptance"] is Finding.UNCLEAR
    words = verdict(wide, wide.versus[0])
    assert words.startswith("No difference in acceptance beyond ±20.0 points [")


def test_too_little_data_is_said() -> None:
    report = build_report(
        world(60, intermediaries=5.0, acceptance=(0.1, 0.9)), title="t", weights=EVEN, plan=QUICK
    )
    assert set(findings(report).values()) == {Finding.TOO_LITTLE}
    assert verdict(report, report.versus[0]) == (
        "Too little data to compare small with base: 60 articles; nothing is said below 100."
    )
    assert all(line.corrected is None for line in report.versus[0].lines)


def test_a_wrong_split_is_told_first() -> None:
    report = build_report(
        world(2500, share_b=0.58, shadow=False), title="t", weights=EVEN, plan=QUICK
    )
    assert report.split is not None and report.split.mismatch
    assert report.warnings[0].startswith("The traffic is not split as the weights ask for")
    fair = build_report(world(2500, shadow=False), title="t", weights=EVEN, plan=QUICK)
    assert fair.split is not None and not fair.split.mismatch
    unknown = build_report(world(300, shadow=False), title="t", plan=QUICK)
    assert unknown.split is None and "was not tested" in unknown.warnings[0]


def test_two_models_under_one_name_and_many_segments_are_warned_of() -> None:
    seen = world(300)
    seen[5] = replace(seen[5], model="quotewire-base@2.0.0")
    report = build_report(seen, title="t", weights=EVEN, plan=QUICK)
    assert any("was not one model but 2" in words for words in report.warnings)
    assert len(report.versus[0].segments) > MANY
    assert any("by chance alone" in words for words in report.warnings)
    divisions = {part.division for part in report.versus[0].segments}
    assert divisions == {"publisher", "length", "quotes"}  # no sections in these articles


def test_a_difference_in_one_kind_of_quote_is_seen_there() -> None:
    seen = []
    for one in world(600, seed=3):
        via = [s for s in one.statements if s.quote.kind is QuoteKind.INDIRECT]
        if one.variant == "small":
            more = tuple(
                statement(int(s.id[1:]), via=len(s.intermediaries) + (s in via), kind=s.quote.kind)
                for s in one.statements
            )
            one = replace(one, statements=more)
        seen.append(one)
    report = build_report(seen, title="t", plan=QUICK)
    by_kind = {
        part.value: part.line
        for part in report.versus[0].segments
        if part.division == "quotes" and part.line.metric == "intermediaries"
    }
    corrected = by_kind["indirect"].corrected
    assert corrected is not None and corrected < 0.001
    assert by_kind["direct"].comparison.same and by_kind["mixed"].comparison.same


def test_the_baseline_is_the_readers_choice() -> None:
    seen = world(300, intermediaries=1.3)
    forth = build_report(seen, title="t", weights=EVEN, plan=QUICK)
    back = build_report(seen, title="t", weights=EVEN, baseline="small", plan=QUICK)
    a, b = (line_of(one, "intermediaries").comparison.effect for one in (forth, back))
    assert a is not None and b is not None
    assert (1 + a) * (1 + b) == pytest.approx(1.0)
    with pytest.raises(InputError, match="baseline"):
        build_report(seen, title="t", baseline="none")
    with pytest.raises(InputError, match="observations"):
        build_report([], title="t")


def test_three_variants_are_corrected_together() -> None:
    seen = world(500, intermediaries=1.2)
    third = [replace(one, variant="third") for one in seen if one.variant == "small"]
    two = build_report(seen, title="t", baseline="base", plan=QUICK)
    three = build_report([*seen, *third], title="t", baseline="base", plan=QUICK)
    assert [one.b for one in three.versus] == ["small", "third"]
    p2 = line_of(two, "acceptance").corrected
    assert p2 is not None
    line2, line3 = (line_of(one, "intermediaries") for one in (two, three))
    assert line2.p == line3.p
    assert line2.corrected is not None and line3.corrected is not None
    assert line3.corrected > line2.corrected


def test_days_are_those_of_the_log() -> None:
    short = build_report(world(500, days=0.1), title="t", weights=EVEN, plan=QUICK)
    words = verdict(short, short.versus[0])
    assert "days" not in words and "more articles needed for ±1.0 points" in words
    line = line_of(short, "acceptance")
    assert line.needed is not None and f"{line.needed - line.comparison.units:,} more" in words


def test_a_set_of_articles_that_does_not_grow_is_looked_at_once() -> None:
    seen = world(80, intermediaries=1.5)
    growing, settled = (
        build_report(seen, title="t", plan=replace(QUICK, sequential=sequential))
        for sequential in (True, False)
    )
    assert findings(growing)["intermediaries"] is Finding.TOO_LITTLE
    assert findings(settled)["intermediaries"] is Finding.MORE
    lines = [line_of(one, "statements") for one in (growing, settled)]
    assert [line.fewest for line in lines] == [100, 50]
    many = [
        line_of(
            build_report(world(200), title="t", plan=replace(QUICK, sequential=s)), "acceptance"
        )
        for s in (True, False)
    ]
    assert many[0].interval == many[0].comparison.always
    assert many[1].interval == many[1].comparison.once
    assert many[0].needed is not None and many[1].needed is not None
    assert many[0].needed > 2 * many[1].needed


# Who was right


def test_right_and_wrong_by_editors_verdicts() -> None:
    shown = (statement(0), statement(100), statement(200), statement(300), statement(400, via=1))
    said = {
        "s0": Verdict.ACCEPTED,
        "s100": Verdict.ACCEPTED,
        "s200": Verdict.REJECTED,
        "s300": Verdict.CORRECTED,
        "s400": Verdict.ACCEPTED,
    }
    a = observation("base", statements=shown, verdicts=said)
    # The shadow lacks s100 and s200, reads s300 otherwise and s400 with no intermediary.
    b = observation(
        "small", role=Role.SHADOW, statements=(shown[0], statement(300, via=1), statement(400))
    )
    assert list(judged_pairs([(a, b)])) == [
        ("x", True, True),
        ("x", True, False),
        ("x", False, True),
        ("x", True, False),
    ]


def test_choices_from_editors_and_labels_stand_in_the_report() -> None:
    report = build_report(
        world(400, judged=0.5),
        title="t",
        choices={("base", "small"): [("x1", False, True)] * 3 + [("x2", True, True)]},
        baseline="base",
        plan=QUICK,
    )
    tests = report.versus[0].choices
    assert tests[LABELS].only_b == 3 and tests[LABELS].p == 1.0  # one article alone
    assert tests[EDITORS].items > 100


# Labelled articles


def test_f1_on_labelled_articles_by_hand() -> None:
    """Ten articles of two gold statements; A finds one of them, B both and one that is none."""
    text = "x" * 2000
    gold, seen = [], []
    for n in range(10):
        rows = tuple(
            Row(
                cue=Span(at + 10, at + 20),
                sources=(Span(at, at + 10),),
                content=(Span(at + 20, at + 30),),
                act=Act.STATEMENT,
            )
            for at in (0, 100)
        )
        gold.append(GoldArticle(id=f"x{n}", text=text, rows=rows, labelled=frozenset({"act"})))
        for variant, places in (("base", (0,)), ("small", (0, 100, 200))):
            seen.append(
                observation(
                    variant,
                    f"x{n}",
                    statements=tuple(statement(at) for at in places),
                    all_acts=True,
                )
            )
    seen.append(observation("base", "unlabelled"))
    seen.append(observation("small", "unlabelled"))
    report = build_report(seen, title="t", baseline="base", gold=gold, plan=QUICK)
    line = line_of(report, "soft_f1")
    assert report.versus[0].gold_articles == 10 and line.design == LABELLED and not line.sequential
    assert line.comparison.a == pytest.approx(2 / 3) and line.comparison.b == pytest.approx(4 / 5)
    assert line.comparison.units == 10 and findings(report)["soft_f1"] is Finding.TOO_LITTLE
    # Answers without attitudes are not asked for attitudes.
    some = [replace(one, all_acts=False) for one in seen]
    without = build_report(some, title="t", baseline="base", gold=gold, plan=QUICK)
    names = {line.metric for line in without.versus[0].lines if line.design == LABELLED}
    assert names == {"soft_statements_f1"}


# Forms


def test_json_holds_everything_and_nothing_that_json_cannot() -> None:
    report = build_report(world(300), title="t", salt="s", weights=EVEN, plan=QUICK)
    plain = to_json(report)
    text = json.dumps(plain, allow_nan=False)
    again = json.loads(text)
    assert again["format"] == "quotewire-experiment-report/1"
    versus = again["versus"][0]
    assert versus["verdict"] == verdict(report, report.versus[0])
    lines = {line["metric"]: line for line in versus["lines"]}
    effect = line_of(report, "acceptance").comparison.effect
    assert effect is not None and math.isclose(lines["acceptance"]["comparison"]["effect"], effect)
    assert again["split"]["p"] > 0.001 and again["split_mismatch"] is False


def as_exposures(seen: list[Observation]) -> list[Exposure]:
    return [
        exposure(
            one.variant,
            one.article,
            role=one.role,
            statements=one.statements,
            time=one.time,
            seconds=one.seconds,
        )
        for one in seen
    ]


def test_a_log_gives_the_same_as_its_observations() -> None:
    direct = world(200, judged=0.0)
    through, _ = observations(as_exposures(direct))
    reports = [build_report(one, title="t", plan=QUICK) for one in (direct, through)]
    values = [line_of(one, "intermediaries").comparison for one in reports]
    assert values[0].effect == values[1].effect and values[0].units == values[1].units
