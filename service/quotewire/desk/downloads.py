"""A reading as a file to take away, in the formats of :mod:`quotewire.render`."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Final

from quotewire.lines import extraction_to_line
from quotewire.render.formats import writer
from quotewire.render.formats.brat import CONFIGURATION
from quotewire.render.formats.common import encoded
from quotewire.render.page import html_page
from quotewire.types import Article, Extraction


@dataclass(frozen=True, slots=True)
class Format:
    """``suffix`` is the file name's; ``write`` gives the file's bytes."""

    title: str
    suffix: str
    media_type: str
    write: Callable[[Article, Extraction], bytes]


def _json_line(article: Article, extraction: Extraction) -> bytes:
    return encoded(json.dumps(extraction_to_line(article, extraction), ensure_ascii=False) + "\n")


def _page(article: Article, extraction: Extraction) -> bytes:
    return encoded(html_page(article, extraction))


def _written(name: str, article: Article, extraction: Extraction) -> bytes:
    return b"".join(writer(name)([(article, extraction)]))


def _brat(article: Article, extraction: Extraction) -> bytes:
    """brat wants three files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("article.txt", encoded(article.text))
        files.writestr("article.ann", _written("brat", article, extraction))
        files.writestr("annotation.conf", CONFIGURATION)
    return archive.getvalue()


def _formats() -> dict[str, Format]:
    """By name in an address; spaCy's only where it is installed."""
    formats = {
        "html": Format("Page (HTML)", ".html", "text/html", _page),
        "json": Format("JSON line", ".jsonl", "application/jsonl", _json_line),
    }
    for name, title, suffix, media_type in (
        ("csv", "Spreadsheet (CSV)", ".csv", "text/csv"),
        ("webannotation", "W3C Web Annotation", ".webannotation.json", "application/ld+json"),
        ("jsonld", "schema.org (JSON-LD)", ".jsonld", "application/ld+json"),
        ("ninjs", "IPTC ninjs 3", ".ninjs.json", "application/json"),
        ("labelstudio", "Label Studio", ".labelstudio.json", "application/json"),
        ("spacy", "spaCy DocBin", ".spacy", "application/octet-stream"),
    ):
        if name != "spacy" or find_spec("spacy"):
            formats[name] = Format(title, suffix, media_type, partial(_written, name))
    formats["brat"] = Format("brat (ZIP)", ".brat.zip", "application/zip", _brat)
    return formats


FORMATS: Final[Mapping[str, Format]] = _formats()


def written(name: str, article: Article, extraction: Extraction) -> bytes:
    """The bytes of a file in the format of that name, a key of FORMATS."""
    return FORMATS[name].write(article, extraction)
