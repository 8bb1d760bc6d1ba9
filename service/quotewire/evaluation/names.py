"""When two speaker names are the same name.

The rule, in order: no name is right where there is none; names are compared without case, accents,
quotation marks and punctuation, without leading articles and titles, without a trailing possessive,
without single-letter initials between other words; joint names ("A and B", "A, B and C") are
compared as sets.  Anything else differs: "Clinton" is not "Hillary Clinton".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

ARTICLES = frozenset({"a", "an", "the"})

# Titles as they stand before names in the news; the gold has names without them.
# fmt: off
TITLES = frozenset(
    {
        "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "dame", "lord",
        "lady", "judge", "sen", "senator", "sens", "senators", "rep", "representative",
        "reps", "congressman", "congresswoman", "gov", "governor", "lt", "lieutenant", "gen",
        "col", "colonel", "capt", "captain", "maj", "sgt", "sergeant", "adm", "admiral",
        "president", "pres", "secretary", "ambassador", "mayor", "chancellor", "pope", "rev",
        "reverend", "sheriff",
    }
)
# fmt: on

_APOSTROPHES = re.compile("[\u2018\u2019\u02bc\u0060\u00b4]")
_POSSESSIVE = re.compile(r"(?:'s|(?<=s)')$")
_IGNORED = re.compile(r"[.'\"\u201c\u201d\u00ab\u00bb]")
_BETWEEN = re.compile(r"[^\w&@#$%]+")
_JOINT = re.compile(r",? and |, | & ")


def _words(name: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold().strip()
    plain = _POSSESSIVE.sub("", _APOSTROPHES.sub("'", plain).strip(' \t\n.,;:"\u201c\u201d'))
    words = [word for word in _BETWEEN.split(_IGNORED.sub("", plain)) if word]
    first = 0
    while first < len(words) - 1 and words[first] in ARTICLES | TITLES:
        first += 1
    words = words[first:]
    inner = [w for w in words[1:-1] if len(w) > 1 or not w.isalpha()]
    return (*words[:1], *inner, *words[1:][-1:])


def normalised(name: str | None) -> frozenset[tuple[str, ...]]:
    """The name's comparable form: the set of the joint names, each a tuple of words; empty for
    None and for a name without any word."""
    if name is None:
        return frozenset()
    spaced = " ".join(unicodedata.normalize("NFKC", name).split())
    return frozenset(words for part in _JOINT.split(spaced) if (words := _words(part)))


def same_name(gold: str | None, predicted: str | None) -> bool:
    """Whether the two are the same name by the rule above; None equals None only."""
    return normalised(gold) == normalised(predicted)


@dataclass(frozen=True, slots=True)
class NameScore:
    """How many of ``total`` names are right; ``accuracy`` is None where there are none."""

    right: int
    total: int

    @property
    def accuracy(self) -> float | None:
        return self.right / self.total if self.total else None


def score_names(pairs: Iterable[tuple[str | None, str | None]]) -> NameScore:
    """Speaker-name accuracy over (gold name, predicted name), say on gold attributions."""
    verdicts = [same_name(gold, predicted) for gold, predicted in pairs]
    return NameScore(right=sum(verdicts), total=len(verdicts))
