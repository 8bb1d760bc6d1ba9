"""``quotewire extract --format …``, ``--open``, and ``quotewire convert``."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from click.testing import CliRunner

from quotewire.cli.common import Toolbox
from quotewire.cli.main import commands
from quotewire.lines import error_to_line, extraction_to_line
from quotewire.render.formats import FORMATS
from quotewire.types import Article
from tests.cli.conftest import Run, load_fake, one_line
from tests.fakes import fake_extractor

TEXT = "Ann Lee told Reuters the road is shut.\n\nLee wants it open."
ARTICLES = [
    Article("a1", TEXT),
    Article("a2", "🙂 Bo said that <b>it</b> rains."),
    Article("a3", "-"),
]


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "article.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"id": a.id, "text": a.text}) + "\n" for a in ARTICLES))
    return path


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """What score writes for them."""
    path = tmp_path / "out.jsonl"
    extractor = fake_extractor()
    answers = [json.dumps(extraction_to_line(a, extractor.extract(a))) for a in ARTICLES]
    path.write_text("".join(f"{answer}\n" for answer in answers))
    return path


def open_with(opened: list[str], *arguments: str | Path, found: bool = True) -> tuple[int, str]:
    def open_page(url: str) -> bool:
        opened.append(url)
        return found

    toolbox = Toolbox(load_extractor=load_fake, open_page=open_page)
    result = CliRunner().invoke(commands, [str(a) for a in arguments], obj=toolbox)
    return result.exit_code, result.stderr


def test_a_page_in_one_file(run: Run, article: Path, tmp_path: Path) -> None:
    result = run("extract", article, "--format", "html", "--title", "A <b>")
    assert result.exit_code == 0 and result.stdout.startswith("<!DOCTYPE html>")
    assert "A &lt;b&gt;" in result.stdout and "Reuters (outlet)" in result.stdout
    out = tmp_path / "page.html"
    assert (
        run("extract", article, "--format", "html", "--title", "A <b>", "--out", out).stdout == ""
    )
    assert out.read_text(encoding="utf-8") == result.stdout


def test_the_page_is_opened(article: Path, tmp_path: Path) -> None:
    opened: list[str] = []
    assert open_with(opened, "extract", article, "--open") == (0, "")
    assert open_with(opened, "extract", article, "--open", "--out", tmp_path / "p.html") == (0, "")
    first, second = (Path(url2pathname(urlsplit(url).path)) for url in opened)
    assert first.read_text() == second.read_text()
    assert first.name == "article.html" and second == tmp_path / "p.html"
    code, error = open_with(opened, "extract", article, "--open", found=False)
    assert code == 1 and "no browser was found; the page is " in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--open", "--format", "csv"], "--open: opens pages; got --format csv"),
        (["--out", "x.txt"], "--out: a table goes to standard output"),
        (["--out", "nowhere/x.html", "--format", "html"], "the folder nowhere does not exist"),
        (["--format", "pdf"], "'pdf' is not one of"),
    ],
)
def test_what_does_not_go_together(
    run: Run, article: Path, arguments: list[str], message: str
) -> None:
    result = run("extract", article, *arguments)
    assert result.exit_code == 2 and message in result.stderr


@pytest.mark.parametrize("format_", [name for name, text in FORMATS.items() if text])
def test_every_format_to_standard_output_and_to_a_file(
    run: Run, article: Path, tmp_path: Path, format_: str
) -> None:
    result = run("extract", article, "--format", format_)
    assert result.exit_code == 0, result.stderr
    assert "the road is shut" in result.stdout and "Reuters" in result.stdout
    out = tmp_path / "out"
    assert run("extract", article, "--format", format_, "--out", out).exit_code == 0
    if format_ == "brat":
        assert sorted(p.name for p in out.iterdir()) == [
            "annotation.conf",
            "article.txt.ann",
            "article.txt.txt",
        ]
        out = out / "article.txt.ann"
    assert out.read_bytes() == result.stdout_bytes


@pytest.mark.parametrize("format_", ["csv", "webannotation", "jsonld", "ninjs", "labelstudio"])
def test_convert_gives_every_article_in_order(
    run: Run, lines: Path, articles: Path, tmp_path: Path, format_: str
) -> None:
    result = run("convert", lines, "--articles", articles, "--format", format_)
    assert result.exit_code == 0, result.stderr
    found = result.stdout
    assert found.index("the road is shut") < found.index("rains")
    out = tmp_path / "converted"
    run("convert", lines, "--articles", articles, "--format", format_, "--out", out)
    assert out.read_bytes() == result.stdout_bytes


def test_convert_to_a_folder_for_brat_and_a_file_for_spacy(
    run: Run, lines: Path, articles: Path, tmp_path: Path
) -> None:
    from spacy import blank
    from spacy.tokens import DocBin

    folder, file = tmp_path / "brat", tmp_path / "docs.spacy"
    for format_, out in (("brat", folder), ("spacy", file)):
        result = run("convert", lines, "--articles", articles, "--format", format_, "--out", out)
        assert result.exit_code == 0, result.stderr
    assert {p.stem for p in folder.glob("*.ann")} == {"a1", "a2", "a3"}
    docs = list(DocBin().from_disk(file).get_docs(blank("en").vocab))
    assert [len(doc._.statements) for doc in docs] == [1, 1, 0]
    assert one_line(run("convert", lines, "--articles", articles, "--format", "brat")).startswith(
        "quotewire: articles: got several"
    )
    again = run("convert", lines, "--articles", articles, "--format", "brat", "--out", folder)
    assert again.exit_code == 2 and "new or an empty folder" in one_line(again)


def test_packed_files_and_several_of_them(run: Run, lines: Path, tmp_path: Path) -> None:
    parts = []
    for number, part in enumerate((ARTICLES[:1], ARTICLES[1:])):
        parts += ["--articles", tmp_path / f"{number}.jsonl"]
        data = "".join(json.dumps({"id": a.id, "text": a.text}) + "\n" for a in part)
        parts[-1].write_bytes(gzip.compress(data.encode()))
    packed = tmp_path / "out.jsonl.gz"
    packed.write_bytes(gzip.compress(lines.read_bytes()))
    result = run("convert", packed, *parts, "--format", "csv")
    assert result.exit_code == 0 and len(result.stdout.splitlines()) == 3


def test_lines_with_an_error_are_counted(
    run: Run, lines: Path, articles: Path, tmp_path: Path
) -> None:
    kept = lines.read_text().splitlines()
    kept[1] = json.dumps(error_to_line("a2", model="m@1", message="broken"))
    lines.write_text("\n".join(["", *kept, ""]))
    articles.write_text("no article\n" + articles.read_text())
    result = run("convert", lines, "--articles", articles, "--format", "csv")
    assert result.exit_code == 3
    assert one_line(result) == "lines with an error, left out: 1"
    assert "the road is shut" in result.stdout and "rains" not in result.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda line: line | {"id": "a9"}, "out.jsonl:1: id: got 'a9'; allowed: ids of --articles"),
        (
            lambda line: {k: v for k, v in line.items() if k != "model"},
            "out.jsonl:1: model: got nothing",
        ),
        (lambda line: line | {"statements": [7]}, "out.jsonl:1: statements[0]: got int '7'"),
        (
            lambda line: line | {"statements": [line["statements"][0] | {"act": "shout"}]},
            "out.jsonl:1: statements[0].act: got 'shout'; allowed: statement, attitude",
        ),
        (
            lambda line: (
                line | {"statements": [line["statements"][0] | {"cue": {"start": 0, "end": 999}}]}
            ),
            "cue: got [0, 999); allowed: a part of the text of article 'a1', [0, 58)",
        ),
    ],
)
def test_lines_that_do_not_fit_are_named_and_nothing_is_written(
    run: Run, lines: Path, articles: Path, tmp_path: Path, change: object, message: str
) -> None:
    kept = lines.read_text().splitlines()
    assert callable(change)
    lines.write_text("\n".join([json.dumps(change(json.loads(kept[0]))), *kept[1:]]))
    out = tmp_path / "out.csv"
    result = run("convert", lines, "--articles", articles, "--format", "csv", "--out", out)
    assert result.exit_code == 2
    assert message in one_line(result)
    assert not out.exists() and not list(tmp_path.glob(".*"))


def test_another_text_than_was_answered_is_noticed(run: Run, lines: Path, articles: Path) -> None:
    articles.write_text(articles.read_text().replace("Ann Lee", "Annie Lee"))
    result = run("convert", lines, "--articles", articles, "--format", "csv")
    assert result.exit_code == 2 and "quote.text: got 'the road is shut'" in one_line(result)


def test_an_input_is_never_the_output(run: Run, lines: Path, articles: Path) -> None:
    result = run("convert", lines, "--articles", articles, "--format", "csv", "--out", lines)
    assert result.exit_code == 2 and "is an input, too" in one_line(result)
