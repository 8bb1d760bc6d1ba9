"""The articles that every side reads: the first ones of an archive, the same for all."""

from __future__ import annotations

import hashlib
import json
from itertools import islice
from pathlib import Path

from quotewire.errors import QuotewireError
from quotewire.types import Article


class NoDataError(QuotewireError):
    """A corpus is not where it should be."""


def read_articles(path: Path, *, count: int) -> list[Article]:
    """The first ``count`` articles of JSON lines (packed or not); fewer where there are fewer.

    NoDataError where there is no such file or nothing in it.
    """
    import sys

    from quotewire.batch.readers import find_inputs, open_input
    from quotewire.batch.records import ReadOptions, Record

    if not path.is_file():
        raise NoDataError(
            f"{path}: no such file; give the archive with --archive FILE, or the folder of the "
            "corpora with `make bench DATA=…` (default: ../shared/data)"
        )
    options = ReadOptions()
    [file] = find_inputs([str(path)], options=options)
    with open_input(file, options=options) as reader:
        records = (r for r in reader.read(0, sys.maxsize) if isinstance(r, Record))
        articles = [record.article for record in islice(records, count)]
    if not articles:
        raise NoDataError(f"{path}: holds no article")
    return articles


def write_articles(path: Path, articles: list[Article]) -> None:
    lines = (json.dumps({"id": a.id, "text": a.text}) + "\n" for a in articles)
    path.write_text("".join(lines), encoding="utf-8")


def load_articles(path: str, *, part: int = 0, parts: int = 1) -> list[Article]:
    """What :func:`write_articles` wrote; of ``parts`` equal shares, dealt out in turn, one."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [Article(**json.loads(line)) for line in lines[part::parts]]


def digest(articles: list[Article]) -> str:
    whole = hashlib.sha256()
    for article in articles:
        whole.update(f"{article.id}\0{article.text}\0".encode("utf-8", "surrogatepass"))
    return whole.hexdigest()[:12]


def words_in(text: str) -> int:
    return len(text.split())


def long_article(articles: list[Article], *, words: int) -> str:
    """A text of about ``words`` words: the articles one after the other, from the beginning again
    where there are too few, cut at a paragraph."""
    paragraphs: list[str] = []
    count = 0
    while count < words:
        for article in articles:
            for paragraph in article.text.split("\n"):
                paragraphs.append(paragraph)
                count += words_in(paragraph)
                if count >= words:
                    return "\n".join(paragraphs)
            paragraphs.append("")
    return "\n".join(paragraphs)


def pieces_of(text: str, *, words: int) -> list[str]:
    """``text`` as texts of about ``words`` words each, cut at paragraphs."""
    pieces: list[str] = []
    paragraphs: list[str] = []
    count = 0
    for paragraph in text.split("\n"):
        paragraphs.append(paragraph)
        count += words_in(paragraph)
        if count >= words:
            pieces.append("\n".join(paragraphs))
            paragraphs, count = [], 0
    if paragraphs and not pieces:
        pieces.append("\n".join(paragraphs))
    return pieces
