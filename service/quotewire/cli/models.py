"""``quotewire models``: which models can be named."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command()
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table to read, or one JSON object a line.",
)
def models(*, output: str) -> None:
    """List the models that --model can name."""
    from quotewire.extraction.model_folder import known_models

    rows = [_describe(name) for name in known_models()]
    if output == "json":
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    if not rows:
        click.echo("no models found")
    for row in rows:
        click.secho(f"{row['name']}@{row['version']}", bold=True)
        click.echo(f"  base     {row['base']}\n  weights  {row['size_bytes'] / 1e6:.1f} MB")
        click.echo(f"  licence  {row['licence']}\n  folder   {row['folder']}")
        for metric, value in row["metrics"].items():
            if isinstance(value, float):
                click.echo(f"  {metric:<28} {100 * value:5.1f}")


def _describe(name: str) -> dict[str, Any]:
    """What a model's folder says of it; the weights themselves are not loaded."""
    from quotewire.extraction.model_folder import (
        METRICS,
        WEIGHTS,
        find_model,
        read_description,
        read_json,
    )

    folder = find_model(name)
    description = read_description(folder)
    metrics = folder / METRICS
    return {
        "name": description.name,
        "version": description.version,
        "base": description.base,
        "size_bytes": (folder / WEIGHTS).stat().st_size,
        "licence": description.licence,
        "folder": str(folder),
        "metrics": read_json(metrics).get("metrics", {}) if metrics.is_file() else {},
    }
