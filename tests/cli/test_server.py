"""``quotewire extract --server`` and ``quotewire serve``."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run, one_line
from tests.conftest import ROOT
from tests.fakes import fake_extractor
from tests.serving.harness import running

TEXT = "🙂 Ann Lee told Reuters the road is shut.\n\nLee wants it open."


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "article.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """A server with two models, the first one the default."""
    with running(fake_extractor(), fake_extractor("other", "2.0.0")) as server:
        yield server.target


def test_a_server_gives_the_same_line_as_the_embedded_model(
    run: Run, article: Path, target: str
) -> None:
    for arguments in (["--acts", "all"], ["--min-confidence", "0.99"], ["--title", "Shut"]):
        command = ["extract", article, "--format", "json", *arguments]
        here, there = run(*command), run(*command, "--server", target)
        assert there.exit_code == 0, there.stderr
        assert json.loads(there.stdout) == json.loads(here.stdout)


def test_a_server_s_models_are_named_by_model(run: Run, article: Path, target: str) -> None:
    assert "fake@1.0.0" in run("extract", article, "--server", target).stdout
    assert "other@2.0.0" in run("extract", article, "--server", target, "--model", "other").stdout
    result = run("extract", article, "--server", target, "--model", "nonesuch")
    assert result.exit_code == 2
    assert "'nonesuch' not found; known: fake@1.0.0, other@2.0.0" in one_line(result)


def test_a_server_that_is_not_there(run: Run, article: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but not listening
        target = f"127.0.0.1:{nobody.getsockname()[1]}"
        result = run("extract", article, "--server", target)
    assert result.exit_code == 1
    assert one_line(result).startswith("quotewire: ")


def test_health_says_whether_a_server_is_ready(run: Run, target: str) -> None:
    result = run("health", target)
    assert (result.exit_code, result.stdout) == (0, "SERVING\n")
    with running(ready=False) as starting:
        result = run("health", starting.target)
        assert result.exit_code == 1
        assert one_line(result) == f"quotewire: {starting.target}: NOT_SERVING"
    result = run("health", starting.target)
    assert result.exit_code == 1
    assert "UNAVAILABLE" in one_line(result)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "port: got 70000; allowed: 0 to 65535"),
        (["--port", "http"], "--port"),
        (["--threads", "0"], "model_threads: got 0"),
        (["--precision", "fp64"], "precision: got 'fp64'; allowed: auto, fp32, bf16, int8"),
    ],
)
def test_settings_out_of_range(run: Run, arguments: list[str], words: str) -> None:
    result = run("serve", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_setting_of_the_environment_out_of_range(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUOTEWIRE_WORKERS", "many")
    result = run("serve")
    assert result.exit_code == 2
    assert one_line(result) == "quotewire: QUOTEWIRE_WORKERS: got 'many'; allowed: a whole number"


def test_serving_an_unknown_model() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "quotewire", "serve", "--port", "0", "--model", "nonesuch"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("quotewire: model 'nonesuch' not found;")
    assert "Traceback" not in result.stderr


def test_the_demo_starts_a_server_asks_it_and_stops_it() -> None:
    """What ``make demo`` runs, with the real model."""
    result = subprocess.run(
        ["scripts/demo.sh"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("server ready on 127.0.0.1:")
    assert lines[-1] == "server stopped"
    address = lines[0].split()[3].rstrip(";")
    with socket.socket() as probe:
        host, port = address.split(":")
        assert probe.connect_ex((host, int(port))) != 0
    # Statements of the sample article, nobody's confidence asked: who, through whom.
    assert any("Okafor" in line and "Bloomberg (outlet)" in line for line in lines)
    assert any("↳" in line for line in lines)
