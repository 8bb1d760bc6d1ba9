"""What the words of a description say for or against each of its candidates, as named features."""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p

from quotewire.extraction.lexicon import fold, lexicon
from quotewire.extraction.names_kinds import (
    BODY,
    HE,
    IT,
    KINDS,
    MANY,
    ONE,
    OTHER,
    PAPER,
    SHE,
    THEY,
    THIS,
    WHICH,
    WHO,
)
from quotewire.extraction.remembered import remembered
from quotewire.extraction.resolve_candidates import DESCRIPTIONS
from quotewire.extraction.resolve_context import Query
from quotewire.extraction.resolve_reading import Reading, words_kind
from quotewire.extraction.resolve_search import Candidate

_PRONOUN_WORDS = frozenset(KINDS)
# Nouns of what happens or is thought ("the dispute", "his frustration"): mostly no speakers.
_ABSTRACT = (
    "tion", "sion", "ment", "ness", "ity", "ism", "ship", "ance", "ence", "ing", "cy", "sm", "ure",
    "age", "ility", "ry",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wording:
    """A query's own words, folded: ``noun`` is its head, ``modifiers`` what stands with it,
    ``named`` the words of the names among these."""

    noun: str
    modifiers: tuple[str, ...]
    named: frozenset[str]


_NOTHING_SAID = Wording("", (), frozenset())


def wording(reading: Reading, query: Query) -> Wording:
    """The words of a description; empty for names and pronouns."""
    phrase, words = query.phrase, reading.page.words
    noun = words[phrase.head].low if 0 <= phrase.head < len(words) else ""
    if phrase.kind not in DESCRIPTIONS:
        return Wording(noun, (), frozenset()) if noun else _NOTHING_SAID
    determiners = lexicon()["determiners"]
    own = tuple(
        w.low
        for w in words[phrase.first : phrase.core]
        if w.low not in determiners and w.text[0].isalnum() and w.low != noun
    )
    named = frozenset(
        part for name in phrase.inner if name.last <= phrase.head + 1 for part in name.key[-1:]
    )
    return Wording(noun, own, named)


def of_noun(query: Query, asked: Wording, out: dict[str, float]) -> None:
    """What a description's head says of the question."""
    if query.phrase.kind in DESCRIPTIONS and query.phrase.name is None:
        noun = asked.noun
        if query.phrase.kind == OTHER and noun.endswith(_ABSTRACT):
            out["q_abstract"] = 1.0
        if noun in lexicon()["candidate_words"]:
            out["q_candidate"] = 1.0
        if asked.named:
            out["q_named_before"] = 1.0


def of_words(query: Query, asked: Wording, candidate: Candidate) -> None:
    """Features of a candidate that is a description, from its words and those of the query."""
    out = candidate.features
    text = candidate.text or ""
    parts = candidate.key.split()
    best, several = words_kind(text)
    out["is_words"] = 1.0
    out["words_length"] = log1p(len(parts))
    out[f"w_{best}"] = 1.0
    kind = query.phrase.kind
    fits = (
        (kind in (THEY, THIS) and best == MANY)
        or (kind in (IT, WHICH) and best in (BODY, PAPER))
        or (kind in (HE, SHE) and best == ONE)
        or (kind == WHO and best in (ONE, MANY))
    )
    named = has_name(text)
    if several:
        out["w_several"] = 1.0
    if " and " in text:
        out["w_joint"] = 1.0
    if text[:4].lower() == "the ":
        out["w_definite"] = 1.0
    if text[:1].isupper():
        out["w_capital"] = 1.0
    if fits:
        out["w_fits"] = 1.0
    if parts[0] in _PRONOUN_WORDS:
        out["w_pronoun"] = 1.0
    if named:
        out["w_named"] = 1.0
    if kind in DESCRIPTIONS:
        _shared(asked, candidate, parts, named)


def _shared(asked: Wording, candidate: Candidate, parts: list[str], named: bool) -> None:
    """What a description and a candidate for it have in common."""
    out = candidate.features
    if asked.noun in parts:
        out["w_same_head"] = 1.0
    kept = sum(1 for low in asked.modifiers if low in parts)
    if asked.modifiers:
        out["w_kept"] = kept / len(asked.modifiers)
        out["w_lost"] = log1p(len(asked.modifiers) - kept)
    out["w_more"] = log1p(max(0, len(parts) - kept - 1))
    if asked.named:
        if asked.named & set(parts):
            out["w_name_kept"] = 1.0
        else:
            out["w_name_lost"] = 1.0
    elif named:
        out["w_name_gained"] = 1.0


@remembered
def has_name(text: str) -> bool:
    """Whether a description holds a capitalised word besides its first, or opens in capitals."""
    words = text.split()
    if words and fold(words[0]) in lexicon()["determiners"]:
        words = words[1:]
        return any(word[0].isupper() for word in words)
    return any(word[0].isupper() for word in words[1:]) or words[0].isupper()
