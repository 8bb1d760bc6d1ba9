"""Tuning, figures and card of a freshly trained model, and the figures again by evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from quotewire.evaluation import read_gold
from quotewire.extraction.extractor import Extractor
from quotewire.extraction.model_folder import read_description
from quotewire.training.calibration import (
    cross_validated_error,
    expected_calibration_error,
    fit_logistic,
)
from quotewire.training.command import read_config, train
from quotewire.training.finish import evaluate_folder
from tests.training.tiny import write_base, write_config, write_corpus


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    """The model folder, the corpus, and the news of the run."""
    home = tmp_path_factory.mktemp("finished")
    data = write_corpus(home / "data", articles=5)
    config = write_config(
        home / "c.toml", base=write_base(home / "base"), data=data, epochs=12,
        encoder_rate=3e-3, head_rate=5e-3, average_decay=0.9, freeze_embeddings="false",
    )  # fmt: skip
    notes = home / "notes.md"
    notes.write_text("- Knows one rule only.\n")
    text = config.read_text().replace("tune = false", f'tune = true\nnotes = "{notes}"')
    config.write_text(text)
    news = [report.news for report in train(read_config(config)) if report.news]
    return home / "out", data, news


def test_the_card_names_what_a_reader_must_know(finished: tuple[Path, Path, list[str]]) -> None:
    card = (finished[0] / "MODEL_CARD.md").read_text()
    for words in ("# tiny 0.0.1", "not cleared for commercial", "Knows one rule", "PolNeAR dev"):
        assert words in card
    assert json.loads((finished[0] / "metrics.json").read_text())["signature"] in card


def test_evaluation_gives_the_figures_of_the_card_again(
    finished: tuple[Path, Path, list[str]],
) -> None:
    folder, data, _ = finished
    gold = read_gold(data / "dev.jsonl.gz", layer=data / "dev_layer.jsonl.gz")
    report = evaluate_folder(folder, gold)
    written = json.loads((folder / "metrics.json").read_text())["metrics"]
    for name, value in report.metrics.items():
        assert written[f"dev.{name}"] == (None if value is None else pytest.approx(value, abs=1e-4))
    served = Extractor.load(str(folder)).info.metrics
    assert served["dev.cue_f1"] == pytest.approx(report.value("cue_f1"), abs=1e-4)


def test_tuning_is_told_and_kept(finished: tuple[Path, Path, list[str]]) -> None:
    folder, _, news = finished
    assert any("cue threshold" in line for line in news)
    assert any("calibration error" in line for line in news)
    assert len(read_description(folder).decoding.calibration) == 8


def test_a_model_that_finds_nothing_gets_its_card_too(tmp_path: Path) -> None:
    data = write_corpus(tmp_path / "data", articles=2)
    config = write_config(
        tmp_path / "c.toml", base=write_base(tmp_path / "base"), data=data, epochs=1
    )
    config.write_text(config.read_text().replace("tune = false", "tune = true"))
    news = [report.news for report in train(read_config(config)) if report.news]
    assert any("nothing to calibrate" in line for line in news)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())["metrics"]
    assert metrics["dev.calibration_error_cross_validated"] is None


def test_logistic_regression_finds_the_weights_that_made_its_data() -> None:
    rng = np.random.default_rng(0)
    features = np.column_stack([np.ones(40_000), rng.normal(size=(40_000, 2))])
    truth = np.array([-0.5, 1.5, -0.7])
    right = (rng.random(40_000) < 1 / (1 + np.exp(-features @ truth))).astype(float)
    assert np.allclose(fit_logistic(features, right), truth, atol=0.06)
    article = rng.integers(0, 100, 40_000)
    assert cross_validated_error(features, right, article) < 0.02


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.9, 0.9, 0.1, 0.1])
    right = np.array([1.0, 0.0, 0.0, 0.0])
    # Two bins of two: |0.9 - 0.5| and |0.1 - 0|, half of the statements each.
    assert expected_calibration_error(confidence, right) == pytest.approx(0.25)
