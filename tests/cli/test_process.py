"""The command line as a process: signals, pipes, start-up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

# The real command line around the fake model, which says "started" once it is asked for its first
# batch and then, with a second argument, never answers.
FAKE = """
    import signal, sys, time
    # Ignored where the shell that runs the tests put them into the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from quotewire.cli.common import Toolbox
    from quotewire.cli.main import main
    from tests.fakes import FakeModel, fake_extractor

    class Slow(FakeModel):
        def score(self, windows):
            print("started", file=sys.stderr, flush=True)
            time.sleep(600)

    model = Slow() if sys.argv[1] == "slow" else FakeModel()
    toolbox = Toolbox(load_extractor=lambda name, *, threads: fake_extractor(model=model))
    main(sys.argv[2:], toolbox=toolbox)
"""


def command(*arguments: str | Path, speed: str = "fast") -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(FAKE), speed, *map(str, arguments)]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    line = json.dumps({"id": "a", "text": "Ann said the road is shut."})
    path.write_text(f"{line}\n" * 5)
    return path


@pytest.fixture
def scoring(source: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of ``score`` that stands in the middle of its work."""
    process = subprocess.Popen(
        command("score", "--workers", "0", source, "--out", tmp_path / "out.jsonl", speed="slow"),
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert any("started" in line for line in process.stderr)
    yield process
    process.kill()
    process.wait()
    process.stderr.close()


def test_a_killed_run_leaves_no_output(
    scoring: subprocess.Popen[str], source: Path, tmp_path: Path
) -> None:
    scoring.send_signal(signal.SIGKILL)
    assert scoring.wait(60) == -signal.SIGKILL
    assert not (tmp_path / "out.jsonl").exists()
    # The next run is not hindered by what the dead one left behind.
    subprocess.run(
        command("score", "--workers", "0", source, "--out", tmp_path / "out.jsonl"),
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
    )
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")]
)
def test_a_stopped_run_cleans_up_and_says_so(
    scoring: subprocess.Popen[str], tmp_path: Path, number: signal.Signals, word: str
) -> None:
    scoring.send_signal(number)
    assert scoring.wait(60) == 128 + number
    assert scoring.stderr is not None
    assert scoring.stderr.read().splitlines() == [f"quotewire: {word}"]
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl.run"}
    assert list(tmp_path.rglob("*.partial")) == []


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """As in ``quotewire extract … | head -1``, with an output larger than a pipe's buffer."""
    article = tmp_path / "article.txt"
    article.write_text("Ann said the road is shut.\n" * 600)
    process = subprocess.Popen(
        command("extract", article, "--format", "json"),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141
    assert errors == b""


def test_python_m_quotewire_tells_its_version_and_commands() -> None:
    def output(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "quotewire", *arguments],
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    import quotewire

    assert output("--version") == f"quotewire {quotewire.__version__}\n"
    for name in ("extract", "score", "serve", "health", "train", "evaluate", "models"):
        assert f"\n  {name} " in output("--help")
        assert output(name, "--help").startswith(f"Usage: quotewire {name} ")


def test_a_mistake_is_told_in_one_line_without_a_traceback() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "quotewire", "extract", "nowhere.txt"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert result.stderr == "quotewire: nowhere.txt: No such file or directory\n"
