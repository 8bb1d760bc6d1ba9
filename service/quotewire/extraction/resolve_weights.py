"""The resolver's weights as one JSON file, written by training and read at run time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from quotewire.errors import ModelFolderError
from quotewire.extraction.resolve_ranker import Floats, Ranker
from quotewire.extraction.resolve_types import TypeModel

_DIGITS = 3  # of each number in the file


def load_weights(path: Path) -> tuple[Ranker, TypeModel]:
    """Raises ModelFolderError naming the file when it is no such weights file."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        networks = [[(_array(w), _array(b)) for w, b in layers] for layers in held["networks"]]
        ranker = Ranker([str(name) for name in held["features"]], networks)
        kinds: Mapping[str, Any] = held["types"]
        types = TypeModel(
            [str(name) for name in kinds["features"]],
            _array(kinds["weights"]),
            _array(kinds["bias"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{path}: no resolver weights: {error}") from error
    return ranker, types


def save_weights(
    path: Path,
    *,
    features: Sequence[str],
    networks: Sequence[Sequence[tuple[Floats, Floats]]],
    types: tuple[Sequence[str], Floats, Floats],
) -> None:
    """Writes what :func:`load_weights` reads; numbers are rounded to ``_DIGITS`` digits."""
    names, weights, bias = types
    held = {
        "features": list(features),
        "networks": [[[_list(w), _list(b)] for w, b in layers] for layers in networks],
        "types": {"features": list(names), "weights": _list(weights), "bias": _list(bias)},
    }
    path.write_text(json.dumps(held, separators=(",", ":")) + "\n", encoding="utf-8")


def _array(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float32)


def _list(values: Floats) -> list[Any]:
    rounded: list[Any] = np.round(values.astype(np.float64), _DIGITS).tolist()
    return rounded
