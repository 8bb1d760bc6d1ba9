"""Packages that only some inputs need: what to say where one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from quotewire.errors import QuotewireError


@contextmanager
def needed_for(what: str) -> Iterator[None]:
    """Around imports: raises QuotewireError saying what to install where a package is missing."""
    try:
        yield
    except ImportError as error:  # fsspec says in it which package a URL needs
        raise QuotewireError(f"{what}: {error}: pip install 'quotewire[archive]'") from error
