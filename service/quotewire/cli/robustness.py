"""``quotewire robustness``: the same gold, with its texts spoilt in several ways."""

from __future__ import annotations

from pathlib import Path

import click

from quotewire.cli.common import Toolbox

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FIGURES = {
    "source": "source_f1",
    "cue": "cue_f1",
    "content": "content_f1",
    "found": "found_f1",
    "exact": "exact_f1",
    "soft": "soft_f1",
    "interm.": "intermediary_f1",
    "name": "speaker_name_accuracy",
    "act": "act_accuracy",
}


@click.command()
@click.option("--gold", required=True, type=_FILE, help="Gold: a corpus file or JSON lines.")
@click.option("--layer", type=_FILE, help="The layer beside a corpus file: act, names, via, …")
@click.option("--texts", type=_FILE, help="The articles' texts, where JSON line gold has none.")
@click.option("--model", metavar="NAME|FOLDER", help="The model to test.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads of the model.")
@click.pass_obj
def robustness(
    toolbox: Toolbox,
    *,
    gold: Path,
    layer: Path | None,
    texts: Path | None,
    model: str | None,
    threads: int | None,
) -> None:
    """Score a model on gold whose texts have been spoilt.

    Lower and upper case, quotation marks stripped or mangled, paragraph breaks lost, misread
    characters, everything in one paragraph: places stay the same, so the figures compare.
    """
    from quotewire.evaluation.disturbances import DISTURBANCES, ONE_PARAGRAPH, disturbed
    from quotewire.evaluation.gold import read_gold
    from quotewire.evaluation.score import score_lines
    from quotewire.evaluation.text import percent, table
    from quotewire.lines import extraction_to_line
    from quotewire.types import ExtractOptions

    articles = read_gold(gold, layer=layer, texts=texts)
    extractor = toolbox.load_extractor(model, threads=threads)
    rows = []
    for name in (None, *DISTURBANCES, ONE_PARAGRAPH):
        spoilt = articles if name is None else disturbed(articles, name)
        sent = [article.article for article in spoilt]
        answers = extractor.extract_many(iter(sent), options=ExtractOptions(all_acts=True))
        lines = [extraction_to_line(a, answer) for a, answer in zip(sent, answers, strict=True)]
        report = score_lines(spoilt, lines)
        if name is None:
            click.echo(f"{report.signature}\n")
        figures = [percent(report.value(metric)) for metric in _FIGURES.values()]
        rows.append([name or "as it is", *figures])
    click.echo(table(["text", *_FIGURES], rows))
