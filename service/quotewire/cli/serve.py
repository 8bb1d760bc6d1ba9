"""``quotewire serve``: the gRPC server."""

from __future__ import annotations

import os
import sys
from functools import partial

import click

from quotewire.cli.desk import DEFAULT_DESK, desk_port
from quotewire.types import PRECISIONS


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on, 0 for any free one.  [default: 50051]")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME|FOLDER",
    help="A model to serve; give several for several, the first is the default.  "
    "[default: quotewire-base]",
)
@click.option(
    "--threads", type=int, help="CPU threads of a model.  [default: the model's own choice]"
)
@click.option(
    "--precision",
    metavar="|".join(PRECISIONS),
    help="Arithmetic of the model's encoder.  [default: auto, the fastest that the CPU has]",
)
@click.option(
    "--desk",
    metavar="[HOST:PORT]",
    is_flag=False,
    flag_value=DEFAULT_DESK,
    help="Show the desk, a page to look at statements, on a port of its own.  "
    f"[default: none; without HOST:PORT: {DEFAULT_DESK}]",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="What is logged to standard error.",
)
def serve(
    *,
    host: str | None,
    port: int | None,
    models: tuple[str, ...],
    threads: int | None,
    precision: str | None,
    desk: str | None,
    log_level: str,
) -> None:
    """Answer over gRPC.

    Serves until SIGTERM or Ctrl-C, then finishes what is running.  SIGHUP makes it read the models
    file, the clients file and the experiments file again.

    Every setting can be given as an environment variable, too (QUOTEWIRE_PORT, …; all of them are
    in docs/settings.md); a flag goes before it.
    """
    from quotewire.serving.logs import configure_logging
    from quotewire.serving.server import run
    from quotewire.serving.settings import Settings

    settings = Settings.from_environment(
        os.environ,
        host=host,
        port=port,
        models=models or None,
        model_threads=threads,
        precision=precision,
        desk=desk,
    )
    configure_logging(stream=sys.stderr, level=log_level, format_=settings.log_format)
    if settings.desk is None:
        run(settings)
    else:
        run(settings, neighbour=partial(desk_port(), settings))
