"""What a score was made of: every score prints its signature (a habit taken from sacrebleu,
Post 2018), so that two figures are compared only where they can be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from quotewire import __version__
from quotewire.evaluation.measures import RULES_VERSION
from quotewire.evaluation.rows import GoldArticle


@dataclass(frozen=True, slots=True)
class Signature:
    """``data`` is the first 12 hex digits of the sha256 of the gold articles as read (ids, texts,
    rows, layers), ``rules`` the version of the match rules, ``commit`` that of the checkout the
    package runs from (None for an installed wheel)."""

    data: str
    articles: int
    rules: int
    model: str
    version: str
    commit: str | None

    def __str__(self) -> str:
        parts = {
            "data": self.data,
            "articles": self.articles,
            "rules": self.rules,
            "model": self.model,
            "quotewire": self.version,
            "commit": self.commit or "unknown",
        }
        return "|".join(f"{key}:{value}" for key, value in parts.items())


def data_hash(gold: Iterable[GoldArticle]) -> str:
    """sha256 over the articles in order of id, however their file was packed or sorted."""
    digest = hashlib.sha256()
    for article in sorted(gold, key=lambda article: article.id):
        fields = asdict(article) | {"labelled": sorted(article.labelled)}
        digest.update(json.dumps(fields, sort_keys=True).encode())
    return digest.hexdigest()


def checkout_commit(package: Path = Path(__file__).parent.parent) -> str | None:
    """The commit of the checkout that holds ``package`` at service/quotewire, read from .git; None
    where it lies elsewhere or .git cannot be read."""
    root = package.parent.parent
    if package.parent.name != "service" or not (root / ".git").is_dir():
        return None
    try:
        head = (root / ".git" / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head[:12]
        name = head.removeprefix("ref: ")
        loose = root / ".git" / name
        if loose.is_file():
            return loose.read_text().strip()[:12]
        for line in (root / ".git" / "packed-refs").read_text().splitlines():
            if line.endswith(f" {name}"):
                return line[:12]
    except OSError:
        pass
    return None


def signature_of(gold: Iterable[GoldArticle], *, model: str) -> Signature:
    articles = list(gold)
    return Signature(
        data=data_hash(articles)[:12],
        articles=len(articles),
        rules=RULES_VERSION,
        model=model,
        version=__version__,
        commit=checkout_commit(),
    )
