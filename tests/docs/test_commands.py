"""Every command in the documentation is one that there is, and those that can be run are."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from quotewire.cli.main import commands as quotewire
from tests.cli.conftest import Run
from tests.conftest import ROOT
from tests.docs.commands import PAGES, Command, blocks, commands
from tests.fakes import fake_extractor
from tests.serving.harness import Running, running

ALL = [command for page in PAGES for command in commands(page)]
OURS = [command for command in ALL if command.words[0] == "quotewire"]
# What stands for an address in the pages.
ADDRESS = re.compile(r"^(HOST:PORT|localhost:50051|127\.0\.0\.1:50051)$")

# Other programs, and what holds that their commands are right.
OTHERS = {
    "make": "test_a_target_of_make_is_there",
    "pip": "test_an_extra_is_there",
    "node": "tests/typescript",
    "docker": "tests/deploy takes the files; there is no engine to run them in",
    "kubectl": "tests/deploy holds the manifests; there is no cluster",
    "kustomize": "as kubectl",
    "cd": "as kubectl",
    "grpcurl": "tests/serving calls the same methods and lists them by reflection",
    "protoc": "tried by hand with Debian's packages (docs/clients.md)",
    "mkdir": "as protoc",
    "cp": "as protoc",
    "javac": "as protoc",
    "java": "as protoc",
    "go": "as protoc",
    "build/go/example": "as protoc",
    "find": "as protoc",
    "ls": "as protoc",
    "paste": "as protoc",
    "cat": "joins archives that are not in the repository",
    "python": "tests/evaluation; the stubs by make check",
    "psql": "tests/experiments, against a real server",
}
# Ours that can be run as they stand, with a fake model, and options that keep them from it: a
# browser, certificates, weights, a cluster.  All the others are parsed.
RUN = ("extract", "score", "models", "health")
NOT_HERE = {"--open", "--tls-ca", "--model", "--engine"}
AT_HAND = {"examples/article.txt", "examples/articles.jsonl", "article.txt", "in.jsonl"}


def parsed(words: list[str]) -> None:
    """Reads a command line as click does, up to the point of running it."""
    command: click.Command = quotewire
    context = quotewire.make_context("quotewire", list(words))
    rest = list(words)
    while isinstance(command, click.Group):
        _, following, rest = command.resolve_command(context, rest)
        assert following is not None
        if isinstance(following, click.Group):
            context = following.make_context(following.name, list(rest), parent=context)
        command = following
    try:
        command.make_context(command.name, list(rest), parent=context)
    except click.exceptions.Exit as end:  # --help, --version
        assert end.exit_code == 0


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader may stand: the examples, and every file that a command names."""
    shutil.copytree(
        ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("node_modules")
    )
    shutil.copy(ROOT / "examples" / "article.txt", tmp_path / "article.txt")
    shutil.copy(ROOT / "examples" / "articles.jsonl", tmp_path / "in.jsonl")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(fake_extractor()) as server:
        yield server


def test_the_pages_have_commands() -> None:
    assert len(OURS) > 20
    assert {"extract", "score", "models", "health"} == {c.words[1] for c in RUNNABLE}
    assert {"serve", "train"} <= {c.words[1] for c in OURS}


@pytest.mark.parametrize("command", OURS, ids=str)
def test_a_command_of_ours_is_read(command: Command, desk: Path) -> None:
    words = list(command.words[1:])
    for word in words:  # a file that is asked for has to be there
        if re.fullmatch(r"[\w./~-]+\.(jsonl|gz|toml|txt|json|parquet|csv)", word):
            path = desk / word.lstrip("./~")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    parsed(
        [
            word if not word.startswith(("/", "..")) else str(desk / word.lstrip("./"))
            for word in words
        ]
    )


def can_run(command: Command) -> bool:
    _, name, *words = command.words
    if name not in RUN or NOT_HERE & set(words):
        return False
    return name not in ("extract", "score") or words[0] in AT_HAND


RUNNABLE = [command for command in OURS if can_run(command)]


@pytest.mark.parametrize("command", RUNNABLE, ids=str)
def test_a_command_of_ours_runs(command: Command, desk: Path, server: Running, run: Run) -> None:
    """The server of the pages is a real one around a fake model."""
    words = [server.target if ADDRESS.match(word) else word for word in command.words[1:]]
    if command.words[1] == "score":
        words += ["--workers", "0"]  # the others would load the model by its name
    result = run(*words)
    assert result.exit_code == 0, result.output


def test_every_other_program_is_accounted_for() -> None:
    programs = {command.words[0] for command in ALL} - {"quotewire"}
    unknown = {str(c) for c in ALL if c.words[0] in programs - OTHERS.keys()}
    assert unknown == set(), "say in OTHERS what holds that these commands are right"


def test_a_target_of_make_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    for command in ALL:
        if command.words[0] == "make":
            named = {word for word in command.words[1:] if "=" not in word}
            assert named <= targets, str(command)


def test_an_extra_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for command in ALL:
        for extras in re.findall(r"\[([\w,]+)\]", " ".join(command.words)):
            if command.words[0] == "pip":
                assert set(extras.split(",")) <= project["optional-dependencies"].keys()


# Pages whose Python needs what is not at hand, and what holds that it is right.
NEEDS_MORE = {
    "archives.md": "a scored archive, pandas; tests/batch",
    "evaluation.md": "corpora; tests/evaluation calls the same functions",
    "experiments.md": "a server with an experiment; tests/serving",
    "formats.md": "spaCy; tests/render/formats",
    "outofdomain.md": "archives; tests/evaluation/test_outofdomain.py",
}
PYTHON = [page for page in PAGES if blocks(page, "python") and page.name not in NEEDS_MORE]


@pytest.mark.parametrize("page", PYTHON, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page: Path, desk: Path, server: Running) -> None:
    """One block after the other, as a reader would type them; the shipped model where one loads
    a model."""
    names: dict[str, object] = {}
    for block in blocks(page, "python"):
        code = re.sub(r"localhost:50051|127\.0\.0\.1:50051", server.target, block)
        exec(compile(code, page.name, "exec"), names)
