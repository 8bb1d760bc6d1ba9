"""How far a capitalised sequence goes: "the Commission on Presidential Debates" is one name."""

from __future__ import annotations

import re

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.mentions_page import Word

_MAX_NAME_WORDS = 12
_JOINERS = frozenset(("of", "for", "&", "and", "on", "to", "against"))
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)", re.IGNORECASE)

# Organisations that are often named after what they are about: "on", "to" or "against" goes on.
_ABOUT = frozenset(
    (
        "alliance", "association", "campaign", "caucus", "center", "centre", "coalition",
        "commission", "committee", "conference", "council", "foundation", "group", "institute",
        "league", "office", "panel", "project", "society", "subcommittee",
    )
)  # fmt: skip


def extend(words: list[Word], i: int) -> int:
    """End of the capitalised sequence that starts at word ``i``."""
    lex = lexicon()
    j = i + 1
    if words[i].text[0] == "@":
        return j
    joined = False
    while j < len(words) and j - i < _MAX_NAME_WORDS:
        word = words[j]
        if word.sentence != words[i].sentence or word.headline:
            break
        if word.is_capital and word.text[0] != "@":
            if (
                (word.low in lex["weekdays"] and not _is_name_month(words, j))
                or word.low in ("i", "the")
                or (j - i > 1 and is_honour(word))
                or (
                    word.low in lex.common
                    and word.low in lex["function"]
                    and not (word.low == "may" and words[j - 1].low in lex.gender)
                    and not (word.low == "without" and words[j - 1].low.endswith("s"))
                )
            ):
                break
            j += 1
            continue
        if word.text == "," and _is(words, j + 1, "suffixes") and words[j + 1].is_capital:
            j += 2
            break
        after = words[j + 1] if j + 1 < len(words) else None
        if after is None or after.sentence != words[i].sentence:
            break
        if after.is_capital and word.low in lex["particles"] and word.text.islower():
            j += 2
            continue
        if _ORDINAL.fullmatch(word.text) and after.is_capital and joined:
            j += 2  # "Court of Appeals for the 6th Circuit"
            continue
        if word.low in _JOINERS and _joins(words, i, j, joined):
            step = 2 if _may_follow(words, j + 1) else 3 if after.low == "the" else 0
            if step == 3 and not _may_follow(words, j + 2):
                break
            if step == 0 or words[j + step - 1].low in lex["weekdays"]:
                break
            joined = True
            j += step
            continue
        # William “Bill” Smith, Robert C. “Bobby” Scott
        if (
            word.text in '“"('
            and j + 3 < len(words)
            and words[j + 2].text in '”")'
            and words[j + 1].is_capital
            and words[j + 3].is_capital
            and any(words[k].low in lex.gender for k in _given_before(words, i, j))
        ):
            j += 4
            continue
        break
    return j


def is_honour(word: Word) -> bool:
    """Whether a word is letters after a name that are no part of it: "Helen Marsh QC"."""
    return word.low in lexicon()["after_names"] and word.text.isupper()


def _given_before(words: list[Word], i: int, j: int) -> tuple[int, ...]:
    """Where the given name may stand before a nickname at ``j``: right before it or before an
    initial."""
    if j - i > 1 and len(words[j - 1].text) == 2 and words[j - 1].text[1] == ".":
        return (j - 2,)
    return (j - 1,)


def _is_name_month(words: list[Word], j: int) -> bool:
    """Whether "May" or "June" after a capitalised word is a name and no month."""
    if words[j].low not in ("may", "june", "april") or j + 1 >= len(words):
        return False
    return not words[j + 1].text[0].isdigit() and words[j + 1].low not in ("of", "last", "this")


def _is(words: list[Word], i: int, name: str) -> bool:
    return i < len(words) and words[i].low in lexicon()[name]


def _may_follow(words: list[Word], j: int) -> bool:
    """Whether a name can go on at ``j`` after a joining word: a capital, or "6th" before one."""
    if j >= len(words):
        return False
    ordinal = _ORDINAL.fullmatch(words[j].text) is not None
    return words[j].is_capital or (ordinal and j + 1 < len(words) and words[j + 1].is_capital)


def _joins(words: list[Word], i: int, j: int, joined: bool) -> bool:
    """Whether the joining word at ``j`` can stand inside the name from ``i``."""
    lex = lexicon()
    joiner = words[j].low
    if joiner == "&":
        return True
    so_far = [w.low for w in words[i:j]]
    organisation = any(low in lex["organisation_words"] for low in so_far)
    after = words[j + 1]
    if joiner == "and":
        if after.low in lex.gender or after.low in lex["titles"]:
            return _is_foundation(words, i, j)
        return (joined and organisation) or _shares_head(words, i, j)
    if joiner in ("on", "to", "against"):
        return so_far[-1] in _ABOUT and after.low not in lex["places"]
    if organisation:
        return so_far[-1] not in lex["places"]
    # Secretary of State, Director of National Intelligence, Speaker of the House
    return joiner == "of" and so_far[-1] in lex["titles"]


_BEFORE = frozenset(("the", "federal", "national", "powerful", "'s"))


def _shares_head(words: list[Word], i: int, j: int) -> bool:
    """Whether the names before and after the "and" at ``j`` share their last word: "the Securities
    and Exchange Commission", "the Central and East European Coalition"."""
    lex = lexicon()
    front = [w.low for w in words[i:j]]
    if len(front) > 3 or i == 0 or words[i - 1].low not in _BEFORE:
        return False
    if any(low in lex.gender or low in lex["places"] for low in front):
        return False
    if front[-1] in lex["organisation_words"] and front[-1] != "securities":
        return False  # "the House and the …", "the Senate Committee and …"
    if front[-1] in lex["demonyms"] or front[-1] in lex["titles"]:
        return False
    k = j + 1
    while k < len(words) and k - j <= 4 and words[k].is_capital:
        k += 1
    last = words[k - 1].low
    return k - j > 2 and last in lex["organisation_words"] and not last.endswith("s")


def _is_foundation(words: list[Word], i: int, j: int) -> bool:
    """Whether "Bill and Melinda Gates" stands before "Foundation"."""
    k = j + 1
    while k < len(words) and k - j <= 4 and words[k].is_capital:
        k += 1
    return j - i == 1 and k - j > 3 and words[k - 1].low == "foundation"
