"""What sort of speaker a resolved mention is: person, organisation, group or document.

A linear model over a few features of the mention and of what it was resolved to; its weights lie
beside the ranker's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from quotewire.extraction.mentions import PERSON, UNKNOWN
from quotewire.extraction.names_kinds import NOTHING, PRONOUN_KINDS
from quotewire.extraction.resolve_context import Answer
from quotewire.extraction.resolve_reading import Reading, words_kind
from quotewire.types import SpeakerType

TYPES = tuple(SpeakerType)


class TypeModel:
    """``weights`` [features, types] and ``bias`` [types] over the named ``features``."""

    def __init__(
        self,
        features: Sequence[str],
        weights: NDArray[np.float32],
        bias: NDArray[np.float32],
    ) -> None:
        if weights.shape != (len(features), len(TYPES)) or bias.shape != (len(TYPES),):
            raise ValueError(f"type weights of shape {weights.shape} and {bias.shape}")
        self._columns = {name: i for i, name in enumerate(features)}
        self._weights, self._bias = weights, bias

    def probabilities(self, features: Mapping[str, float]) -> dict[SpeakerType, float]:
        """Shares that sum to 1; features that the weights do not know are left out."""
        scores = self._bias.astype(np.float64)
        for name, value in features.items():
            column = self._columns.get(name)
            if column is not None:
                scores = scores + value * self._weights[column]
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        return dict(zip(TYPES, shares.tolist(), strict=True))


def type_features(reading: Reading, answer: Answer) -> dict[str, float]:
    """Features of a mention and its answer."""
    phrase = answer.query.phrase
    words = reading.page.words
    out = {f"q_{phrase.kind}": 1.0}
    if phrase.parts:
        out["joint"] = 1.0
    if phrase.determiner:
        out[f"det_{phrase.determiner}"] = 1.0
    if phrase.kind != NOTHING and 0 <= phrase.head < len(words):
        out[f"head_{words[phrase.head].low}"] = 1.0
        if words[phrase.head].low.endswith("s") and phrase.name is None:
            out["head_s"] = 1.0
    if answer.text is None:
        out["unnamed"] = 1.0
        return out
    if answer.entity >= 0:
        entity = reading.entities[answer.entity]
        out[f"entity_{entity.kind}"] = 1.0
        out[f"last_{entity.key[-1]}"] = 1.0
        if abs(entity.gender) > 0.5:
            out["gendered"] = 1.0
        if entity.kind in (PERSON, UNKNOWN) and len(entity.key) > 1:
            out["full_name"] = 1.0
        return out
    sort, several = words_kind(answer.text)
    out[f"words_{sort}"] = 1.0
    if several:
        out["several"] = 1.0
    if " and " in answer.text and phrase.kind in PRONOUN_KINDS:
        out["joint"] = 1.0
    for part in answer.key.split()[:8]:
        out[f"word_{part}"] = 1.0
    return out
