"""models.toml: what it may say, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from quotewire.errors import ConfigError
from quotewire.serving.model_table import ModelTable, read_model_table
from tests.conftest import ROOT


def written(folder: Path, content: str) -> Path:
    path = folder / "models.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_without_a_file_the_settings_names_count() -> None:
    assert read_model_table(None, models=["a", "b"]) == ModelTable(("a", "b"))


def test_folders_count_from_the_file_and_other_words_are_names(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    path = written(
        tmp_path,
        'default = "stable"\n[[models]]\nfolder = "mine"\n[[models]]\nfolder = "base"\n'
        '[aliases]\nstable = "base"\n',
    )
    assert read_model_table(path, models=["ignored"]) == ModelTable(
        (str(tmp_path / "mine"), "base"), {"stable": "base"}, "stable"
    )


def test_the_example_can_be_read() -> None:
    table = read_model_table(ROOT / "examples" / "models.toml", models=[])
    assert table.aliases.keys() == {"stable", "canary"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[[models", "no TOML"),
        ("", "models: allowed"),
        ("models = []", "models: allowed"),
        ("model = 1\n", "unknown key 'model'"),
        ("[[models]]\nfolder = 7", r"models\[0\].folder: got 7"),
        ("[[models]]\nname = 'x'", r"models\[0\]: allowed: the key folder"),
        ("[[models]]\nfolder = 'a'\n[[models]]\nfolder = 'a'", "two have the same folder"),
        ("[[models]]\nfolder = 'a'\n[aliases]\nstable = 1", "aliases.stable: got 1"),
        ("[[models]]\nfolder = 'a'\n[aliases]\n'a@b' = 'a'", "without @"),
        ("default = 1\n[[models]]\nfolder = 'a'", "default: got 1"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, content: str, complaint: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_model_table(path, models=[])
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        read_model_table(tmp_path / "none.toml", models=[])
