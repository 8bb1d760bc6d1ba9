"""Statements in other people's formats: docs/formats.md says what each holds and what it loses.

Each format has a module with ``write(answers)``, which yields the bytes of one file, some for each
article.  None of them holds more than one article at a time in memory, apart from ``spacy``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module

from quotewire.types import Article, Extraction

Answer = tuple[Article, Extraction]
Write = Callable[[Iterable[Answer]], Iterator[bytes]]

# Name on the command line -> whether it is text.
FORMATS = {
    "csv": True,
    "webannotation": True,
    "jsonld": True,
    "ninjs": True,
    "labelstudio": True,
    "brat": True,
    "spacy": False,
}


def writer(name: str) -> Write:
    """``write`` of the format called ``name``; imports what it needs only now."""
    if name not in FORMATS:
        raise ValueError(f"format {name!r}; known: {', '.join(FORMATS)}")
    write: Write = import_module(f"{__name__}.{name}").write
    return write
