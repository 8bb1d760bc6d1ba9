from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from quotewire.errors import ConfigError, ModelNotFoundError
from quotewire.extraction.extractor import Extractor
from quotewire.training.command import read_config, train
from quotewire.training.start import start_from
from tests.training.tiny import article, write_base, write_config, write_corpus


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("data"))


def test_a_model_trained_from_another_base_learns_the_rule_of_its_corpus(
    base: Path, data: Path, tmp_path: Path
) -> None:
    config = write_config(
        tmp_path / "c.toml", base=base, data=data, epochs=30, encoder_rate=3e-3, head_rate=5e-3,
        average_decay=0.9, freeze_embeddings="false",
    )  # fmt: skip
    reports = list(train(read_config(config)))
    assert any("alignment" in report.news for report in reports if report.news)
    extractor = Extractor.load(str(tmp_path / "out"))
    assert extractor.info.tag == "tiny@0.0.1"
    text, expected = article(101)
    found = extractor.extract(text).statements
    assert len(found) == len(expected)
    for statement, gold in zip(found, expected, strict=True):
        assert [[s.start, s.end] for s in statement.quote.spans] == gold["content"]
        assert statement.speaker is not None and statement.speaker.mention is not None
        assert [[statement.speaker.mention.start, statement.speaker.mention.end]] == gold["source"]
        via = [[i.mention.start, i.mention.end] for i in statement.intermediaries]
        assert via == ([gold["intermediary"]] if gold["intermediary"] else [])


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    base: Path, data: Path, tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
        path = write_config(folder / "c.toml", base=base, data=data, epochs=3)
        path.write_text("checkpoint_seconds = 0\n" + path.read_text())
    list(train(read_config(whole / "c.toml")))
    for number, report in enumerate(train(read_config(parts / "c.toml"))):
        if report.step and number > 7:
            break  # as if killed; the last step's checkpoint is not written yet
    resumed = list(train(read_config(parts / "c.toml")))
    assert any("going on after step" in report.news for report in resumed if report.news)
    expected = load_file(whole / "out" / "model.safetensors")
    got = load_file(parts / "out" / "model.safetensors")
    assert expected.keys() == got.keys()
    assert all(expected[name].equal(got[name]) for name in expected)


def test_a_checkpoint_of_another_configuration_is_refused(
    base: Path, data: Path, tmp_path: Path
) -> None:
    list(train(read_config(write_config(tmp_path / "c.toml", base=base, data=data, epochs=1))))
    other = write_config(tmp_path / "c.toml", base=base, data=data, epochs=2)
    with pytest.raises(ConfigError, match="another configuration"):
        list(train(read_config(other)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("nonsense = 1\n", "nonsense"),
        ("[schedule\n", "c.toml"),
        ("", "schedule"),
    ],
)
def test_a_broken_configuration_is_named(tmp_path: Path, change: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(change)
    with pytest.raises(ConfigError, match=message):
        read_config(path)


def test_a_base_without_an_encoder_is_refused(data: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.toml", base=tmp_path, data=data, epochs=1)
    with pytest.raises(ConfigError, match=r"config\.json"):
        list(train(read_config(config)))


def test_a_student_keeps_layers_of_its_teacher_and_learns_from_it(
    base: Path, data: Path, tmp_path: Path
) -> None:
    changes = {"encoder_rate": 3e-3, "head_rate": 5e-3, "average_decay": 0.9}
    first = write_config(tmp_path / "c.toml", base=base, data=data, epochs=20, **changes)
    list(train(read_config(first)))
    teacher = tmp_path / "out"
    start = start_from(str(teacher), layers=[1], network=read_config(first).network)
    weights = start.network.state_dict()
    taught = load_file(teacher / "model.safetensors")
    last = "encoder.encoder.layer.{}.output.dense.weight"
    assert weights[last.format(0)].equal(taught[last.format(1)].float())
    assert last.format(1) not in weights
    assert weights["second_look.word.weight"].equal(taught["second_look.word.weight"].float())

    (tmp_path / "student").mkdir()
    second = write_config(
        tmp_path / "student" / "c.toml", base=teacher, data=data, epochs=6, **changes
    )
    second.write_text(f'layers = [1]\nteacher = "{teacher}"\ntrust = 0.7\n' + second.read_text())
    news = [report.news or "" for report in train(read_config(second))]
    assert any("nested" in line for line in news)
    student = Extractor.load(str(tmp_path / "student" / "out"))
    text, expected = article(101)
    assert [
        [[span.start, span.end] for span in statement.quote.spans]
        for statement in student.extract(text).statements
    ] == [gold["content"] for gold in expected]
    assert student.info.parameters < Extractor.load(str(teacher)).info.parameters


@pytest.mark.parametrize(
    ("extra", "message"),
    [("layers = [0]", "layers"), ("teacher = 'nowhere'", "nowhere")],
)
def test_a_student_without_a_teacher_s_folder_is_refused(
    base: Path, data: Path, tmp_path: Path, extra: str, message: str
) -> None:
    config = write_config(tmp_path / "c.toml", base=base, data=data, epochs=1)
    config.write_text(f"{extra}\n" + config.read_text())
    with pytest.raises((ConfigError, ModelNotFoundError), match=message):
        list(train(read_config(config)))
