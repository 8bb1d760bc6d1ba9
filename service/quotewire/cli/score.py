"""``quotewire score``: archives of articles in, a table of statements out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quotewire import __version__
from quotewire.cli.common import (
    DEFAULT_MODEL,
    OutsideError,
    Toolbox,
    UserError,
    answer_options,
    extract_options,
)
from quotewire.errors import QuotewireError

if TYPE_CHECKING:
    from quotewire.batch.archive import Engine
    from quotewire.batch.job import Places
    from quotewire.batch.records import InputFile, ReadOptions
    from quotewire.batch.run import Run
    from quotewire.cli.watch import Watch

EXIT_SOME_FAILED = 3
# So many dead letters are named on standard error; their file holds all of them.
_NAMED_PROBLEMS = 10
_FORMATS = ["jsonl", "csv", "parquet", "text", "html", "warc", "wacz"]
_FIELDS = ("id", "text", "title", "publisher", "published", "language")


@click.command()
@click.argument("inputs", metavar="INPUT…", nargs=-1, required=True)
@click.option(
    "--out",
    required=True,
    metavar="PATH",
    help="OUT.jsonl: one file of JSON lines; any other path: a folder of Parquet tables.",
)
@click.option(
    "--format",
    "input_format",
    type=click.Choice(_FORMATS),
    help="What the inputs are (default: told by name and first bytes).",
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME=COLUMN",
    help="Where a field of an article stands in the input: --field text=body --field id=url. "
    f"NAME is one of {', '.join(_FIELDS)}; id= (nothing) numbers the articles.",
)
@click.option(
    "--max-characters",
    type=click.IntRange(min=1),
    default=2_000_000,
    show_default=True,
    help="A longer text is a dead letter.",
)
@answer_options
@click.option(
    "--model",
    metavar="NAME|FOLDER",
    help=f"A model by name, or the folder of one.  [default: {DEFAULT_MODEL}]",
)
@click.option(
    "--duplicates",
    type=click.Choice(["ignore", "mark", "once"]),
    default="ignore",
    show_default=True,
    help="Articles printed before: score them like any other, have them point to the first one, "
    "or point and not score them.",
)
@click.option(
    "--similarity",
    type=click.FloatRange(0.7, 1.0),
    default=0.8,
    show_default=True,
    help="From which likeness on an article is a near duplicate; 1: exact ones only.",
)
@click.option("--with-text", is_flag=True, help="Keep the articles' texts in the articles table.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Processes on this machine, or a Ray cluster (pip install 'quotewire[ray]').",
)
@click.option("--address", help="The Ray cluster's address (default: one on this machine).")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="How many at once (default: one a CPU, or a GPU where Ray has some); "
    "0: in this process, without a spare.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="CPU threads of each worker's model.",
)
@click.option(
    "--shard-articles",
    type=click.IntRange(min=1),
    help="Articles a shard and output part (default: 100 at first, up to 5,000 in long runs).",
)
@click.option("--restart", is_flag=True, help="Throw away what --out holds and begin anew.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option(
    "--json-progress", is_flag=True, help="Progress as JSON lines on standard output, no bar."
)
@click.pass_obj
def score(
    toolbox: Toolbox,
    *,
    inputs: tuple[str, ...],
    out: str,
    input_format: str | None,
    fields: tuple[str, ...],
    max_characters: int,
    acts: str,
    min_confidence: float | None,
    model: str | None,
    duplicates: str,
    similarity: float,
    with_text: bool,
    engine: str,
    address: str | None,
    workers: int | None,
    threads: int,
    shard_articles: int | None,
    restart: bool,
    quiet: bool,
    json_progress: bool,
) -> None:
    """Answer archives of articles; lose none.

    INPUT is a file (JSON lines, CSV, Parquet, WARC, WACZ; plain, gzip or zstd), a folder of such or
    of .txt or .html files, or an fsspec URL (s3://…).

    The same command again goes on where the last one ended, however it ended, and does nothing
    when all is done.  A record that cannot be answered is named, with its place and the reason, in
    the dead-letter file; it never stops the run, and makes the exit code 3.
    """
    from quotewire.batch.archive import carry_out, check_unchanged
    from quotewire.batch.job import Duplicates, Job, Places
    from quotewire.batch.readers import find_inputs
    from quotewire.batch.run import Run, check_free
    from quotewire.batch.schedule import CannotGoOnError
    from quotewire.cli.watch import Watch

    places = Places(_output(out))
    reading = _reading(input_format, fields, max_characters)
    options = extract_options(acts=acts, min_confidence=min_confidence)
    files = find_inputs(inputs, options=reading)
    _check_not_input(places, inputs, files)
    tag, model_digest = toolbox.identify_model(model)
    settings: dict[str, Any] = {
        "inputs": [[file.url, file.fingerprint] for file in files],
        "model": f"{tag} (sha256 {model_digest})",
        "version of Quotewire": __version__,
        "--acts": acts,
        "--min-confidence": min_confidence,
        "--format": input_format,
        "--field": list(fields),
        "--max-characters": max_characters,
        "--duplicates": duplicates,
        "--similarity": similarity if duplicates != "ignore" else None,
        "--with-text": with_text,
        "--shard-articles": shard_articles,
    }
    job = Job(
        places=places,
        folder=Path.cwd(),
        load=partial(toolbox.load_extractor, model, threads=threads),
        identify=partial(toolbox.identify_model, model),
        model=(tag, model_digest),
        options=options,
        reading=reading,
        duplicates=Duplicates(duplicates),
        similarity=similarity,
        with_text=with_text,
    )
    check_free(places, restart=restart)
    with Run.open(places) as run, Watch(quiet=quiet, json_lines=json_progress) as watch:
        if restart:
            run.discard()
        if not run.resume(settings):
            _plan(run, settings, files, reading=reading, size=shard_articles, watch=watch)
        if run.finished():
            watch.say(f"nothing to do: {out} is complete")
        else:
            try:
                with _threads(threads):
                    undone = carry_out(
                        run,
                        job=job,
                        engine=_engine(engine, address=address, workers=workers),
                        progress=watch,
                    )
            except CannotGoOnError as error:
                raise OutsideError(f"{error}. The same command goes on from here") from error
            if undone:
                raise OutsideError(_told_undone(undone))
            check_unchanged(run, inputs, job=job)
            if not places.is_file:
                _write_report(places, watch.say)
        totals = run.totals()
        _name_dead_letters(places, watch.say)
        watch.end(totals, out=out)
        if totals.dead:
            watch.say(f"dead letters: {places.dead_letters}")
    if totals.dead:
        click.get_current_context().exit(EXIT_SOME_FAILED)


def _output(out: str) -> Path:
    """Raises UserError when nothing can be written there."""
    path = Path(out)
    if "://" in out:
        raise UserError(f"--out {out}: give a local path: only there a part appears whole or not")
    if not path.parent.is_dir():
        raise UserError(f"--out {out}: the folder {path.parent} does not exist")
    if not os.access(path if path.is_dir() else path.parent, os.W_OK):
        raise UserError(f"--out {out}: the folder {path.parent} cannot be written to")
    if path.suffix == ".jsonl":
        if path.exists() and not path.is_file():  # a rename would replace a device, too
            raise UserError(f"--out {out}: is no regular file")
    elif path.exists() and not path.is_dir():
        raise UserError(f"--out {out}: is no folder (one file of JSON lines ends in .jsonl)")
    return path.absolute()


def _check_not_input(places: Places, inputs: tuple[str, ...], files: list[InputFile]) -> None:
    for url in (file.url for file in files if os.path.isfile(file.url)):
        if places.out.exists() and places.out.samefile(url):
            raise UserError(f"--out {places.out}: is an input, too")
    for folder in (Path(argument) for argument in inputs if os.path.isdir(argument)):
        if places.out.resolve().is_relative_to(folder.resolve()):
            raise UserError(f"--out {places.out}: lies in the input {folder}")


def _reading(input_format: str | None, fields: tuple[str, ...], max_characters: int) -> ReadOptions:
    from quotewire.batch.records import InputFormat, ReadOptions

    columns: dict[str, Any] = {}
    for field in fields:
        name, equals, column = field.partition("=")
        if not equals or name not in _FIELDS or (name == "text" and not column):
            raise UserError(f"--field {field}: give NAME=COLUMN, NAME one of {', '.join(_FIELDS)}")
        columns[name] = column or None
    return ReadOptions(
        format=InputFormat(input_format) if input_format else None,
        max_text_characters=max_characters,
        **columns,
    )


def _plan(
    run: Run,
    settings: dict[str, Any],
    files: list[InputFile],
    *,
    reading: ReadOptions,
    size: int | None,
    watch: Watch,
) -> None:
    from quotewire.batch.shards import plan

    cut = plan(files, reading=reading, shard_records=size)
    for kind, count in sorted(cut.passed_over.items()):
        watch.say(f"passed over, as they are no articles: {count:,} {kind}")
    run.begin(settings, cut)


def _engine(name: str, *, address: str | None, workers: int | None) -> Engine:
    """Raises UserError where there is no such engine."""
    if name == "ray":
        if workers == 0:
            raise UserError("--workers 0: Ray needs one at least")
        try:
            from quotewire.batch.ray import run_ray
        except ModuleNotFoundError as error:
            raise UserError("--engine ray: Ray is missing: pip install 'quotewire[ray]'") from error
        return partial(run_ray, workers=workers, address=address)
    if address is not None:
        raise UserError("--address: goes with --engine ray")
    from quotewire.batch.local import run_here, run_local

    if workers == 0:
        return run_here
    return partial(run_local, workers=workers or len(os.sched_getaffinity(0)))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """What workers that start in here read when they import torch, and must know before."""
    name = "OMP_NUM_THREADS"
    before = os.environ.get(name)
    os.environ[name] = str(count)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _told_undone(undone: dict[Any, str]) -> str:
    shard, why = next(iter(undone.items()))
    where = f"{shard.name} ({shard.file.url}, records {shard.start}-{shard.stop - 1})"
    return (
        f"{len(undone)} shards could not be done, the first of them {where}: {why}. "
        "The same command tries them again"
    )


def _write_report(places: Places, say: Callable[[str], None]) -> None:
    """The run's report, as text and as a page; the run is done, whatever becomes of it."""
    try:
        from quotewire.batch.report import report_on
        from quotewire.batch.writers import whole_file
        from quotewire.render.run_report import report_html, report_text

        figures = report_on(str(places.out), top=15)
    except (ImportError, QuotewireError) as error:
        say(f"no report: {error}")
        return
    for name, text in (
        ("report.txt", report_text(figures)),
        ("report.html", report_html(figures)),
    ):
        with whole_file(places.run / name) as file:
            file.write(text.encode("utf-8", "replace"))
    say(f"report: {places.run / 'report.html'}")


def _name_dead_letters(places: Places, say: Callable[[str], None]) -> None:
    with places.dead_letters.open(encoding="utf-8") as file:
        for line in islice(file, _NAMED_PROBLEMS):
            letter = json.loads(line)
            say(f"{letter['file']}:{letter['line']}: {letter['detail']}")
