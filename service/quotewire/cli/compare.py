"""``quotewire compare``: two models over files of articles, without a server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quotewire.cli.common import Toolbox, UserError, answer_options, extract_options
from quotewire.cli.experiment_inputs import FILE, choices_of, gold_articles, read_articles
from quotewire.cli.experiments import (
    needs_statistics,
    report_options,
    write_differences,
    write_report,
)

if TYPE_CHECKING:
    from quotewire.experiments.observations import Observation
    from quotewire.extraction.extractor import Extractor
    from quotewire.types import Article, ExtractOptions


@click.command()
@click.argument("model_a")
@click.argument("model_b")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE…")
@click.option("--gold", is_flag=True, help="FILES are labelled: compare F1, too.")
@click.option("--layer", type=FILE, help="The layer beside a labelled corpus file.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many articles.")
@click.option(
    "--diff",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for the disagreements, as `experiments diff` writes them.",
)
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="How many disagreements, the most informative first.",
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads of each model.")
@answer_options
@report_options
@click.pass_obj
def compare(
    toolbox: Toolbox,
    *,
    model_a: str,
    model_b: str,
    files: tuple[Path, ...],
    gold: bool,
    layer: Path | None,
    limit: int | None,
    diff: Path | None,
    most: int,
    threads: int | None,
    acts: str,
    min_confidence: float | None,
    labels: tuple[Path, ...],
    precision: float,
    resamples: int,
    output: str | None,
    out: Path | None,
) -> None:
    """Compare two models, by name or folder, on files of articles.

    FILES are articles (JSON lines) or, with --gold or --layer, labelled ones.  Both models answer
    every article, one after the other; the figures are those of `quotewire experiments report`.
    """
    needs_statistics()
    from rich.console import Console
    from rich.progress import track

    from quotewire.experiments.evidence import Plan
    from quotewire.experiments.report import build_report

    labelled = gold_articles(files, layer=layer)[:limit] if gold or layer is not None else []
    articles = [one.article for one in labelled] or list(read_articles(files))[:limit]
    if not articles:
        raise UserError("the files hold no articles")
    a, b = _names(model_a, model_b)
    models = [
        (name, toolbox.load_extractor(model, threads=threads))
        for name, model in ((a, model_a), (b, model_b))
    ]
    # Gold marks attitudes, too.
    options = extract_options(acts="all" if labelled else acts, min_confidence=min_confidence)
    console = Console(stderr=True)
    answered = _answers(articles, models, options=options)
    steps = track(
        answered, "articles", len(articles), console=console, disable=not console.is_terminal
    )
    pairs = list(steps)
    built = build_report(
        [one for pair in pairs for one in pair],
        title=f"{a} and {b}",
        baseline=a,
        gold=labelled,
        choices=choices_of(labels),
        plan=Plan(precision=precision / 100, resamples=resamples, sequential=False),
    )
    if diff is not None:
        both = [pair for pair in pairs if pair[0].error is None and pair[1].error is None]
        write_differences(both, articles, a=a, b=b, title=built.title, most=most, out=diff)
    write_report(built, output=output, out=out)


def _names(model_a: str, model_b: str) -> tuple[str, str]:
    """What the two are called: a folder by its last part, whole paths where these are the same."""
    short = Path(model_a).name, Path(model_b).name
    if short[0] and short[1] and short[0] != short[1]:
        return short
    if model_a == model_b:
        return f"{model_a} (A)", f"{model_b} (B)"
    return model_a, model_b


def _answers(
    articles: Sequence[Article],
    models: Sequence[tuple[str, Extractor]],
    *,
    options: ExtractOptions,
) -> Iterator[tuple[Observation, Observation]]:
    """Both answers to each article.  The models take turns at going first, so that neither is timed
    with warmer caches."""
    for name, extractor in models:  # the first article of a model takes longer
        _observation(articles[0], name, extractor, options=options, pair="warm-up")
    for number, article in enumerate(articles):
        turn = models if number % 2 == 0 else tuple(reversed(models))
        answers = {
            name: _observation(article, name, extractor, options=options, pair=str(number))
            for name, extractor in turn
        }
        yield answers[models[0][0]], answers[models[1][0]]


def _observation(
    article: Article, name: str, extractor: Extractor, *, options: ExtractOptions, pair: str
) -> Observation:
    from quotewire.experiments.assignment import text_hash
    from quotewire.experiments.observations import Observation
    from quotewire.experiments.records import Role

    begun = time.perf_counter()
    try:
        extraction, error = extractor.extract(article, options=options), None
    except Exception as caught:
        extraction, error = None, f"{type(caught).__name__}: {caught}"
    seconds = time.perf_counter() - begun
    section = article.meta.get("section")
    key = text_hash(article.text)
    return Observation(
        variant=name,
        role=Role.SERVED,
        article=key,
        article_id=article.id,
        unit=key,
        pair=pair,
        length=len(article.text),
        statements=extraction.statements if extraction else (),
        seconds=seconds,
        error=error,
        publisher=article.publisher,
        section=section if isinstance(section, str) else None,
        language=extraction.language if extraction else None,
        all_acts=options.all_acts,
        model=extractor.info.tag,
    )
