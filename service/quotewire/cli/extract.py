"""``quotewire extract``: one article, answered at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from quotewire.cli.common import (
    STDIN,
    Toolbox,
    UserError,
    answer_options,
    extract_options,
    model_options,
    read_text,
)
from quotewire.cli.connection import Connection, connection_options
from quotewire.types import Article, Extraction

# Columns of the table where standard output is no terminal (and COLUMNS says nothing else).
_PIPE_WIDTH = 140


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table to read, or the JSON line that `score` writes.",
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
    output: str,
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
    if output == "json":
        _print_json(article, extraction)
    else:
        _print_table(article, extraction)


def _print_json(article: Article, extraction: Extraction) -> None:
    from quotewire.batch.writers import dump_line
    from quotewire.lines import extraction_to_line

    sys.stdout.buffer.write(dump_line(extraction_to_line(article, extraction)).encode() + b"\n")


def _print_table(article: Article, extraction: Extraction) -> None:
    from rich.console import Console

    from quotewire.render.table import statements_table

    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    console.print(statements_table(article, extraction))
