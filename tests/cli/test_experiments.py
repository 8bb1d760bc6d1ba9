"""``quotewire experiments`` and ``quotewire compare`` on logs and articles of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quotewire.cli.common import Toolbox
from quotewire.cli.main import commands
from quotewire.experiments.assignment import text_hash
from quotewire.experiments.records import (
    Feedback,
    Role,
    exposure_to_json,
    feedback_to_json,
    to_line,
)
from quotewire.extraction.extractor import Extractor
from tests.cli.conftest import Run, one_line
from tests.experiments.make import START, exposure, statement, world
from tests.fakes import fake_extractor

TOML = """
[[experiments]]
name = "small-or-base"
salt = "2026-11"
coverage = 1.0

[[experiments.variants]]
name = "base"
model = "quotewire-base"

[[experiments.variants]]
name = "small"
model = "quotewire-small"

[[experiments.variants]]
name = "small-unseen"
model = "quotewire-small"
shadow = true
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A folder with both logs: base against small on 200 articles, small's shadows under a name of
    their own, two editors."""
    folder = tmp_path / "log"
    folder.mkdir()
    rows, verdicts = [], []
    for one in world(200, intermediaries=2.0, seed=2):
        unseen = one.variant == "small" and one.role is Role.SHADOW
        if one.variant == "base" and one.role is Role.SHADOW:
            continue
        rows.append(
            exposure(
                "small-unseen" if unseen else one.variant,
                one.article,
                role=one.role,
                statements=one.statements,
                time=one.time,
                seconds=one.seconds,
                model=one.model,
            )
        )
        verdicts += [
            Feedback(
                key=f"{one.article}-{name}",
                time=START,
                article_id=one.article,
                statement_id=name,
                verdict=said,
                editor="ed",
                caller="desk",
            )
            for name, said in one.verdicts.items()
        ]
    write(folder / "exposures-1.jsonl", map(exposure_to_json, rows))
    write(folder / "feedback.jsonl", map(feedback_to_json, verdicts))
    (tmp_path / "experiments.toml").write_text(TOML)
    return folder


def write(path: Path, rows: object) -> Path:
    path.write_text("".join(to_line(row) + "\n" for row in rows))  # type: ignore[attr-defined]
    return path


def test_a_report_as_text(run: Run, log: Path) -> None:
    result = run("experiments", "report", log, "--experiments", log.parent / "experiments.toml")
    assert result.exit_code == 0, result.output
    assert "more intermediaries" in result.stdout and "as the weights ask for" in result.stdout
    # The shadow that is small's twin counts as small.
    assert "small-unseen" not in result.stdout
    plain = run("experiments", "report", log)
    assert "small-unseen" in plain.stdout and "was not tested" in plain.stdout
    by_hand = run("experiments", "report", log, "--same", "small-unseen=small", "--weights",
                  "base=1,small=1")  # fmt: skip
    assert by_hand.stdout == result.stdout


def test_a_report_as_json_and_as_a_page(run: Run, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert (
        run("experiments", "report", log, "--weights", "base=1,small=1", "--out", out).exit_code
        == 0
    )
    page = out.read_text()
    assert page.startswith("<!DOCTYPE html>") and page.count("<svg") >= 5
    assert "://" not in re.sub(r'xmlns="[^"]*"', "", page)  # nothing from elsewhere
    result = run("experiments", "report", log, "--format", "json", "--baseline", "small")
    plain = json.loads(result.stdout)
    assert {one["a"] for one in plain["versus"]} == {"small"}
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_what_cannot_be_reported_is_told_in_one_line(run: Run, log: Path, tmp_path: Path) -> None:
    (log / "broken.jsonl").write_text('{"id": 1}\n')
    toml = log.parent / "experiments.toml"
    for arguments, words in (
        ([tmp_path / "none"], "no such file or folder"),
        ([log, "--experiment", "none"], "experiment: got 'none'; allowed: small-or-base"),
        ([log, "--salt", "none"], "salt: got 'none'; allowed: 2026-11"),
        ([log, "--weights", "base"], "--weights base: allowed"),
        ([log, "--weights", "base=0,small=1"], "numbers above 0"),
        ([log, "--weights", "base=1", "--experiments", toml], "not both"),
        ([log, "--same", "none=small"], "--same none=small"),
        ([log, "--baseline", "none"], "baseline: got 'none'"),
        ([log, "--layer", toml], "--layer needs --gold"),
        ([log, "--out", tmp_path / "no" / "r.html"], "does not exist"),
        ([log / "broken.jsonl"], "broken.jsonl, line 1: id"),
    ):
        result = run("experiments", "report", *arguments)
        assert result.exit_code == 2 and words in one_line(result), arguments


TEXT = "Ann said the bridge is safe.\n\nThe council told Reuters nothing was wrong."


def test_disagreements_go_out_and_come_back(run: Run, tmp_path: Path) -> None:
    key = {"text_hash": text_hash(TEXT), "text_length": len(TEXT)}
    rows = [
        exposure("base", statements=(statement(0, via=1), statement(32)), **key),
        exposure("small", role=Role.SHADOW, statements=(statement(0),), **key),
        exposure("base", "untold"),
        exposure("small", "untold", role=Role.SHADOW),
    ]
    log = write(tmp_path / "log.jsonl", map(exposure_to_json, rows))
    articles = tmp_path / "articles.jsonl"
    articles.write_text(json.dumps({"id": "x", "text": TEXT}) + "\n")
    out = tmp_path / "out"
    result = run("experiments", "diff", log, articles, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("2 disagreements from 1 articles (0 of 1 ")
    assert sorted(path.name for path in out.iterdir()) == [
        "disagreements.html",
        "label-studio.json",
        "label-studio.xml",
    ]
    tasks = json.loads((out / "label-studio.json").read_text())
    for task in tasks:  # an editor for whom base is always right
        choice = "2" if task["data"]["swapped"] else "1"
        task["annotations"] = [
            {"completed_by": 1, "result": [{"type": "choices", "value": {"choices": [choice]}}]}
        ]
    export = tmp_path / "export.json"
    export.write_text(json.dumps(tasks))
    labels = tmp_path / "labels.jsonl"
    counted = run("experiments", "labels", export, "--out", labels)
    assert "only base right 2, only small right 0" in counted.stdout
    assert len(labels.read_text().splitlines()) == 2
    report = run("experiments", "report", log, "--labels", labels)
    assert "labelled disagreements: 2 in 1 articles" in report.stdout


def test_what_cannot_be_told_apart_is_told_in_one_line(run: Run, log: Path, tmp_path: Path) -> None:
    alone = write(tmp_path / "alone.jsonl", [exposure_to_json(exposure("base"))])
    for arguments, words in (
        ([log], "--b: got nothing; allowed: base, small-unseen, small"),
        ([log, "--a", "base", "--b", "none"], "--b: got none"),
        ([log, "--a", "base", "--b", "small"], "no article was answered by both"),
        ([log, "--a", "base", "--b", "small-unseen"], "has its text: give the files"),
        ([alone], "--b: got nothing"),
    ):
        result = run("experiments", "diff", *arguments, "--out", tmp_path / "o")
        assert result.exit_code == 2 and words in one_line(result), arguments
        assert not (tmp_path / "o").exists()


# compare


class Deaf:
    """A model around another: it does not hear "told"."""

    def __init__(self, inner: Extractor) -> None:
        self._inner = inner
        self.info = inner.info

    def extract(self, article: object, **options: object) -> object:
        from dataclasses import replace

        if "unbearable" in article.text:  # type: ignore[attr-defined]
            raise RuntimeError("too much")
        found = self._inner.extract(article, **options)  # type: ignore[arg-type]
        kept = tuple(s for s in found.statements if not s.intermediaries)
        return replace(found, statements=kept)


def load(name: str | None, *, threads: int | None) -> Extractor:
    inner = fake_extractor(name or "fake")
    return Deaf(inner) if name == "deaf" else inner  # type: ignore[return-value]


def compare(*arguments: str | Path) -> Result:
    return CliRunner().invoke(
        commands,
        ["compare", *map(str, arguments)],
        obj=Toolbox(load_extractor=load),
        prog_name="quotewire",
    )


@pytest.fixture
def articles(tmp_path: Path) -> Callable[[int], Path]:
    def make(count: int) -> Path:
        path = tmp_path / "articles.jsonl"
        lines = [
            {"id": f"a{n}", "text": TEXT + " Bob said no." * (n % 3) + f" {n}", "section": "news"}
            for n in range(count)
        ]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    return make


def test_two_models_are_compared_offline(articles: Callable[[int], Path], tmp_path: Path) -> None:
    out = tmp_path / "disagreements"
    result = compare("fake", "deaf", articles(60), "--diff", out, "--resamples", "200")
    assert result.exit_code == 0, result.output
    assert "deaf finds " in result.stdout and "fewer statements per article" in result.stdout
    assert "60 articles answered by both" in result.stdout
    tasks = json.loads((out / "label-studio.json").read_text())
    assert {task["data"]["b"] for task in tasks} == {"deaf"} and len(tasks) >= 60


def test_a_model_against_itself_is_the_same(articles: Callable[[int], Path]) -> None:
    result = compare("fake", "fake", articles(60), "--limit", "55", "--resamples", "200")
    assert "no difference in statements per article: the same in all 55 articles" in (
        result.stdout.lower()
    )


def test_failures_of_one_model_are_its_own(articles: Callable[[int], Path], tmp_path: Path) -> None:
    path = articles(60)
    with path.open("a") as file:
        file.write(json.dumps({"id": "bad", "text": "Ann said it is unbearable."}) + "\n")
    result = compare("fake", "deaf", path, "--format", "json", "--resamples", "200")
    plain = json.loads(result.stdout)
    assert plain["versus"][0]["pairs"] == 60
    rates = {one["variant"]: one["rates"]["errors"] for one in plain["variants"]}
    assert rates == {"fake": 0.0, "deaf": pytest.approx(1 / 61)}


def test_labelled_files_give_f1(articles: Callable[[int], Path], tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    lines = []
    for line in articles(60).read_text().splitlines():
        article = json.loads(line)
        extraction = fake_extractor().extract(article["text"])
        from quotewire.lines import statement_to_json

        statements = [statement_to_json(article["text"], s) for s in extraction.statements]
        lines.append({**article, "statements": statements})
    gold.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = compare("fake", "deaf", gold, "--gold", "--resamples", "200")
    assert result.exit_code == 0, result.output
    soft = next(line for line in result.stdout.splitlines() if line.startswith("soft F1"))
    assert "labelled" in soft and "100.0%" in soft
    assert "60 of them labelled" in result.stdout
    assert "deaf has a soft F1 on labelled articles that is" in result.stdout


def test_what_cannot_be_compared_is_told_in_one_line(
    articles: Callable[[int], Path], tmp_path: Path
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": "a"}\n')
    for path, words in ((empty, "no articles"), (broken, "broken.jsonl:1: text: got nothing")):
        result = compare("fake", "deaf", path)
        assert result.exit_code == 2 and words in one_line(result)


def test_verdicts_are_in_the_feedback_log(run: Run, log: Path) -> None:
    """Without it, nothing is said of acceptance."""
    with_it = json.loads(run("experiments", "report", log, "--format", "json").stdout)
    (log / "feedback.jsonl").unlink()
    without = json.loads(run("experiments", "report", log, "--format", "json").stdout)
    judged = [[one["judged"] for one in plain["variants"]] for plain in (with_it, without)]
    assert judged[0][0] > 100 and set(judged[1]) == {0}
