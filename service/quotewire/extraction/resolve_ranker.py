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
    """``features`` names the columns of the input; each network is two layers of (weight [in, out],
    bias [out]) with a ReLU between them, the second with one output; several networks are averaged.
    ValueError for other shapes."""

    def __init__(
        self, features: Sequence[str], networks: Sequence[Sequence[tuple[Floats, Floats]]]
    ) -> None:
        self.columns = _Columns((name, i) for i, name in enumerate(features))
        for layers in networks:
            if len(layers) != 2 or layers[1][0].shape[1:] != (1,):
                raise ValueError("a network of the ranker has two layers and one output")
            width = len(self.columns)
            for weight, bias in layers:
                if weight.ndim != 2 or weight.shape[0] != width or bias.shape != weight.shape[1:]:
                    raise ValueError(f"layer of shape {weight.shape} after width {width}")
                width = weight.shape[1]
        # Side by side the networks are one: an average of sums is a sum. One more column, of
        # zeros, takes the features that the weights do not know.
        wide = np.concatenate([first for (first, _), _ in networks], axis=1)
        self._first = np.concatenate([wide, np.zeros_like(wide[:1])])
        self._bias = np.concatenate([bias for (_, bias), _ in networks])
        self._last = np.concatenate([last for _, (last, _) in networks])[:, 0] / len(networks)
        self._offset = float(sum(bias[0] for _, (_, bias) in networks)) / len(networks)

    def scores(
        self, rows: Sequence[Mapping[str, float]], *, shared: Mapping[str, float] | None = None
    ) -> Floats:
        """One score (log-odds up to a constant) a candidate, shape [candidates]; ``shared`` are
        features that all of them have besides their own."""
        column = self.columns.__getitem__
        columns: list[int] = []
        values: list[float] = []
        for row in rows:
            columns.extend(map(column, row))
            values.extend(row.values())
        x = np.zeros((len(rows), len(self._first)), dtype=np.float32)
        x[np.repeat(np.arange(len(rows)), [len(row) for row in rows]), columns] = values
        h = x @ self._first
        common = self._bias
        if shared:
            weights = np.fromiter(shared.values(), dtype=np.float32, count=len(shared))
            common = common + weights @ self._first[list(map(column, shared))]
        h += common
        np.maximum(h, 0.0, out=h)
        total: Floats = h @ self._last + np.float32(self._offset)
        return total
