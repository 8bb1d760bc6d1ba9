"""``quotewire train``: corpora -> a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from quotewire.training.loop import Step

# Where nothing can be redrawn (a log file), one line of progress in so many seconds.
_SECONDS_PER_LINE = 60.0


@click.command()
@click.argument(
    "config", metavar="CONFIG.toml", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--base",
    metavar="NAME|FOLDER",
    help="Another base encoder than the configuration's: any Hugging Face encoder folder.",
)
def train(*, config: Path, base: str | None) -> None:
    """Train a model.

    CONFIG.toml says from what, how, and into which folder.  An interrupted run goes on from its
    last checkpoint when the same command is given again.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from quotewire.training.command import read_config
    from quotewire.training.command import train as run

    console = Console(highlight=False, soft_wrap=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = bar.add_task("reading", total=1.0)
    told = 0.0
    with bar:
        for report in run(read_config(config, base=base)):
            if report.news is not None:
                console.print(report.news, markup=False)
            if report.step is None:
                continue
            bar.update(task, description=_shown(report.step), completed=report.step.progress)
            if bar.disable and report.seconds - told >= _SECONDS_PER_LINE:
                told = report.seconds
                console.print(
                    f"{report.seconds:.0f} s, {report.step.progress:.1%}: {_shown(report.step)}",
                    markup=False,
                )


def _shown(step: Step) -> str:
    losses = " ".join(f"{name} {value:.3f}" for name, value in step.losses.items())
    return f"epoch {step.epoch + 1}, step {step.number}: {losses}"
