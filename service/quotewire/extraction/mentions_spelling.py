"""Misspelt last names: "Scheiderman" where the article knows an Eric Schneiderman."""

from __future__ import annotations

_SHORTEST = 5  # letters; shorter words are too often another name


class Spellings:
    """Words by what is left of them without one letter (the index of SymSpell, Garbe 2012): one
    look-up a letter, however many words are known."""

    def __init__(self) -> None:
        self._by_rest: dict[str, list[str]] = {}

    def add(self, word: str) -> None:
        for rest in _rests(word):
            held = self._by_rest.setdefault(rest, [])
            if word not in held:
                held.append(word)

    def like(self, word: str) -> str | None:
        """The known word that differs from ``word`` by one letter missing, added, changed or
        swapped with its neighbour; None if there is none or more than one."""
        if len(word) < _SHORTEST:
            return None
        found = {
            known
            for rest in _rests(word)
            for known in self._by_rest.get(rest, ())
            if known != word and known[0] == word[0] and _one_slip(word, known)
        }
        return found.pop() if len(found) == 1 else None


def _rests(word: str) -> set[str]:
    if len(word) < _SHORTEST - 1:
        return set()
    return {word} | {word[:i] + word[i + 1 :] for i in range(len(word))}


def _one_slip(a: str, b: str) -> bool:
    if a + "s" == b or b + "s" == a:
        return False  # a plural is no slip
    if abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    x, y = a[start:], b[start:]
    if len(x) == len(y):
        return x[1:] == y[1:] or (x[2:] == y[2:] and x[:2] == y[1::-1])
    return x[1:] == y or y[1:] == x
