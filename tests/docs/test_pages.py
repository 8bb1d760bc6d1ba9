"""Every command and every snippet of the documentation runs, or stands in a list below that says
why it cannot."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry

from quotewire.cli.main import commands as quotewire
from quotewire.experiments.configuration import read_experiments
from quotewire.experiments.records import exposure_from_json, statement_from_json
from quotewire.extraction.extractor import Extractor
from quotewire.serving.channels import SERVICE_CONFIG
from quotewire.serving.clients import read_clients
from quotewire.serving.model_table import read_model_table
from tests.conftest import ROOT
from tests.docs import scratch
from tests.docs.session import Session
from tests.docs.steps import COMMENTED, PAGES, Step, loose, steps
from tests.serving.harness import Running, running

ALL = [step for page in [*PAGES, *COMMENTED] for step in steps(page)]

# Commands that are not run, by the reason.  Ours among them are still read by the command line.
NOT_RUN: dict[str, list[str]] = {
    "would fetch from a registry; test_an_extra_is_there, and `make test` installs nearly all": [
        "pip install '.[desk]'",
        "pip install '.[train]'",
        "pip install '.[experiments]'",
        "pip install 'quotewire[archive]'",
        "pip install 'quotewire[archive,ray]'",
        "pip install 'quotewire[desk]'",
        "pip install 'quotewire[experiments]'",
        "pip install 'quotewire[spacy]'",
        "npm install",
    ],
    "this is what runs the tests, and CI runs both": ["make test", "make check"],
    "minutes and corpora; tests/test_bench.py, tests/load, tests/chaos and tests/experiments run "
    "the same programs with less": [
        "make soak",
        "make bench",
        "make bench BENCH='--articles 10 --repeats 2 --only matmul,batch'",
        "python -m scripts.bench --archive my.jsonl --model my-model",
        "python -m scripts.bench.picture",
        "make ab-demo",
    ],
    "a Ray cluster; tests/batch/test_crash.py starts one and runs these options on it": [
        "quotewire score news/ --out scored --engine ray --address auto",
        "quotewire score s3://bucket/2004/ --out /shared/scored --engine ray --address auto",
    ],
    "no container engine; tests/deploy takes the files": [
        "docker compose up --build",
        "docker compose run --rm client",
        "docker compose run --rm client extract --server quotewire:50051 - < article.txt",
        "docker compose -f docker-compose.yml -f deploy/tls/docker-compose.yml up --build",
        "QUOTEWIRE_TLS_FOLDER=/etc/quotewire/tls "
        "docker compose -f docker-compose.yml -f deploy/tls/docker-compose.yml up --build",
        "docker build -t YOUR/quotewire:0.1.0 . && docker push YOUR/quotewire:0.1.0",
        "docker build -t quotewire .",
        "docker run --read-only --tmpfs /tmp -p 127.0.0.1:50051:50051 quotewire",
    ],
    "no cluster; tests/deploy holds the manifests": [
        "(cd deploy/kubernetes && kustomize edit set image quotewire=YOUR/quotewire:0.1.0)",
        "kubectl apply -k deploy/kubernetes",
        "kubectl apply -k deploy/kubernetes-tls",
    ],
    "grpcurl is no Debian package; tests/serving calls both, and reads the reflection": [
        "grpcurl -plaintext localhost:50052 quotewire.v1.AdminService/Reload",
        "grpcurl -plaintext localhost:50052 quotewire.v1.AdminService/GetState",
    ],
    "compilers that `make test` does not install; tried by hand (docs/clients.md says with what)": [
        "protoc -I protos --go_out=. --go-grpc_out=. protos/quotewire/v1/*.proto",
        "protoc -I protos --java_out=. --grpc-java_out=. protos/quotewire/v1/*.proto",
        "mkdir -p build/java && protoc -I protos --java_out=build/java …",
        "jars=$(ls /usr/share/java/{grpc-{api,context,core,netty,protobuf,protobuf-lite,stub},…",
        "javac -cp …",
        "java -cp …",
        "mkdir -p build/go/src/example && protoc -I protos --go_out=build/go/src …",
        "cp examples/go/main.go build/go/src/example",
        'GO111MODULE=off GOPATH="$PWD/build/go:/usr/share/gocode" go build …',
        "build/go/example localhost:50051 < examples/article.txt",
    ],
}
# Snippets that are not run, by their first line: the page, and the reason.
NOT_RUN_SNIPPETS = {
    'statements = spark.read.parquet("scored/statements")': ("archives.md", "needs Spark and Java"),
    "import gzip, json, random, re": ("outofdomain.md", "draws from archives that are not here"),
}
# What is shown and is nothing to run: output, and drawings of letters.
SHOWN = ("text", "")


def is_listed(step: Step) -> bool:
    if step.language != "sh":
        return (step.text.splitlines() or [""])[0] in NOT_RUN_SNIPPETS
    return any(fits(step, one) for ones in NOT_RUN.values() for one in ones)


def fits(step: Step, listed: str) -> bool:
    """Whether it is that command; one that ends in … is only its beginning."""
    begin, more, _ = listed.partition("…")
    return step.text.startswith(begin) if more else step.text == listed


class Bucket(MemoryFileSystem):  # type: ignore[misc]
    """Stands for an object store."""

    protocol = "s3"
    store: dict[str, Any] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("s3://")))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The shipped quotewire-small, recording verdicts."""
    log = str(tmp_path_factory.mktemp("log"))
    with running(Extractor.load("quotewire-small"), experiments_log=log) as server:
        yield server


@pytest.fixture(scope="module")
def bucket() -> Iterator[None]:
    fsspec.register_implementation("s3", Bucket, clobber=True)
    yield
    _registry.pop("s3")


@pytest.fixture
def folder(tmp_path: Path, bucket: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "clone"
    place.mkdir()
    scratch.fill(place)
    Bucket().pipe("/bucket/2004.parquet", (place / "bucket.parquet").read_bytes())
    monkeypatch.chdir(place)
    return place


RUNS = ("sh", "python", "sql", "js", "ts")


@pytest.mark.parametrize("page", [*PAGES, *COMMENTED], ids=lambda page: page.name)
def test_what_a_page_shows_runs(page: Path, request: pytest.FixtureRequest) -> None:
    todo = [step for step in steps(page) if step.language in RUNS and not is_listed(step)]
    data = [step for step in steps(page) if step.language in READERS]
    if not todo and not data:
        return
    folder: Path = request.getfixturevalue("folder")
    target = request.getfixturevalue("server").target if todo else ""
    with Session(folder, target=target).open(todo) as session:
        for step in [*data, *todo]:
            if step in data:
                READERS[step.language](step, folder)
            else:
                told = session.run(step)
                if (expected := TOLD.get((page.name, step.text.split("\n")[0]))) is not None:
                    assert expected in told


# What a command or snippet (its first line) must have printed, beyond ending well.
TOLD = {
    ("README.md", "quotewire health 127.0.0.1:50051"): "SERVING",
    ("README.md", "python -c \"import duckdb; duckdb.sql('''select speaker_name,"): "Ann Lee",
    ("README.md", "from quotewire import Extractor"): "Ann Lee",
    ("api.md", 'const grpc = require("@grpc/grpc-js");'): "true",
    ("archives.md", "import pandas as pd"): "Ann Lee",
    (
        "archives.md",
        "SELECT quote_key, publisher, speaker_name, published, quote_text, article_id",
    ): "Bob Ray",
    ("clients.md", 'import { QuotewireClient } from "./client.js";'): "Ann Lee",
    ("experiments.md", 'const { createHash } = require("crypto");'): (
        "aaf9f62f5f99468a059fa13cf68ce873 8858 3363"
    ),
    ("formats.md", "import spacy"): "Ann Lee (“We leave,”,) (Reuters,) 0.",
    ("howto.md", "quotewire health quotewire.example:50051 --tls-ca ca.crt"): "SERVING",
    ("index.md", "from quotewire import Extractor"): "Ann Lee “We leave,”",
    ("python.md", "from quotewire import Extractor"): "Ann Lee “We leave,”",
}


def _toml(step: Step, folder: Path) -> None:
    """Configuration is read by what reads it; docs/experiments.md's is used by its commands."""
    content = tomllib.loads(step.text)
    [key] = content.keys() & {"experiments", "models", "clients"}
    path = folder / f"{key}.toml"
    path.write_text(step.text, encoding="utf-8")
    if key == "experiments":
        assert read_experiments(path)
    elif key == "models":
        assert read_model_table(path, models=()).aliases["canary"]
    else:
        assert [client.name for client in read_clients(path)] == ["newsdesk", "archive"]


def _json(step: Step, folder: Path) -> None:
    content = json.loads(step.text)
    if step.page.name == "api.md":
        assert content == SERVICE_CONFIG
        assert content == json.loads((ROOT / "docs" / "service-config.json").read_text("utf-8"))
    elif step.page.name == "experiments.md":
        row = exposure_from_json(content)
        assert row.variant == "small" and len(row.statements) == 1
    elif step.page.name == "json-lines.md":
        [statement] = map(statement_from_json, content["statements"])
        assert statement.intermediaries[0].name == "Bloomberg"
    else:
        assert step.page.name == "observability.md", "say here what reads it"
        assert content["event"] == "call"


def _xml(step: Step, folder: Path) -> None:
    labels = {label.get("value") for label in ElementTree.fromstring(step.text).iter("Label")}
    assert labels == {"quote", "cue", "speaker", "intermediary", "addressee"}


READERS: dict[str, Callable[[Step, Path], None]] = {"toml": _toml, "json": _json, "xml": _xml}


def test_every_block_is_run_read_or_only_shown() -> None:
    languages = {step.language for step in ALL}
    assert languages - {*RUNS, *READERS, *SHOWN} == set()
    for step in ALL:  # a block without a language is a drawing of letters
        if step.language == "":
            assert step.page.name == "architecture.md", step


def test_no_command_stands_outside_a_block() -> None:
    assert [line for page in PAGES for line in loose(page)] == []


def test_the_lists_name_what_is_there() -> None:
    """An exception whose command has gone, or is written otherwise now, has to go, too."""
    listed = [one for ones in NOT_RUN.values() for one in ones]
    assert [one for one in listed if not any(fits(step, one) for step in ALL)] == []
    there = {(step.text.split("\n")[0], step.page.name) for step in ALL}
    told = {(first, page) for page, first in TOLD}
    snippets = {(first, page) for first, (page, _) in NOT_RUN_SNIPPETS.items()}
    assert (told | snippets) - there == set()
    assert len(listed) < len([step for step in ALL if step.language == "sh"]) / 2


@pytest.mark.parametrize(
    "step", [step for step in ALL if step.is_ours and is_listed(step)], ids=lambda step: step.text
)
def test_what_is_not_run_is_read_by_the_command_line(step: Step, folder: Path) -> None:
    command: click.Command = quotewire
    rest = step.words[1:]
    context = quotewire.make_context("quotewire", list(rest))
    while isinstance(command, click.Group):
        _, following, rest = command.resolve_command(context, rest)
        assert following is not None
        command = following
    command.make_context(command.name, list(rest), parent=context)


def test_a_target_of_make_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    for step in ALL:
        if step.language == "sh" and step.words[:1] == ["make"]:
            named = {word for word in step.words[1:] if "=" not in word}
            assert named <= targets, step


def test_an_extra_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for step in ALL:
        if step.language == "sh" and step.words[:1] == ["pip"]:
            for extras in re.findall(r"\[([\w,]+)\]", step.text):
                assert set(extras.split(",")) <= project["optional-dependencies"].keys()
