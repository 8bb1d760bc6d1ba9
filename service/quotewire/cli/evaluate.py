"""``quotewire evaluate``: predictions, or a model, against gold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quotewire.cli.common import Toolbox, UserError

if TYPE_CHECKING:
    from quotewire.evaluation.rows import GoldArticle

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--gold", required=True, type=_FILE, help="Gold: a corpus file or JSON lines.")
@click.option("--layer", type=_FILE, help="The layer beside a corpus file: act, names, via, …")
@click.option("--texts", type=_FILE, help="The articles' texts, where JSON line gold has none.")
@click.option("--pred", type=_FILE, help="What `quotewire score --acts all` wrote.")
@click.option(
    "--compare",
    type=_FILE,
    help="Another set of predictions: how much better is it than --pred, and is that chance?",
)
@click.option("--model", metavar="NAME|FOLDER", help="A model to run over the gold articles.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads of the model.")
@click.option("--allow-missing", is_flag=True, help="Count articles without prediction as empty.")
@click.option(
    "--resamples",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Bootstrap samples behind the 95% intervals.",
)
@click.option(
    "--worst",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many of the worst articles to list.",
)
@click.option(
    "--mistakes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Print mistakes by kind and the N worst statements instead of the figures.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_obj
def evaluate(
    toolbox: Toolbox,
    *,
    gold: Path,
    layer: Path | None,
    texts: Path | None,
    pred: Path | None,
    compare: Path | None,
    model: str | None,
    threads: int | None,
    allow_missing: bool,
    resamples: int,
    worst: int,
    mistakes: int | None,
    as_json: bool,
) -> None:
    """Score predictions or a model against gold.

    Every figure comes with the signature of what it was made of: gold, match rules, model and
    version.
    """
    if (pred is None) == (model is None):
        raise UserError("give either --pred FILE or --model NAME")
    if compare is not None and (pred is None or as_json):
        raise UserError("--compare needs --pred and prints text only")
    if mistakes is not None and (compare is not None or as_json):
        raise UserError("--mistakes prints text only, and of one set of predictions")
    from quotewire.evaluation.command import compare_files, evaluate_files
    from quotewire.evaluation.gold import read_gold
    from quotewire.evaluation.score import read_predictions, score_lines
    from quotewire.evaluation.text import render, render_comparison

    if pred is not None and compare is not None:
        reports = compare_files(
            gold,
            pred,
            compare,
            layer=layer,
            texts=texts,
            allow_missing=allow_missing,
            resamples=resamples,
        )
        click.echo(render_comparison(*reports), nl=False)
        return
    if mistakes is not None:
        articles = read_gold(gold, layer=layer, texts=texts)
        answers = (
            [line for _, line in read_predictions(pred)]
            if pred is not None
            else list(_answers(toolbox, articles, model=model, threads=threads))
        )
        score_lines(articles, answers, allow_missing=allow_missing)  # refuses what does not fit
        click.echo(_mistakes(articles, answers, count=mistakes), nl=False)
        return
    if pred is not None:
        report = evaluate_files(gold, pred, layer=layer, texts=texts, allow_missing=allow_missing)
    else:
        articles = read_gold(gold, layer=layer, texts=texts)
        lines = _answers(toolbox, articles, model=model, threads=threads)
        report = score_lines(articles, lines, allow_missing=allow_missing)
    if as_json:
        click.echo(json.dumps(report.to_json(resamples=resamples), ensure_ascii=False))
    else:
        click.echo(render(report, worst=worst, resamples=resamples), nl=False)


def _mistakes(
    articles: Sequence[GoldArticle], lines: Sequence[Mapping[str, Any]], *, count: int
) -> str:
    from quotewire.evaluation.mistakes import mistakes_of, render_mistakes
    from quotewire.evaluation.rows import rows_from_line

    answers = {line["id"]: line for line in lines}
    made = [
        mistake
        for article in articles
        if article.id in answers
        for mistake in mistakes_of(
            article, rows_from_line(answers[article.id], text=article.text, where=article.id)
        )
    ]
    return render_mistakes(made, texts={a.id: a.text for a in articles}, count=count)


def _answers(
    toolbox: Toolbox, gold: Sequence[GoldArticle], *, model: str | None, threads: int | None
) -> Iterator[Mapping[str, Any]]:
    """The model's output lines for the gold articles, by the same path as ``quotewire score``."""
    from rich.console import Console
    from rich.progress import track

    from quotewire.batch.records import Record, SourceRef
    from quotewire.batch.scoring import score_records
    from quotewire.types import Article, ExtractOptions

    extractor = toolbox.load_extractor(model, threads=threads)
    records = [
        Record(
            Article(
                id=article.id, text=article.text, title=article.title, publisher=article.publisher
            ),
            SourceRef("gold", number, number + 1),
        )
        for number, article in enumerate(gold)
    ]
    # Gold marks attitudes, too.
    options = ExtractOptions(all_acts=True)
    answers = score_records(records, extractor=extractor, options=options)
    console = Console(stderr=True)
    for scored in track(
        answers, "articles", len(records), console=console, disable=not console.is_terminal
    ):
        yield scored.line
