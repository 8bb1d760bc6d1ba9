"""``quotewire score``: files of articles in, one file of JSON lines out."""

from __future__ import annotations

import itertools
import os
from contextlib import ExitStack
from pathlib import Path

import click

from quotewire.cli.common import (
    Toolbox,
    UserError,
    answer_options,
    extract_options,
    model_options,
)

EXIT_SOME_FAILED = 3
# So many failed lines are named on standard error; the output holds all of them.
_NAMED_PROBLEMS = 10


@click.command()
@click.argument(
    "inputs",
    metavar="IN.jsonl…",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, readable=True),
)
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False),
    metavar="OUT.jsonl",
    help="Where the answers go; appears whole when all is done, and replaces an older one.",
)
@answer_options
@model_options
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.pass_obj
def score(
    toolbox: Toolbox,
    *,
    inputs: tuple[str, ...],
    out: str,
    acts: str,
    min_confidence: float | None,
    model: str | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Answer files of articles, line by line.

    Every line of IN.jsonl (plain or gzip) gets its line in OUT.jsonl, in the same order.

    A line that cannot be answered (no JSON, no text, a wrong type, undecodable bytes) gets a line
    with `error`, never stops the run, and makes the exit code 3.
    """
    from rich.console import Console

    from quotewire.batch.local import score_records
    from quotewire.batch.readers import JsonLinesReader
    from quotewire.batch.writers import JsonLinesWriter
    from quotewire.render.progress import BatchProgress

    _check_output(out, inputs)
    options = extract_options(acts=acts, min_confidence=min_confidence)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with ExitStack() as stack:
        # Opened before the model is loaded: a file that cannot be read is told at once.
        readers = [stack.enter_context(JsonLinesReader(path)) for path in inputs]
        writer = stack.enter_context(JsonLinesWriter(out))
        extractor = toolbox.load_extractor(model, threads=threads)
        progress = stack.enter_context(
            BatchProgress(total_bytes=sum(r.size for r in readers), console=console, quiet=quiet)
        )
        records = itertools.chain.from_iterable(readers)
        for record, line in score_records(records, extractor=extractor, options=options):
            writer.write(line)
            progress.count(line, position=sum(reader.position for reader in readers))
            if line["error"] is not None and progress.failed <= _NAMED_PROBLEMS:
                place = f"{record.source}:{record.line}"
                console.print(f"{place}: {line['error']}", markup=False)
    click.echo(f"{progress.summary()} -> {out}", err=True)
    if progress.failed:
        click.get_current_context().exit(EXIT_SOME_FAILED)


def _check_output(out: str, inputs: tuple[str, ...]) -> None:
    """Raises UserError when nothing can be written there, or an input would be overwritten."""
    path = Path(out)
    if not path.parent.is_dir():
        raise UserError(f"--out {out}: the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"--out {out}: the folder {path.parent} cannot be written to")
    if path.exists() and not path.is_file():  # a rename would replace /dev/null, too
        raise UserError(f"--out {out}: is no regular file")
    for name in inputs:
        if path.exists() and os.path.samefile(name, path):
            raise UserError(f"--out {out}: is an input, too")
