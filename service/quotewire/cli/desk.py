"""``quotewire desk``: the page to look at statements, in front of a server that runs elsewhere."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from quotewire.cli.common import UserError

if TYPE_CHECKING:
    from quotewire.desk.port import DeskPort

DEFAULT_DESK: Final = "127.0.0.1:8080"


def desk_port() -> type[DeskPort]:
    """The desk; raises UserError where its extra is not installed."""
    missing = [name for name in ("starlette", "uvicorn", "python_multipart") if not find_spec(name)]
    if missing:
        raise UserError(f"the desk needs {', '.join(missing)}: pip install 'quotewire[desk]'")
    from quotewire.desk.port import DeskPort

    return DeskPort


@click.command()
@click.option(
    "--server",
    required=True,
    metavar="HOST:PORT",
    help="The `quotewire serve` that answers.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help=f"Where the page is.  [default: {DEFAULT_DESK}]",
)
@click.option("--tls", is_flag=True, help="The server speaks TLS, by the authorities gRPC knows.")
@click.option(
    "--tls-ca",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The server speaks TLS, by these authorities (PEM).",
)
def desk(*, server: str, listen: str | None, tls: bool, tls_ca: Path | None) -> None:
    """Show the desk, a page to look at statements, in front of a server that runs elsewhere.

    Serves until SIGTERM or Ctrl-C.  Visitors show the server's tokens themselves.  The page's own
    certificate and limits are the settings that `quotewire serve` has for them (QUOTEWIRE_TLS_…,
    QUOTEWIRE_DESK_…; docs/desk.md).
    """
    import grpc

    from quotewire.serving.logs import configure_logging
    from quotewire.serving.settings import Settings

    port = desk_port()
    settings = Settings.from_environment(os.environ, desk=listen)
    if settings.desk is None:
        settings = replace(settings, desk=DEFAULT_DESK)
    credentials = None
    if tls or tls_ca:
        credentials = grpc.ssl_channel_credentials(tls_ca.read_bytes() if tls_ca else None)
    configure_logging(stream=sys.stderr, level="info", format_=settings.log_format)
    port(settings, server, credentials=credentials).run()
