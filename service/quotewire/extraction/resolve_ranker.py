"""A small learned scorer: named features in, one score a candidate out.  numpy only.

One hidden layer, softmax over the candidates of a query (mention ranking: Denis and Baldridge
2008; Clark and Manning 2016 with far fewer parameters).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class _Columns(dict[str, int]):
    """Columns by the names of features; all unknown ones share the one after the last."""

    def __missing__(self, name: str) -> int:
        return len(self)


class Ranker:
    """``features`` names the columns of the input; ``layers`` are (weight [in, out], bias [out])
    pairs with ReLU between them; several networks are averaged.  ValueError for other shapes."""

    def __init__(
        self, features: Sequence[str], networks: Sequence[Sequence[tuple[Floats, Floats]]]
    ) -> None:
        self.columns = _Columns((name, i) for i, name in enumerate(features))
        self.networks = [list(layers) for layers in networks]
        for layers in self.networks:
            width = len(self.columns)
            for weight, bias in layers:
                if weight.ndim != 2 or weight.shape[0] != width or bias.shape != weight.shape[1:]:
                    raise ValueError(f"layer of shape {weight.shape} after width {width}")
                width = weight.shape[1]

    def matrix(self, rows: Sequence[Mapping[str, float]]) -> Floats:
        """[candidates, features]; features that the weights do not know are left out."""
        columns: list[int] = []
        values: list[float] = []
        for row in rows:
            columns.extend(map(self.columns.__getitem__, row))
            values.extend(row.values())
        out = np.zeros((len(rows), len(self.columns) + 1), dtype=np.float32)
        out[np.repeat(np.arange(len(rows)), [len(row) for row in rows]), columns] = values
        return out[:, :-1]

    def scores(self, rows: Sequence[Mapping[str, float]]) -> Floats:
        """One score (log-odds up to a constant) a candidate, shape [candidates]."""
        x = self.matrix(rows)
        total = np.zeros(len(rows), dtype=np.float32)
        for layers in self.networks:
            h = x
            for n, (weight, bias) in enumerate(layers):
                h = h @ weight + bias
                if n + 1 < len(layers):
                    h = np.maximum(h, 0.0)
            total += h[:, -1]
        return total / np.float32(max(1, len(self.networks)))
