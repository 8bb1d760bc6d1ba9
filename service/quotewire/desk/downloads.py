"""A reading as a file to take away, in the formats of :mod:`quotewire.render`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from quotewire.lines import extraction_to_line
from quotewire.types import Article, Extraction


@dataclass(frozen=True, slots=True)
class Format:
    """``suffix`` is the file name's; ``write`` gives the file's bytes."""

    title: str
    suffix: str
    media_type: str
    write: Callable[[Article, Extraction], bytes]


def _json_line(article: Article, extraction: Extraction) -> bytes:
    line = json.dumps(extraction_to_line(article, extraction), ensure_ascii=False)
    return line.encode("utf-8", "replace") + b"\n"


FORMATS: Final[Mapping[str, Format]] = {
    "json": Format("JSON line", ".jsonl", "application/jsonl", _json_line),
}


def written(name: str, article: Article, extraction: Extraction) -> bytes:
    """The bytes of a file in the format of that name, a key of FORMATS."""
    return FORMATS[name].write(article, extraction)
