"""What words speak of: the kinds of pronouns and of nouns."""

from __future__ import annotations

from functools import lru_cache

from quotewire.extraction.lexicon import lexicon
from quotewire.extraction.remembered import remembered

# What a phrase is, in the order in which the ranker's weights know them.
HE, SHE, THEY, IT, ME, WE, YOU, WHO, WHICH, THIS = (
    "he", "she", "they", "it", "i", "we", "you", "who", "which", "this",
)  # fmt: skip
SHORT_NAME, LONG_NAME = "short_name", "long_name"
ONE, BODY, PAPER, MANY, OTHER, NOTHING = "one", "body", "paper", "many", "other", "nothing"
LETTER = "letter"
KINDS = (
    HE, SHE, THEY, IT, ME, WE, YOU, WHO, WHICH, THIS,
    SHORT_NAME, LONG_NAME, ONE, BODY, PAPER, MANY, OTHER, NOTHING, LETTER,
)  # fmt: skip
PRONOUN_KINDS = frozenset((HE, SHE, THEY, IT, ME, WE, YOU, WHO, WHICH, THIS))


@lru_cache(maxsize=1)
def pronoun_kinds() -> dict[str, str]:
    lex = lexicon()
    table: dict[str, str] = {}
    for kind in (THIS, WHICH, WHO, YOU, WE, ME, IT, THEY, SHE, HE):
        for word in lex[f"pronouns_{kind}"]:
            table[word] = kind
    return table


@remembered
def noun_kind(low: str) -> tuple[str, bool]:
    """What a head noun speaks of, and whether it is plural."""
    lex = lexicon()
    if low in lex["person_nouns"]:
        return ONE, False
    if low in lex["group_nouns"]:
        return MANY, True
    if low in lex["organisation_nouns"]:
        return BODY, False
    if low in lex["document_words"]:
        return PAPER, low.endswith("s")
    singular = low[:-1] if low.endswith("s") else low
    if singular != low:
        if singular in lex["person_nouns"] or low.endswith(("ers", "ists", "ians", "ors")):
            return MANY, True
        if singular in lex["organisation_nouns"]:
            return MANY, True
    tail = low.rsplit("-", 1)[-1]
    if tail != low:
        return noun_kind(tail)
    if low.endswith(("man", "woman", "ist", "person")) and len(low) > 4:
        return ONE, False
    if low.endswith(("men", "women", "people")):
        return MANY, True
    return OTHER, low.endswith("s") and not low.endswith("ss")
