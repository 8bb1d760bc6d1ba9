"""Gold of other newsrooms: a file of places only, joined with the archives that hold the texts.

docs/outofdomain.md says how the articles were chosen and labelled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from quotewire.errors import InputError
from quotewire.evaluation.gold import json_articles
from quotewire.evaluation.jsonl import Located, read_json_lines, string_of
from quotewire.evaluation.rows import GoldArticle

# A line's ``dataset`` is the middle of an archive's file name, and nothing else.
_DATASET = re.compile(r"[a-z0-9]+")


def outofdomain_articles(path: Path, *, archives: Path) -> list[GoldArticle]:
    """The gold articles of ``path``, in its order; their texts and titles come from
    ``archive_<dataset>.jsonl.gz`` in the folder ``archives``.

    Raises InputError for an archive that is missing, an article that is not in its archive, a text
    that is not the one that was labelled, and whatever :func:`json_articles` finds.
    """
    lines = list(read_json_lines(path))
    wanted: dict[str, dict[str, str]] = {}  # dataset -> id -> where the gold line stands
    for where, line in lines:
        dataset = string_of(line, "dataset", where=where)
        if not _DATASET.fullmatch(dataset):
            raise InputError(
                field=f"{where}: dataset", value=repr(dataset)[:60], allowed="a-z and 0-9 only"
            )
        wanted.setdefault(dataset, {})[string_of(line, "id", where=where)] = where
    texts = [text for dataset in wanted for text in _texts(archives, dataset, wanted[dataset])]
    return json_articles(lines, texts=texts)


def _texts(archives: Path, dataset: str, wanted: dict[str, str]) -> Iterator[Located]:
    archive = archives / f"archive_{dataset}.jsonl.gz"
    missing = dict(wanted)
    for where, line in read_json_lines(archive):
        if missing.pop(str(line.get("id")), None) is not None:
            yield where, line
    for name, where in missing.items():
        raise InputError(
            field=f"{where}: id", value=repr(name), allowed=f"an article of {archive.name}"
        )
