"""``quotewire evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, one_line

TEXTS = {
    "a": "Ann Lee told Reuters the road is shut.\n\nLee wants it open.",
    "b": "Bob said the bridge is old.",
}


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def predictions(run: Run, tmp_path: Path) -> Path:
    source = write(tmp_path / "in.jsonl", [{"id": id, "text": t} for id, t in TEXTS.items()])
    result = run(
        "score", "--workers", "0", source, "--out", tmp_path / "pred.jsonl", "--acts", "all"
    )
    assert result.exit_code == 0, result.stderr
    return tmp_path / "pred.jsonl"


@pytest.fixture
def gold(predictions: Path, tmp_path: Path) -> Path:
    """Gold that agrees with the fake model, but for one article's source."""
    lines = [json.loads(line) for line in predictions.read_text().splitlines()]
    for line in lines:
        line["text"] = TEXTS[line["id"]]
    lines[1]["statements"][0]["speaker"]["mention"].update(start=9, end=19, text="the bridge")
    return write(tmp_path / "gold.jsonl", lines)


def metrics(output: str) -> dict[str, float | None]:
    return {name: entry["value"] for name, entry in json.loads(output)["metrics"].items()}


def test_predictions_against_gold(run: Run, gold: Path, predictions: Path) -> None:
    result = run("evaluate", "--gold", gold, "--pred", predictions, "--json")
    assert result.exit_code == 0, result.output
    scores = metrics(result.stdout)
    assert scores["cue_f1"] == scores["content_f1"] == scores["intermediary_f1"] == 1.0
    assert scores["source_f1"] == pytest.approx(2 / 3)


def test_the_text_shows_the_signature_and_the_same_figures(
    run: Run, gold: Path, predictions: Path
) -> None:
    result = run("evaluate", "--gold", gold, "--pred", predictions, "--worst", "1")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("data:") and "model:fake@1.0.0" in result.stdout.splitlines()[0]
    (source,) = [line for line in result.stdout.splitlines() if line.startswith("source ")]
    assert source.split()[1:4] == ["66.7", "66.7", "66.7"]


def test_a_model_goes_the_same_way_as_its_scored_lines(
    run: Run, gold: Path, predictions: Path
) -> None:
    by_file = run("evaluate", "--gold", gold, "--pred", predictions, "--json")
    by_model = run("evaluate", "--gold", gold, "--model", "fake", "--json")
    assert by_model.exit_code == 0, by_model.output
    assert json.loads(by_model.stdout) == json.loads(by_file.stdout)


def test_texts_in_a_file_of_their_own(
    run: Run, gold: Path, predictions: Path, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in gold.read_text().splitlines()]
    bare = write(tmp_path / "bare.jsonl", [{**line, "text": None} for line in lines])
    for line in lines:
        line.pop("text")
    write(bare, lines)
    result = run(
        "evaluate", "--gold", bare, "--texts", tmp_path / "in.jsonl", "--pred", predictions
    )
    assert result.exit_code == 0, result.output


def test_missing_predictions_are_refused_unless_allowed(
    run: Run, gold: Path, predictions: Path
) -> None:
    predictions.write_text(predictions.read_text().splitlines()[0] + "\n")
    refused = run("evaluate", "--gold", gold, "--pred", predictions)
    assert refused.exit_code == 2
    assert "1 of 2 gold articles" in one_line(refused)
    allowed = run("evaluate", "--gold", gold, "--pred", predictions, "--allow-missing", "--json")
    assert json.loads(allowed.stdout)["missing"] == ["b"]


def test_two_sets_of_predictions_are_compared(
    run: Run, gold: Path, predictions: Path, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in predictions.read_text().splitlines()]
    lines[0]["statements"] = []
    worse = write(tmp_path / "worse.jsonl", lines)
    result = run("evaluate", "--gold", gold, "--pred", predictions, "--compare", worse)
    assert result.exit_code == 0, result.output
    (cue,) = [line for line in result.stdout.splitlines() if line.startswith("cue_f1 ")]
    assert cue.split()[1:4] == ["100.0", "50.0", "-50.0"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--pred", "pred.jsonl", "--model", "fake"],
        ["--model", "fake", "--compare", "pred.jsonl"],
        ["--pred", "pred.jsonl", "--compare", "pred.jsonl", "--json"],
        ["--pred", "nowhere.jsonl"],
        ["--pred", "pred.jsonl", "--layer", "nowhere.jsonl"],
        ["--pred", "broken.jsonl"],
        ["--model", "nonesuch"],
    ],
)
def test_wrong_usage(
    run: Run, gold: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(gold.parent)
    Path("broken.jsonl").write_text("{\n")
    result = run("evaluate", "--gold", "gold.jsonl", *arguments)
    assert result.exit_code == 2
    assert result.stderr and "Traceback" not in result.stderr
    assert result.stdout == ""


def test_mistakes_are_listed_by_kind_with_their_words(
    run: Run, gold: Path, predictions: Path
) -> None:
    result = run("evaluate", "--gold", gold, "--pred", predictions, "--mistakes", "5")
    assert result.exit_code == 0, result.output
    assert "     1  other speaker" in result.stdout and "     0  missed" in result.stdout
    assert "gold: [the bridge] {said} the bridge is old" in result.stdout
    assert "predicted: [Bob] {said} the bridge is old" in result.stdout
    both = run("evaluate", "--gold", gold, "--pred", predictions, "--mistakes", "5", "--json")
    assert both.exit_code == 2 and "--mistakes" in one_line(both)


def test_robustness_scores_the_same_gold_with_spoilt_texts(run: Run, gold: Path) -> None:
    result = run("robustness", "--gold", gold)
    assert result.exit_code == 0, result.output
    rows = {line[:30].strip(): line.split()[-9:] for line in result.stdout.splitlines()[2:]}
    assert rows["as it is"][1] == rows["paragraph breaks lost"][1] == "100.0"
    # The fake model knows lower-case cues only.
    assert rows["upper-cased"][1] == "0.0"
