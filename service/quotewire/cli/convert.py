"""``quotewire convert``: what ``score`` wrote, in other formats."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quotewire.cli.output import check_target, write_answers
from quotewire.errors import InputError
from quotewire.lines import article_from_line, extraction_from_line, statement_to_json
from quotewire.render.formats import FORMATS
from quotewire.types import Article, Extraction

if TYPE_CHECKING:
    from quotewire.render.formats import Answer

EXIT_SOME_FAILED = 3
_GZIP_MAGIC = b"\x1f\x8b"
_FILE = click.Path(exists=True, dir_okay=False, readable=True)


@click.command()
@click.argument("lines", metavar="LINES.jsonl", type=_FILE)
@click.option(
    "--articles",
    metavar="IN.jsonl",
    multiple=True,
    required=True,
    type=_FILE,
    help="The articles that `score` answered, as JSON lines, in the same order; give several for "
    "several.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    required=True,
    help="The format: docs/formats.md.",
)
@click.option(
    "--out",
    metavar="FILE|FOLDER",
    help="Where it goes; appears whole when all is done.  A new folder for brat, a file for all "
    "others.  [default: standard output]",
)
def convert(*, lines: str, articles: tuple[str, ...], format_: str, out: str | None) -> None:
    """Write the answers of `score` in another format.

    LINES.jsonl (plain or .gz) is what `score` wrote.  Lines with an `error` have nothing to
    convert: they are counted, and make the exit code 3.
    """
    if out is not None:
        check_target(out, format_=format_, inputs=(lines, *articles))
    failed = _Failed()
    write_answers(_answers(Path(lines), articles, failed), format_=format_, out=out)
    if failed.count:
        click.echo(f"lines with an error, left out: {failed.count}", err=True)
        click.get_current_context().exit(EXIT_SOME_FAILED)


class _Failed:
    count = 0


def _answers(lines: Path, inputs: tuple[str, ...], failed: _Failed) -> Iterator[Answer]:
    """Each line with its article.  Both are read side by side, so that memory stays flat."""
    from quotewire.evaluation.jsonl import read_json_lines

    articles = (article for path in inputs for article in _articles(path))
    for where, line in read_json_lines(lines):
        if line.get("error") is not None:
            failed.count += 1
            continue
        try:
            extraction = extraction_from_line(line)
        except InputError as error:
            raise InputError(
                field=f"{where}: {error.field}", value=error.value, allowed=error.allowed
            ) from error
        article = next((a for a in articles if a.id == extraction.article_id), None)
        if article is None:
            raise InputError(
                field=f"{where}: id",
                value=repr(extraction.article_id),
                allowed="ids of --articles, in the same order",
            )
        _check_words(article, extraction, line, where=where)
        yield article, extraction


def _articles(path: str) -> Iterator[Article]:
    """The articles of a file of JSON lines, plain or gzip.  Lines that are none are passed over:
    `score` answered them with an error."""
    with open(path, "rb") as raw:
        packed = raw.peek(2)[:2] == _GZIP_MAGIC
        for line in gzip.GzipFile(fileobj=raw) if packed else raw:
            with suppress(ValueError, RecursionError, InputError):
                yield article_from_line(json.loads(line.decode("utf-8-sig")))


def _check_words(
    article: Article, extraction: Extraction, line: Mapping[str, Any], *, where: str
) -> None:
    """Raises InputError where the article's text is not the one that was answered."""
    for statement, written in zip(extraction.statements, line["statements"], strict=True):
        expected = statement_to_json(article.text, statement)["quote"]["text"]
        words = written["quote"].get("text")
        if words is not None and words != expected:
            raise InputError(
                field=f"{where}: statement {statement.id}: quote.text",
                value=repr(str(words)[:40]),
                allowed=f"{expected[:40]!r}, as the text of article {article.id!r} has it there",
            )
