"""Operations that a model needs, from its sizes alone.

One multiplication with its addition counts as two operations, as processors' rates do.  Counted
are matrix products only; what stands between them (GELU, norms, softmax) has no place in a
matrix-multiply floor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of a model folder's ``config.json``; widths in features."""

    layers: int
    width: int
    feedforward: int
    look_layers: int
    look_width: int
    look_feedforward: int
    look_reach: int = 0  # words before and after a cue; 0: the whole window

    @classmethod
    def of_config(cls, config: dict[str, dict[str, int]]) -> Sizes:
        encoder, network = config["encoder"], config["network"]
        return cls(
            layers=encoder["num_hidden_layers"],
            width=encoder["hidden_size"],
            feedforward=encoder["intermediate_size"],
            look_layers=network["look_layers"],
            look_width=network["look_width"],
            look_feedforward=network["look_feedforward"],
            look_reach=network.get("look_reach", 0),
        )

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def linear_operations(sizes: Sizes) -> int:
    """Per token of the encoder, all layers: queries, keys, values, output and both halves of the
    feed-forward."""
    return sizes.layers * 2 * (4 * sizes.width**2 + 2 * sizes.width * sizes.feedforward)


def attention_operations(sizes: Sizes, *, length: float) -> float:
    """Per token of the encoder, all layers: scores and weighted sums over a window of ``length``
    tokens."""
    return sizes.layers * 2 * 2 * length * sizes.width


def encoder_operations(sizes: Sizes, lengths: Iterable[int]) -> float:
    """For windows of these lengths (tokens), without padding."""
    return sum(
        n * (linear_operations(sizes) + attention_operations(sizes, length=n)) for n in lengths
    )


def look_operations(sizes: Sizes, windows: Iterable[tuple[int, int]]) -> float:
    """The second look over windows of (words, cues looked from): each cue reads the words within
    its reach once, beside what is computed once a window or once a cue."""
    look, total = sizes.look_width, 0.0
    for words, cues in windows:
        if not cues:
            continue
        seen = min(words, 2 * sizes.look_reach) if sizes.look_reach else words
        shared = 2 * words * 2 * sizes.width * look
        per_cue = 2 * 2 * (2 * sizes.width) * look
        per_word = sizes.look_layers * (
            2 * (4 * look**2 + 2 * look * sizes.look_feedforward) + 2 * 2 * seen * look
        )
        total += shared + cues * (per_cue + seen * per_word)
    return total
