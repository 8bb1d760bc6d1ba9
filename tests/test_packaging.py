"""Versions do not drift, and a wheel carries what it needs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import quotewire
from tests.conftest import ROOT


def test_the_changelog_tells_of_the_version() -> None:
    released = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$",
        (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    assert released[0] == quotewire.__version__
    ordered = sorted(released, key=lambda v: tuple(map(int, v.split("."))), reverse=True)
    assert released == ordered


def test_the_installed_version_is_the_package_s() -> None:
    assert version("quotewire") == quotewire.__version__


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a build needs of the checkout, with a small stand-in for the model."""
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(
        ROOT / "service", tmp_path / "service", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def give_model(checkout: Path, name: str) -> None:
    folder = checkout / "models" / name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    (folder / "ranges.safetensors").write_bytes(b"ranges")


def test_a_wheel_carries_the_models_and_the_type_marker(checkout: Path) -> None:
    give_model(checkout, "quotewire-base")
    give_model(checkout, "quotewire-small")
    (checkout / "models" / "notes").mkdir()
    (checkout / "models" / "labels").mkdir()
    (checkout / "models" / "labels" / "polnear_relays.jsonl").write_text("{}")
    (wheel,) = WheelBuilder(str(checkout)).build(
        directory=str(checkout / "dist"), versions=["standard"]
    )
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "quotewire/py.typed",
        "quotewire/cli/main.py",
        "quotewire/_models/quotewire-base/model.safetensors",
        "quotewire/_models/quotewire-base/config.json",
        "quotewire/_models/quotewire-base/ranges.safetensors",
        "quotewire/_models/quotewire-small/model.safetensors",
    } <= names
    assert not any(
        name.startswith(
            ("quotewire/_models/notes", "quotewire/_models/labels", "models/", "tests/")
        )
        for name in names
    )


def test_no_wheel_without_its_default_model(checkout: Path) -> None:
    give_model(checkout, "other")
    with pytest.raises(
        FileNotFoundError, match=r"no wheel without its default model.*quotewire-base"
    ):
        list(WheelBuilder(str(checkout)).build(directory=str(checkout), versions=["standard"]))


def test_an_editable_install_needs_no_model(checkout: Path) -> None:
    (wheel,) = WheelBuilder(str(checkout)).build(
        directory=str(checkout / "dist"), versions=["editable"]
    )
    assert not any("_models" in name for name in zipfile.ZipFile(wheel).namelist())


def test_a_source_distribution_can_be_built_into_a_wheel(checkout: Path, tmp_path: Path) -> None:
    give_model(checkout, "quotewire-base")
    (sdist,) = SdistBuilder(str(checkout)).build(directory=str(checkout / "dist"))
    shutil.unpack_archive(sdist, checkout / "unpacked", filter="data")
    (root,) = (checkout / "unpacked").iterdir()
    (wheel,) = WheelBuilder(str(root)).build(directory=str(root), versions=["standard"])
    assert "quotewire/_models/quotewire-base/model.safetensors" in zipfile.ZipFile(wheel).namelist()


def test_importing_the_package_stays_light() -> None:
    """torch and grpc come with the first use, not with ``import quotewire`` or ``--help``."""
    code = (
        "import sys, quotewire, quotewire.cli.main; "
        "print(*{'torch', 'grpc', 'transformers', 'numpy', 'rich'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""


def test_the_extractor_is_exported_lazily() -> None:
    from quotewire.answers import Extractor

    assert quotewire.Extractor is Extractor
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = quotewire.no_such_name
