"""Three doors, one path: embedded, batch, server and evaluation give identical statements."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from quotewire.cli.common import Toolbox
from quotewire.cli.main import commands
from quotewire.client import Client
from quotewire.extraction.extractor import Extractor
from quotewire.lines import article_from_line, extraction_to_line
from quotewire.types import ExtractOptions
from tests.conftest import ROOT
from tests.fakes import fake_extractor
from tests.serving.harness import running

ARTICLES = [
    article_from_line(json.loads(line))
    for line in (ROOT / "examples" / "articles.jsonl").read_text(encoding="utf-8").splitlines()
]
OPTIONS = ExtractOptions(all_acts=True)


@pytest.fixture(scope="module", params=["fake", "quotewire-base"])
def extractor(request: pytest.FixtureRequest) -> Extractor:
    return fake_extractor() if request.param == "fake" else Extractor.load(threads=1)


@pytest.fixture(scope="module")
def alone(extractor: Extractor) -> list[dict[str, object]]:
    """The lines of the articles, answered one by one in this process."""
    return [extraction_to_line(a, extractor.extract(a, options=OPTIONS)) for a in ARTICLES]


def test_there_is_something_to_compare(alone: list[dict[str, object]]) -> None:
    assert all(line["statements"] for line in alone[:4])


def test_the_batch_scorer(
    extractor: Extractor, alone: list[dict[str, object]], tmp_path: Path
) -> None:
    articles = str(ROOT / "examples" / "articles.jsonl")
    arguments = ["score", "--workers", "0", articles, "--acts", "all"]
    result = CliRunner().invoke(
        commands,
        [*arguments, "--out", str(tmp_path / "out.jsonl")],
        obj=Toolbox(load_extractor=lambda name, *, threads: extractor),
    )
    assert result.exit_code == 0, result.output
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == alone


def test_the_server(extractor: Extractor, alone: list[dict[str, object]]) -> None:
    with running(extractor) as server, Client(server.target) as client:
        single = [client.extract(article, options=OPTIONS) for article in ARTICLES]
        streamed = [
            answer.extraction for answer in client.extract_stream(ARTICLES, options=OPTIONS)
        ]
        batched = [answer.extraction for answer in client.batch(ARTICLES, options=OPTIONS)]
    for answers in (single, streamed, batched):
        lines = []
        for article, extraction in zip(ARTICLES, answers, strict=True):
            assert extraction is not None
            lines.append(extraction_to_line(article, extraction))
        assert lines == alone


def test_evaluation(extractor: Extractor, alone: list[dict[str, object]], tmp_path: Path) -> None:
    """The model, run by ``evaluate``, agrees wholly with gold made of the embedded answers."""
    gold = tmp_path / "gold.jsonl"
    gold.write_text(
        "".join(
            json.dumps({**line, "text": article.text, "title": article.title}) + "\n"
            for article, line in zip(ARTICLES, alone, strict=True)
        )
    )
    result = CliRunner().invoke(
        commands,
        ["evaluate", "--gold", str(gold), "--model", "any", "--json"],
        obj=Toolbox(load_extractor=lambda name, *, threads: extractor),
    )
    assert result.exit_code == 0, result.output
    metrics = {name: entry["value"] for name, entry in json.loads(result.stdout)["metrics"].items()}
    for name in ("exact_f1", "act_accuracy", "speaker_name_accuracy", "intermediary_f1"):
        assert metrics[name] in (1.0, None), name
    assert metrics["exact_f1"] == 1.0
