"""``quotewire experiments``: which variant is better, where two differ, and editors' labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from quotewire.cli.common import UserError
from quotewire.cli.experiment_inputs import (
    FILE,
    choices_of,
    logged_texts,
    read_articles,
    read_log,
    read_weights,
    two_variants,
)

if TYPE_CHECKING:
    from quotewire.experiments.observations import Observation
    from quotewire.experiments.report import Report
    from quotewire.types import Article

FORMATS = {".html": "html", ".htm": "html", ".json": "json"}
LABELS_FILE, TASKS_FILE, PAGE_FILE, CONFIG_FILE = (
    "labels.jsonl",
    "label-studio.json",
    "disagreements.html",
    "label-studio.xml",
)

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def experiments() -> None:
    """Which variant of an experiment is better, and where two of them differ.

    Needs the statistics: pip install 'quotewire[experiments]'.
    """


def needs_statistics() -> None:
    """Raises UserError, with what to do, where the extra is not installed."""
    try:
        import scipy  # noqa: F401
        import statsmodels  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"this needs the package {error.name}: pip install 'quotewire[experiments]'"
        ) from error


def report_options(command: Command) -> Command:
    """What `experiments report` and `compare` share."""
    for option in reversed(
        [
            click.option(
                "--labels",
                type=FILE,
                multiple=True,
                help="Editors' choices between readings: what the page of `diff` saved, or Label "
                "Studio exported; several for several.",
            ),
            click.option(
                "--precision",
                type=click.FloatRange(0, 100, min_open=True),
                default=1.0,
                show_default=True,
                metavar="PER CENT",
                help="Differences smaller than this are none to you: per cent of counts and "
                "times, points of shares.",
            ),
            click.option(
                "--resamples",
                type=click.IntRange(min=100),
                default=2000,
                show_default=True,
                help="Bootstrap samples behind the intervals for one look.",
            ),
            click.option(
                "--format",
                "output",
                type=click.Choice(["text", "json", "html"]),
                help="What to write.  [default: by the ending of --out, else text]",
            ),
            click.option(
                "--out",
                type=click.Path(dir_okay=False, path_type=Path),
                help="Where to write it.  [default: standard output]",
            ),
        ]
    ):
        command = option(command)
    return command


def log_options(command: Command) -> Command:
    """Which rows of which log."""
    command = click.option(
        "--same",
        multiple=True,
        metavar="SHADOW=VARIANT",
        help="A shadow that is the same model with the same options as a variant that serves: its "
        "rows count as that variant's.  With --experiments this is seen by itself.",
    )(command)
    command = click.option(
        "--experiments", "config", type=FILE, help="experiments.toml: weights, and such shadows."
    )(command)
    command = click.option(
        "--salt",
        help="Rows with this salt.  [default: the latest row's; an older salt is another draw]",
    )(command)
    return click.option("--experiment", help="Its name.  [default: the only one in the log]")(
        command
    )


@experiments.command()
@click.argument("log")
@log_options
@click.option(
    "--feedback", metavar="LOG", help="Where the feedback log is.  [default: where LOG is]"
)
@click.option(
    "--weights", metavar="A=50,B=50", help="The weights of the split, where there is no file."
)
@click.option("--baseline", metavar="VARIANT", help="What the others are compared with (A).")
@click.option("--gold", type=FILE, help="Labelled articles: F1 on those of them in the log.")
@click.option("--layer", type=FILE, help="The layer beside a --gold that is a corpus file.")
@report_options
def report(
    *,
    log: str,
    experiment: str | None,
    salt: str | None,
    same: tuple[str, ...],
    config: Path | None,
    feedback: str | None,
    weights: str | None,
    baseline: str | None,
    gold: Path | None,
    layer: Path | None,
    labels: tuple[Path, ...],
    precision: float,
    resamples: int,
    output: str | None,
    out: Path | None,
) -> None:
    """Report on an experiment from its logs.

    LOG is a folder with the logs, one file of exposures, or postgresql://….  Looking at the report
    as often as you like is allowed: its verdict is made for that.
    """
    needs_statistics()
    from quotewire.evaluation.gold import read_gold
    from quotewire.experiments.evidence import Plan
    from quotewire.experiments.report import build_report

    read = read_log(
        log, experiment=experiment, salt=salt, feedback=feedback, same=same, config=config
    )
    first = read.rows[0]
    if layer is not None and gold is None:
        raise UserError("--layer needs --gold")
    built = build_report(
        read.seen,
        title=first.experiment,
        salt=first.salt,
        unit=first.unit,
        left_out=read.left_out,
        weights=read_weights(config, weights, name=first.experiment),
        baseline=baseline,
        gold=() if gold is None else read_gold(gold, layer=layer),
        choices=choices_of(labels),
        plan=Plan(precision=precision / 100, resamples=resamples),
    )
    write_report(built, output=output, out=out)


@experiments.command()
@click.argument("log")
@click.argument("articles", nargs=-1, type=FILE, metavar="ARTICLES.jsonl…")
@log_options
@click.option("--a", "a", metavar="VARIANT", help="[default: the variant with the most rows]")
@click.option("--b", "b", metavar="VARIANT", help="[default: the other one]")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="How many disagreements, the most informative first.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="A folder for the page and the tasks.",
)
def diff(
    *,
    log: str,
    articles: tuple[Path, ...],
    experiment: str | None,
    salt: str | None,
    same: tuple[str, ...],
    config: Path | None,
    a: str | None,
    b: str | None,
    most: int,
    out: Path,
) -> None:
    """Where two variants read the same articles differently, as a labelling task.

    Only articles that both answered (one of them as a shadow) can be compared.  The log holds no
    texts unless the experiment asks for them: give the ARTICLES files that were sent.
    """
    needs_statistics()
    from quotewire.experiments.observations import paired

    read = read_log(log, experiment=experiment, salt=salt, same=same, config=config)
    a, b = two_variants(read.seen, a=a, b=b)
    pairs = list(paired(read.seen, a=a, b=b))
    if not pairs:
        raise UserError(
            f"no article was answered by both {a} and {b}: make one of them a shadow "
            "(docs/experiments.md)"
        )
    texts = [*logged_texts(read.rows), *read_articles(articles)]
    write_differences(pairs, texts, a=a, b=b, title=read.rows[0].experiment, most=most, out=out)


@experiments.command()
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="All of them together, as JSON lines.",
)
def labels(*, files: tuple[Path, ...], out: Path | None) -> None:
    """Editors' labels, brought together and counted.

    FILES are what the page of `diff` saved or what Label Studio exported (JSON).
    """
    needs_statistics()
    from quotewire.experiments.hypotheses import paired_test
    from quotewire.experiments.labels import label_to_json, read_labels, settled
    from quotewire.render.experiment_text import tally

    read = read_labels(files)
    if out is not None:
        write_text(out, "".join(json.dumps(label_to_json(label)) + "\n" for label in read))
    done = settled(read)
    told: set[frozenset[str]] = set()
    for (a, b), items in done.items.items():
        if frozenset((a, b)) not in told:
            told.add(frozenset((a, b)))
            click.echo(tally(paired_test(items), a=a, b=b))
    click.echo(f"{done.labels:,} labels; editors are undecided on {done.open:,} disagreements")


def write_report(built: Report, *, output: str | None, out: Path | None) -> None:
    """To ``out`` or standard output, in the format asked for."""
    chosen = output or (FORMATS.get(out.suffix.casefold(), "text") if out else "text")
    if chosen == "html":
        from quotewire.render.experiment_page import experiment_page

        text = experiment_page(built)
    elif chosen == "json":
        from quotewire.experiments.plain import to_json

        text = json.dumps(to_json(built), ensure_ascii=False, allow_nan=False) + "\n"
    else:
        from quotewire.render.experiment_text import render

        text = render(built)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)


def write_text(path: Path, text: str) -> None:
    """The file appears whole or not at all.  Raises UserError where there is no such folder."""
    if not path.parent.is_dir():
        raise UserError(f"{path}: the folder {path.parent} does not exist")
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8", errors="xmlcharrefreplace")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_differences(
    pairs: Iterable[tuple[Observation, Observation]],
    texts: Iterable[Article],
    *,
    a: str,
    b: str,
    title: str,
    most: int,
    out: Path,
) -> None:
    """The page, the tasks and Label Studio's configuration, into the folder ``out``."""
    from quotewire.experiments.difference import by_text_hash, differences
    from quotewire.render.difference_page import (
        LABEL_STUDIO_CONFIG,
        difference_page,
        label_studio_tasks,
    )

    found = differences(pairs, texts=by_text_hash(texts), a=a, b=b, most=most)
    if not found.articles:
        raise UserError(
            f"none of the {found.without_text:,} articles that both answered has its text: give "
            "the files that were sent (or log_text = true in the experiment)"
        )
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / PAGE_FILE, difference_page(found, title=title))
    tasks = json.dumps(label_studio_tasks(found), ensure_ascii=True, indent=1)
    write_text(out / TASKS_FILE, tasks + "\n")
    write_text(out / CONFIG_FILE, LABEL_STUDIO_CONFIG)
    click.echo(
        f"{len(found.items):,} disagreements from {found.articles:,} articles "
        f"({found.same:,} of {found.statements:,} statements that both found are read the same; "
        f"{found.without_text:,} articles without text) -> {out}"
    )
