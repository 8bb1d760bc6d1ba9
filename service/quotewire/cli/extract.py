"""``quotewire extract``: one article, answered at once."""

from __future__ import annotations

import os
from pathlib import Path

import click

from quotewire.cli.common import (
    STDIN,
    OutsideError,
    Toolbox,
    UserError,
    answer_options,
    extract_options,
    model_options,
    read_text,
)
from quotewire.cli.connection import Connection, connection_options
from quotewire.cli.output import check_target, temporary_page, write_answers, write_text
from quotewire.render.formats import FORMATS
from quotewire.types import Article, Extraction

# Columns of the table where standard output is no terminal (and COLUMNS says nothing else).
_PIPE_WIDTH = 140


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "html", "json", *FORMATS]),
    help="A table to read, a page to look at, the JSON line that `score` writes, or one of the "
    "formats of docs/formats.md.  [default: table, or html with --open]",
)
@click.option(
    "--out",
    metavar="FILE|FOLDER",
    help="Where it goes; appears whole.  A new folder for brat, a file for all others.  "
    "[default: standard output]",
)
@click.option(
    "--open",
    "open_",
    is_flag=True,
    help="Open the page in the browser (--format html; without --out, from a temporary file).",
)
@answer_options
@click.option("--title", help="The article's headline; names are resolved over it, too.")
@click.option("--publisher", help="Who published the article.")
@model_options
@click.option(
    "--server",
    metavar="HOST:PORT",
    help="Ask a running `quotewire serve` instead of loading a model here; --model then names one "
    "of the server's (default: the server's own default).",
)
@connection_options
@click.pass_obj
def extract(
    toolbox: Toolbox,
    *,
    file: str,
    output: str | None,
    out: str | None,
    open_: bool,
    acts: str,
    min_confidence: float | None,
    title: str | None,
    publisher: str | None,
    model: str | None,
    threads: int | None,
    server: str | None,
    connection: Connection,
) -> None:
    """Print the statements of one article.

    The article is plain UTF-8 text in FILE, or on standard input (-).
    """
    output = output or ("html" if open_ else "table")
    if open_ and output != "html":
        raise UserError(f"--open: opens pages; got --format {output}")
    if out is not None:
        if output == "table":
            raise UserError("--out: a table goes to standard output; give another --format")
        check_target(out, format_=output, inputs=() if file == STDIN else (file,))
    name = "stdin" if file == STDIN else Path(file).name
    article = Article(id=name, text=read_text(file), title=title, publisher=publisher)
    options = extract_options(acts=acts, min_confidence=min_confidence)
    if server is None:
        if connection.flags:
            raise UserError(f"{connection.flags[0]}: got one without --server")
        extractor = toolbox.load_extractor(model, threads=threads)
        extraction = extractor.extract(article, options=options)
    else:
        if threads is not None:
            raise UserError("--threads: the server's threads are its own (quotewire serve)")
        with connection.client(server) as client:
            extraction = client.extract(article, options=options, model=model or "")
    if output == "table":
        _print_table(article, extraction)
    elif output == "json":
        _write_json(article, extraction, out=out)
    elif output == "html":
        _write_html(toolbox, article, extraction, out=out, open_=open_)
    else:
        write_answers([(article, extraction)], format_=output, out=out)


def _write_json(article: Article, extraction: Extraction, *, out: str | None) -> None:
    from quotewire.batch.writers import dump_line
    from quotewire.lines import extraction_to_line

    write_text(dump_line(extraction_to_line(article, extraction)) + "\n", out=out)


def _write_html(
    toolbox: Toolbox, article: Article, extraction: Extraction, *, out: str | None, open_: bool
) -> None:
    from quotewire.render.page import html_page

    if open_ and out is None:
        out = temporary_page(article.id)
    write_text(html_page(article, extraction), out=out)
    if open_ and out is not None and not toolbox.open_page(Path(out).resolve().as_uri()):
        raise OutsideError(f"--open: no browser was found; the page is {out}")


def _print_table(article: Article, extraction: Extraction) -> None:
    from rich.console import Console

    from quotewire.render.table import statements_table

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    console.print(statements_table(article, extraction))
