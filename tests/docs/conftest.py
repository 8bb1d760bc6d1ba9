"""The command line around the fake model, as its own tests have it."""

from tests.cli.conftest import run

__all__ = ["run"]
