"""A small learned scorer: named features in, one score a candidate out.  numpy only.

The weights are a JSON file, written by :func:`quotewire.training.resolver.train_resolver`: one
hidden layer, softmax over the candidates of a query (mention ranking, Denis and Baldridge 2008;
Clark and Manning 2016 with far fewer parameters).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quotewire.errors import ModelFolderError

Floats = NDArray[np.float32]


class Ranker:
    """``features`` names the columns of the input; ``layers`` are (weight [in, out], bias [out])
    pairs with ReLU between them; several networks are averaged."""

    def __init__(
        self, features: Sequence[str], networks: Sequence[Sequence[tuple[Floats, Floats]]]
    ) -> None:
        self.columns = {name: i for i, name in enumerate(features)}
        self.networks = [list(layers) for layers in networks]

    @classmethod
    def load(cls, path: Path) -> Ranker:
        """Raises ModelFolderError naming the file when it is no such weights file."""
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            networks = [
                [
                    (np.asarray(w, dtype=np.float32), np.asarray(b, dtype=np.float32))
                    for w, b in layers
                ]
                for layers in held["networks"]
            ]
            features = [str(name) for name in held["features"]]
            for layers in networks:
                width = len(features)
                for weight, bias in layers:
                    if (
                        weight.ndim != 2
                        or weight.shape[0] != width
                        or bias.shape != weight.shape[1:]
                    ):
                        raise ValueError(f"layer of shape {weight.shape} after width {width}")
                    width = weight.shape[1]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelFolderError(f"{path}: no resolver weights: {error}") from error
        return cls(features, networks)

    def matrix(self, rows: Sequence[Mapping[str, float]]) -> Floats:
        """[candidates, features]; features that the weights do not know are left out."""
        out = np.zeros((len(rows), len(self.columns)), dtype=np.float32)
        for r, row in enumerate(rows):
            for name, value in row.items():
                column = self.columns.get(name)
                if column is not None:
                    out[r, column] = value
        return out

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
