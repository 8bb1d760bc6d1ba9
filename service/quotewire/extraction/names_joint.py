"""Joint speakers: the parts of "A and B", and what in a phrase is a name at all."""

from __future__ import annotations

from collections.abc import Sequence

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions import PERSON, UNKNOWN, Name
from quotewire.extraction.mentions_page import Word
from quotewire.extraction.names_kinds import BODY, MANY, ONE, noun_kind


class Names:
    """The names of a page, by the word at which they start."""

    def __init__(self, names: Sequence[Name]) -> None:
        self.at: dict[int, Name] = {}
        self.ending: dict[int, Name] = {}
        for name in names:
            self.at[name.first] = name
            self.at.setdefault(name.begin, name)
            self.ending[name.last] = name


def solid(word: Word) -> bool:
    return word.text[0].isalnum() or word.text[0] in "@$#%" or len(word.text) > 1


def generic(name: Name, words: list[Word]) -> bool:
    """Whether a "name" is a capitalised description: "Republicans", "a Super PAC"."""
    if name.kind == PERSON:
        return False
    if len(name.key) == 1:
        low = name.key[0]
        kind, _ = noun_kind(low)
        lex = lexicon()
        if low in lex["group_nouns"] or low.removesuffix("s") in lex["demonyms"]:
            return not words[name.first].text.isupper()
        before = words[name.first - 1].low if name.first else ""
        return kind in (BODY, ONE) and before in ("a", "an", "any", "every", "super")
    return all(
        low in lexicon()["generic_capitals"] or noun_kind(low)[0] == MANY for low in name.key
    )


def coordinated(words: list[Word], names: Names, first: int, last: int) -> list[tuple[int, int]]:
    """The parts of "A and B" or "A, B and C", when at least one of them is a name or a pronoun."""
    joint = _joint(words, names, first, last)
    if joint is None:
        return []
    left, right = (first, joint), (joint + 1, last)
    segments = _segments(words, names, *left)
    lone = len(segments) == 1
    tail = _segments(words, names, *right)
    if tail and words[tail[0][0]].low in _VERBS:
        return []  # "Don Fowler, who led the party and has backed Clinton"
    named_tail = bool(tail) and _named(words, names, *tail[0])
    if not named_tail and len(tail) > 1 and _named(words, names, *tail[1]):
        named_tail = True  # "and the former first lady, Laura Bush"
    others = bool(tail) and words[tail[0][0]].low in ("other", "others")
    if not lone and not named_tail and not others:
        return []
    if not segments or words[last - 1].low == "'s":
        return []
    if lone and not _named(words, names, *segments[0]):
        return []  # "Republican leaders in the House and the Senate"
    if not lone and not others and segments and _describes(words, names, *segments[0]):
        return []  # "dozens of papers such as The Times, the Post and the Globe"
    if not lone and not others and not _one_kind(words, names, segments, tail):
        return []
    if not lone and not _named(words, names, *segments[-1]) and words[joint - 1].text not in ",)–—":
        return []  # "Faiza Patel, co-director of the Liberty and National Security Program"
    if lone and not named_tail and _modifies(words, names, *right):
        return []  # "The Sanders and Clinton campaigns", "Bolton and Gorka’s analysis"
    parts: list[tuple[int, int]] = []
    for a, b in segments:
        if _named(words, names, a, b):
            if parts and not _named(words, names, *parts[-1]):
                parts[-1] = (a, b)  # "his older brother, George W. Bush"
            else:
                parts.append((a, b))
        elif not parts or (lone and not parts):
            parts.append((a, b))
    parts.append(right)
    good = sum(_named(words, names, a, b) for a, b in parts)
    return parts if good and len(parts) > 1 else []


_VERBS = frozenset(["has", "have", "had", "is", "was", "are", "were", "will", "would"])


def _describes(words: list[Word], names: Names, first: int, last: int) -> bool:
    """Whether a segment is a description that goes on by preposition ("polls by outlets")."""
    if _named(words, names, first, last):
        return False
    low = lexicon()["prepositions"]
    return any(words[i].low in low for i in range(first + 1, last))


def _modifies(words: list[Word], names: Names, first: int, last: int) -> bool:
    """Whether the segment begins with a name that only describes its head."""
    while first < last and words[first].low in ("the", "a"):
        first += 1
    return first in names.at


def _one_kind(
    words: list[Word], names: Names, segments: list[tuple[int, int]], tail: list[tuple[int, int]]
) -> bool:
    """Whether a list's first and last names are both of people, or both not: "Kevin Brady,
    chairman of the House Ways and Means Committee" is no list."""
    ends = []
    for group in (segments, tail):
        found = next((n for a, b in group if (n := _name_of(words, names, a, b)) is not None), None)
        if found is None:
            return False
        if found.last < len(words) and words[found.last].low == "'s":
            return False
        ends.append(found)
    first, last = (n.kind for n in ends)
    if first == PERSON and last == UNKNOWN:
        return len(ends[1].key) == 1 or bool(ends[1].titles)
    return (first in (PERSON, UNKNOWN)) == (last in (PERSON, UNKNOWN))


def _joint(words: list[Word], names: Names, first: int, last: int) -> int | None:
    """The last "and" at top level, outside names and relative clauses."""
    found = None
    i = first
    relative = False
    while i < last:
        name = names.at.get(i)
        if name is not None:
            i = max(name.last, i + 1)
            continue
        low = words[i].low
        if low in lexicon()["relatives"] and i > first:
            relative = True
        elif words[i].text in ",)–—":
            relative = False
        elif (low == "and" or words[i].text == "&") and not relative and i > first:
            found = i
        i += 1
    if found is None or found + 1 >= last:
        return None
    return found


def _segments(words: list[Word], names: Names, first: int, last: int) -> list[tuple[int, int]]:
    parts: list[tuple[int, int]] = []
    start = i = first
    depth = 0
    while i < last:
        name = names.at.get(i)
        if name is not None and name.last <= last:
            i = max(name.last, i + 1)
            continue
        text = words[i].text
        depth += (text in "([") - (text in ")]")
        if text in ",–—-" and depth <= 0:
            if i > start:
                parts.append((start, i))
            start = i + 1
        i += 1
    if last > start:
        parts.append((start, last))
    return parts


def _named(words: list[Word], names: Names, first: int, last: int) -> bool:
    """Whether the segment's head is a name or a personal pronoun."""
    while first < last and not solid(words[first]):
        first += 1
    if first < last and words[first].low in ("he", "she"):
        return last - first == 1
    return _name_of(words, names, first, last) is not None


def _name_of(words: list[Word], names: Names, first: int, last: int) -> Name | None:
    """The name that is the head of the segment ``[first, last)``."""
    while first < last and not solid(words[first]):
        first += 1
    i = first
    end = last
    while i < last:
        name = names.at.get(i)
        if name is not None and name.last <= last:
            i = max(name.last, i + 1)
            continue
        if (
            words[i].low in lexicon()["prepositions"]
            or words[i].low in lexicon()["relatives"]
            or words[i].text in "(["
        ):
            end = i
            break
        i += 1
    while end > first and words[end - 1].low in lexicon()["trailing"]:
        end -= 1
    name = names.ending.get(end)
    if name is None or name.first < first or generic(name, words):
        return None
    return name
