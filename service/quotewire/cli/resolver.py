"""``quotewire resolver``: how good the name resolver is, and training it anew."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def resolver() -> None:
    """Measure or train the resolver of names."""


@resolver.command()
@click.option("--gold", required=True, type=_FILE, help="A corpus file.")
@click.option("--layer", required=True, type=_FILE, help="The layer with names over it.")
@click.option("--gap", type=_FILE, help="A GAP file, for its pronouns.")
@click.option(
    "--model",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A model folder; without it, the package's own weights.",
)
def report(*, gold: Path, layer: Path, gap: Path | None, model: Path | None) -> None:
    """Names given the gold mentions, by class of mention; types; GAP's pronouns."""
    from quotewire.extraction.resolve import Resolver
    from quotewire.training.resolver_report import report as lines

    for line in lines(Resolver.load(model), gold=gold, layer=layer, gap=gap):
        click.echo(line)


@resolver.command()
@click.option("--gold", required=True, type=_FILE, help="A corpus file.")
@click.option("--layer", required=True, type=_FILE, help="The layer with names over it.")
@click.option("--gap", type=_FILE, help="A GAP file to learn pronouns from.")
@click.option("--gum", type=_FILE, help="GUM's coreference to learn pronouns from.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The weights: resolver.json of a model folder.",
)
def train(
    *, gold: Path, layer: Path, gap: Path | None, gum: Path | None, seed: int, out: Path
) -> None:
    """Train the resolver's ranker (some minutes, one thread)."""
    from quotewire.training.resolver import train_resolver

    for line in train_resolver(gold=gold, layer=layer, out=out, gap=gap, gum=gum, seed=seed):
        click.echo(line)
