"""``quotewire``: its commands, its exit codes and the one place that turns exceptions into them.

Exit codes: 0 done · 1 something outside failed (a server that does not answer) · 2 wrong usage or
unusable input · 3 done, but some lines could not be answered (``score``) · 130 Ctrl-C ·
141 the reader of the output went away · 143 SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import click

from quotewire import __version__
from quotewire.cli.common import (
    Interrupted,
    OutputClosed,
    OutsideError,
    SigTerm,
    Terminated,
    Toolbox,
    UserError,
)
from quotewire.cli.compare import compare
from quotewire.cli.convert import convert
from quotewire.cli.desk import desk
from quotewire.cli.evaluate import evaluate
from quotewire.cli.experiments import experiments
from quotewire.cli.extract import extract
from quotewire.cli.health import health
from quotewire.cli.models import models
from quotewire.cli.report import report
from quotewire.cli.resolver import resolver
from quotewire.cli.robustness import robustness
from quotewire.cli.score import score
from quotewire.cli.serve import serve
from quotewire.cli.train import train
from quotewire.errors import (
    DeadlineError,
    OverloadedError,
    QuotewireError,
    ServiceError,
    UnavailableError,
)


class Commands(click.Group):
    """Translates exceptions into one line on standard error and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SigTerm:
            raise Terminated("terminated") from None
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None
        except BrokenPipeError:
            raise OutputClosed("output closed") from None
        except (DeadlineError, OverloadedError, ServiceError, UnavailableError) as error:
            raise OutsideError(str(error)) from error
        except QuotewireError as error:
            raise UserError(str(error)) from error
        except OSError as error:
            if error.filename is None:  # no file of the user's (a pipe, a socket): not a mistake
                raise
            raise UserError(f"{error.filename}: {error.strerror}") from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="quotewire", message="%(prog)s %(version)s")
@click.pass_context
def commands(ctx: click.Context) -> None:
    """Who said what in a news article, and through whom it reached the page."""
    if ctx.obj is None:
        ctx.obj = Toolbox()


for command in (
    extract,
    score,
    report,
    convert,
    serve,
    desk,
    health,
    train,
    evaluate,
    robustness,
    resolver,
    models,
    compare,
    experiments,
):
    commands.add_command(command)


def _terminate(*_: object) -> None:
    raise SigTerm


def main(arguments: list[str] | None = None, *, toolbox: Toolbox | None = None) -> None:
    """Run the command line and exit the process with its code."""
    # So that what must be cleaned up is, as with Ctrl-C (the server puts its own handler here).
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = commands.main(
            arguments, prog_name="quotewire", standalone_mode=False, obj=toolbox or Toolbox()
        )
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = Interrupted.exit_code
    except BrokenPipeError:
        code = OutputClosed.exit_code
    if code == OutputClosed.exit_code:
        # Python flushes standard output once more at exit: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code if isinstance(code, int) else 0)
