"""QUOTEWIRE_PRECISION where a command loads the model itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from quotewire.cli.common import Toolbox
from quotewire.errors import ConfigError
from tests.training.tiny import write_base, write_config, write_corpus


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from quotewire.training.command import read_config, train

    folder = tmp_path_factory.mktemp("model")
    data, base = write_corpus(folder / "data", articles=2), write_base(folder / "base")
    list(train(read_config(write_config(folder / "c.toml", base=base, data=data, epochs=1))))
    return folder / "out"


def test_the_model_runs_in_what_the_environment_says_and_a_run_knows(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = Toolbox()
    monkeypatch.delenv("QUOTEWIRE_PRECISION", raising=False)
    automatic = tools.identify_model(str(model))
    monkeypatch.setenv("QUOTEWIRE_PRECISION", "auto")
    assert tools.identify_model(str(model)) == automatic
    digests = {automatic[1]}
    for precision in ("fp32", "bf16", "int8"):
        monkeypatch.setenv("QUOTEWIRE_PRECISION", precision)
        tag, digest = tools.identify_model(str(model))
        assert tag == automatic[0]
        digests.add(digest)
    assert len(digests) == 4
    monkeypatch.setenv("QUOTEWIRE_PRECISION", "fp32")
    assert tools.load_extractor(str(model), threads=None).precision == "fp32"


def test_another_precision_is_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUOTEWIRE_PRECISION", "fp64")
    words = "QUOTEWIRE_PRECISION: got 'fp64'; allowed: auto, fp32, bf16, int8"
    with pytest.raises(ConfigError, match=words):
        Toolbox().load_extractor(str(model), threads=None)
    with pytest.raises(ConfigError, match=words):
        Toolbox().identify_model(str(model))
