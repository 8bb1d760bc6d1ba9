"""Word lists of the name resolver, read once from the package's own data files.

All lists were written for this project.  Words are lower case; entries of several words are joined
by "_".
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """``lists`` by the heading in ``words.txt``; ``gender`` of given names: "m", "f" or "n"
    (either); ``common`` words that start sentences without being names."""

    lists: dict[str, frozenset[str]]
    gender: dict[str, str]
    common: frozenset[str]

    def __getitem__(self, name: str) -> frozenset[str]:
        return self.lists[name]


def fold(text: str) -> str:
    """Lower case without accents, with straight apostrophes: the form in which words compare."""
    if text.isascii():
        return text.lower()
    text = text.replace("’", "'").replace("‘", "'").casefold()
    if text.isascii():
        return text
    split = unicodedata.normalize("NFKD", text)
    # A word of nothing but accents stays what it is: no word folds to nothing.
    return "".join(c for c in split if not unicodedata.combining(c)) or text


def _lines(name: str) -> list[str]:
    text = (DATA / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The word lists; read on first use."""
    lists: dict[str, set[str]] = {}
    current: set[str] = set()
    for line in _lines("words.txt"):
        if line.startswith("["):
            current = lists.setdefault(line.strip("[] \n"), set())
        else:
            current.update(line.split())
    gender: dict[str, str] = {}
    for line in _lines("given_names.txt"):
        kind, *names = fold(line).split()
        for name in names:
            known = gender.get(name)
            # A name listed for both women and men says nothing.
            gender[name] = kind if known in (None, kind) else "n"
    common = {word for line in _lines("common_words.txt") for word in fold(line).split()}
    return Lexicon(
        lists={name: frozenset(words) for name, words in lists.items()},
        gender=gender,
        common=frozenset(common),
    )
