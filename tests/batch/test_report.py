"""A run on disk, as archive teams see it: the report counts it, and the page's queries answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from quotewire.batch.report import RunReport, report_on
from quotewire.batch.schema import ARTICLES, STATEMENTS
from quotewire.cli.main import commands
from quotewire.errors import QuotewireError
from quotewire.render.run_report import report_html, report_text
from tests.batch.process import TOOLBOX
from tests.conftest import ROOT

_REST = "The council then went on to speak of other things which nobody knew before."
TEXTS = {
    "a1": ("Post", "2024-03-05", f"Okafor told Reuters “the bridge will open in May”.\n\n{_REST}"),
    "a2": ("Bote", "2024-03-06", 'Meyer said "The bridge will open, in May".'),
    "a3": ("Post", "2024-04-01", f"OKAFOR told Reuters ‘the bridge will open in May’.\n\n{_REST}"),
    "a4": ("Star", "2024-04-02", "Nobody spoke at all."),
    "a5": ("Star", "no date", "Lee told Reuters “the bridge will open in May and stay open”."),
}


def quotewire(*arguments: str | Path) -> str:
    """What the command line prints; exit codes 0 and 3 (dead letters) are fine."""
    words = [str(argument) for argument in arguments]
    result = CliRunner().invoke(commands, words, obj=TOOLBOX, prog_name="quotewire")
    assert result.exit_code in (0, 3), result.output
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``in.jsonl``, scored to the folder ``scored`` and to ``lines.jsonl``."""
    folder = tmp_path_factory.mktemp("run")
    rows = [
        {"id": id, "text": text, "publisher": publisher, "published": published}
        for id, (publisher, published, text) in TEXTS.items()
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    lines[2:2] = ["{broken", '{"id": "x"}', '{"id": "<b>&", "text": 5}']
    (folder / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    for out, duplicates in (("scored", "once"), ("lines.jsonl", "mark")):
        quotewire(
            *("score", folder / "in.jsonl", "--out", folder / out, "--workers", "0", "--quiet"),
            *("--duplicates", duplicates, "--similarity", "1", "--shard-articles", "3"),
        )
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> RunReport:
    return report_on(folder / "scored")


def test_the_report_counts_what_can_be_counted_by_hand(report: RunReport) -> None:
    assert report.finished and report.models == ("fake@1.0.0",)
    assert (report.records, report.answered, report.dead) == (8, 4, 3)
    assert (report.exact_copies, report.near_copies, report.copies_passed) == (1, 0, 1)
    assert report.dead_letters == {"missing": 1, "syntax": 1, "type": 1}
    assert report.statements == sum(report.by_kind.values()) == 3
    assert report.by_act == {"statement": 3}
    assert report.statements_per_article[:3] == (1, 3, 0)
    assert report.without_statements == 1
    assert sum(report.confidences) == 3
    assert [(o.name, o.articles, o.statements) for o in report.outlets] == [
        ("Post", 2, 1),
        ("Star", 2, 1),
        ("Bote", 1, 1),
    ]
    assert [(c.name, c.kind, c.statements, c.speakers) for c in report.channels] == [
        ("Reuters", "outlet", 2, 2)
    ]
    assert {s.name for s in report.speakers} >= {"Okafor", "Meyer", "Lee"}
    assert report.published == {"2024-03": 2, "2024-04": 0}
    (printing,) = report.printings
    assert (printing.articles, printing.outlets) == (2, 2)
    assert printing.speakers == ("Meyer", "Okafor")
    assert report.tokens > 0 and report.worker_seconds > 0


def test_json_lines_give_the_same_figures_but_for_what_they_do_not_hold(
    folder: Path, report: RunReport
) -> None:
    lines = report_on(folder / "lines.jsonl")
    assert (lines.records, lines.answered, lines.dead_letters) == (8, 5, report.dead_letters)
    assert (lines.exact_copies, lines.copies_passed) == (1, 0)  # marked, and scored
    assert lines.channels[0].statements == report.channels[0].statements + 1
    assert lines.outlets == () and lines.printings == ()


def test_an_unfinished_run_is_reported_as_far_as_it_got(folder: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(folder / "scored", tmp_path / "scored")
    (tmp_path / "scored" / "_run" / "finished.json").unlink()
    (tmp_path / "scored" / "_run" / "dead_letters.jsonl").unlink()
    for path in (tmp_path / "scored").rglob("part-000002*"):
        path.unlink()
    partly = report_on(tmp_path / "scored")
    assert not partly.finished and partly.records == 6 and partly.dead == 3
    assert "unfinished" in report_text(partly) and "has not finished" in report_html(partly)


def test_where_there_is_no_run_it_says_so(tmp_path: Path) -> None:
    for name in ("nothing", "nothing.jsonl"):
        with pytest.raises(QuotewireError, match="no output of `quotewire score`"):
            report_on(tmp_path / name)


class Tags(HTMLParser):
    """All tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_holds_its_pictures_and_nothing_runs_or_is_fetched(
    folder: Path, tmp_path: Path, report: RunReport
) -> None:
    printed = quotewire("report", folder / "scored", "--html", tmp_path / "report.html")
    assert printed == report_text(report)
    found = Tags((tmp_path / "report.html").read_text(encoding="utf-8"))
    names = [name for name, _ in found.tags]
    assert names.count("svg") >= 6 and "script" not in names and "b" in names
    for name, attributes in found.tags:
        assert not {"src", "href", "onload", "onclick"} & attributes.keys(), name
        if name == "svg":
            assert attributes["role"] == "img" and attributes["aria-label"]
    text = " ".join(found.text)
    for shown in ("Okafor", "Reuters", "Post", "fake@1.0.0", "not JSON", "Meyer, Okafor"):
        assert shown in text


def test_what_articles_say_is_never_markup(report: RunReport) -> None:
    from dataclasses import replace

    evil = "<script>alert(1)</script>\x1b[31m\u202e"
    page = report_html(
        replace(
            report,
            name=evil,
            speakers=tuple(replace(s, name=evil) for s in report.speakers),
            printings=tuple(replace(p, text=evil, speakers=(evil,)) for p in report.printings),
            dead_examples=tuple(replace(d, detail=evil, file=evil) for d in report.dead_examples),
            dead_letters={evil: 1},
        )
    )
    assert "<script" not in page and "&lt;script" in page
    assert "\x1b" not in page and "\u202e" not in page


def test_figures_for_programs(folder: Path, report: RunReport) -> None:
    figures = json.loads(quotewire("report", folder / "scored", "--format", "json", "--top", "1"))
    assert figures["records"] == report.records and len(figures["speakers"]) == 1


PAGE = (ROOT / "docs" / "archives.md").read_text(encoding="utf-8")


@pytest.fixture
def ask(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], list[tuple]]]:
    """Ask the query of the documentation that holds some words."""
    monkeypatch.chdir(folder)
    views, *queries = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    with duckdb.connect() as db:
        db.execute(views)
        yield lambda words: db.execute(next(q for q in queries if words in q)).fetchall()


def test_who_told_reuters_what(ask: Callable[[str], list[tuple]]) -> None:
    found = ask("via.name = 'Reuters'")
    assert [(speaker, article) for speaker, _, _, article in found] == [
        ("Okafor", "a1"),
        ("Lee", "a5"),
    ]
    assert "the bridge will open in May" in found[0][1]


def test_every_printing_of_a_quotation_and_each_outlets_speaker(
    ask: Callable[[str], list[tuple]],
) -> None:
    found = ask("ORDER BY quote_key, published")
    assert [(row[1], row[2], row[5]) for row in found] == [
        ("Post", "Okafor", "a1"),
        ("Bote", "Meyer", "a2"),
    ]
    ((quote, speakers),) = ask("count(DISTINCT speaker_name) > 1")
    assert "bridge will open" in quote and set(speakers) == {"Okafor", "Meyer"}


def test_a_trimmed_quotation_is_found_by_its_prints(ask: Callable[[str], list[tuple]]) -> None:
    assert any(
        "stay open" in longer and "stay" not in shorter for longer, shorter, _ in ask("prints")
    )


def test_copies_lead_to_the_statements_of_their_original(ask: Callable[[str], list[tuple]]) -> None:
    assert [row[:3] for row in ask("copy.duplicate_of")] == [("Post", "a3", "Okafor")]


def test_the_other_queries_run(ask: Callable[[str], list[tuple]]) -> None:
    assert ask("AS through")[0][1:] == ("Reuters", "outlet", 1)


def test_the_pandas_example_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (program,) = re.findall(r"```python\n(import pandas.*?)```", PAGE, re.DOTALL)
    exec(program, {})
    assert "Okafor" in capsys.readouterr().out


def test_every_column_is_documented() -> None:
    assert [c for c in (*STATEMENTS.names, *ARTICLES.names) if f"`{c}`" not in PAGE] == []
