"""The same article as another newsroom would set it.

Every change keeps each character's place, so labels stay right: quotation marks of another style
(British single, straight), straight apostrophes, plain spaces for no-break ones, lost breaks.
"""

from __future__ import annotations

import random

_STYLES = (
    str.maketrans("“”‘’", "\"\"''"),  # plain-text wire
    str.maketrans('“”‘’"', "‘’‘’'"),  # British, curly
    str.maketrans('“”"‘’', "'''''"),  # British, straight
    str.maketrans({"\u00a0": " ", "—": "-", "–": "-"}),
    str.maketrans('“”"', "   "),  # quotation marks lost
    str.maketrans({"\n": " "}),  # paragraph breaks lost
)
_WEIGHTS = (4, 3, 1, 2, 1, 1)


def restyle(text: str, *, share: float, rng: random.Random) -> str:
    """With probability ``share``, ``text`` in another style; same length, same places."""
    if rng.random() >= share:
        return text
    return text.translate(rng.choices(_STYLES, _WEIGHTS)[0])
