"""Reading and writing a model folder.

``config.json`` (encoder, network, windows, decoding), ``tokenizer.json``, ``model.safetensors``
(16-bit floats on disk), ``ranges.safetensors`` (for 8-bit arithmetic; may be missing),
``metrics.json`` and ``MODEL_CARD.md``.  Weights are read from safetensors
only; nothing in a folder is ever unpickled or executed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoConfig, AutoModel, PretrainedConfig

import quotewire
from quotewire.errors import ModelFolderError, ModelNotFoundError
from quotewire.extraction.network import Network, NetworkConfig
from quotewire.extraction.packed import PackedEncoder
from quotewire.extraction.packed_look import PackedLook
from quotewire.extraction.precision import Ranges
from quotewire.extraction.tokens import PieceTokenizer
from quotewire.types import ModelInfo

CONFIG, WEIGHTS, TOKENIZER, METRICS, RANGES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "metrics.json",
    "ranges.safetensors",
)
DEFAULT_MODEL = "quotewire-base"

_PACKAGE = Path(quotewire.__file__).parent
# Where models are looked for by name: inside an installed wheel, then in a checkout.
MODEL_HOMES = (_PACKAGE / "_models", _PACKAGE.parent.parent / "models")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """Numbers chosen on the development set, not learned by gradient.

    ``proposal_bias`` (nats) is added to the START scores of [outer, nested] cues to propose
    candidates for the second look; ``valid_threshold`` is the least second-look probability of a
    kept cue, per channel; ``role_bias`` (nats, on START) follows ROLES.
    ``calibration`` are the weights of the confidence model (see decode.py), empty for none.
    ``max_pieces``, ``core_pieces`` and ``context_pieces`` cut articles (see windows.py).
    """

    proposal_bias: tuple[float, float] = (1.0, 0.0)
    valid_threshold: tuple[float, float] = (0.5, 0.5)
    role_bias: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    calibration: tuple[float, ...] = ()
    max_pieces: int = 512
    core_pieces: int = 300
    context_pieces: int | None = 64


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """Everything of a model folder that extraction needs."""

    info: ModelInfo
    network: Network
    tokenizer: PieceTokenizer
    decoding: Decoding
    folder: Path
    ranges: Ranges | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """What ``config.json`` says beside the sizes."""

    name: str
    version: str
    base: str
    licence: str
    encoder: Mapping[str, Any]
    network: NetworkConfig
    start_id: int
    break_id: int
    decoding: Decoding = field(default_factory=Decoding)


def find_model(name_or_path: str) -> Path:
    """The folder of a model given by name (``quotewire-base``) or by path.

    ModelNotFoundError if there is neither.
    """
    path = Path(name_or_path)
    if (path / CONFIG).is_file():
        return path
    if path.name == name_or_path and name_or_path not in ("", ".", ".."):
        for home in MODEL_HOMES:
            if (home / name_or_path / CONFIG).is_file():
                return home / name_or_path
    raise ModelNotFoundError(name_or_path, known=known_models())


def known_models() -> list[str]:
    """Names of the models that can be loaded by name."""
    return sorted(
        {
            folder.name
            for home in MODEL_HOMES
            if home.is_dir()
            for folder in home.iterdir()
            if (folder / CONFIG).is_file()
        }
    )


def read_json(path: Path) -> Any:
    """ModelFolderError naming the file if it is missing or no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"{path}: {error}") from error


def read_description(folder: Path) -> ModelDescription:
    """``config.json`` of a model folder.  ModelFolderError naming what is wrong with it."""
    path = folder / CONFIG
    raw = read_json(path)
    try:
        decoding: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in raw["decoding"].items()
        }
        return ModelDescription(
            name=raw["name"],
            version=raw["version"],
            base=raw["base"],
            licence=raw["licence"],
            encoder=raw["encoder"],
            network=NetworkConfig(**raw["network"]),
            start_id=raw["start_id"],
            break_id=raw["break_id"],
            decoding=Decoding(**decoding),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelFolderError(f"{path}: {type(error).__name__}: {error}") from error


def load_model(name_or_path: str) -> LoadedModel:
    """ModelNotFoundError if there is no such model, ModelFolderError if its folder is broken."""
    folder = find_model(name_or_path)
    description = read_description(folder)
    network = Network(_encoder(folder / CONFIG, description.encoder), description.network)
    weights = folder / WEIGHTS
    try:
        state = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise ModelFolderError(f"{weights}: {error}") from error
    try:
        network.load_state_dict({name: value.float() for name, value in state.items()})
    except RuntimeError as error:
        raise ModelFolderError(f"{weights}: {error}") from error
    network.eval().requires_grad_(False)
    metrics_file = folder / METRICS
    metrics = read_json(metrics_file).get("metrics", {}) if metrics_file.is_file() else {}
    return LoadedModel(
        info=ModelInfo(
            name=description.name,
            version=description.version,
            base=description.base,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            size_bytes=weights.stat().st_size,
            licence=description.licence,
            metrics={key: float(value) for key, value in metrics.items() if value is not None},
        ),
        network=network,
        tokenizer=load_tokenizer(folder, description),
        decoding=description.decoding,
        folder=folder,
        ranges=read_ranges(folder, network),
    )


def read_ranges(folder: Path, network: Network) -> Ranges | None:
    """None if the model has none, or an encoder that has no use for them.  ModelFolderError if the
    file is broken or does not belong to ``network``."""
    path = folder / RANGES
    if not path.is_file() or not PackedEncoder.fits(network):
        return None
    try:
        ranges = load_file(path)
        PackedEncoder.check(network, ranges)
        PackedLook.check(network, ranges)
        return ranges
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelFolderError(f"{path}: {error}") from error


def write_ranges(folder: Path, ranges: Ranges) -> None:
    temporary = folder / f"{RANGES}.part"
    save_file({name: value.contiguous() for name, value in ranges.items()}, temporary)
    temporary.replace(folder / RANGES)


def load_tokenizer(folder: Path, description: ModelDescription) -> PieceTokenizer:
    """ModelFolderError if ``tokenizer.json`` is missing or broken."""
    path = folder / TOKENIZER
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises a bare Exception
        raise ModelFolderError(f"{path}: {error}") from error
    return PieceTokenizer(tokenizer, start_id=description.start_id, break_id=description.break_id)


def _encoder(path: Path, config: Mapping[str, Any]) -> torch.nn.Module:
    try:
        parsed: PretrainedConfig = AutoConfig.for_model(**config)
        parsed._attn_implementation = "sdpa"
        encoder: torch.nn.Module = AutoModel.from_config(  # type: ignore[no-untyped-call]
            parsed, add_pooling_layer=False
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ModelFolderError(f"{path}: encoder: {error}") from error
    return encoder


def digest(folder: Path) -> str:
    """sha256 (hexadecimal) of all that a folder's answers depend on: every file but the card and
    the figures."""
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name != METRICS and path.suffix not in (".md", ".part"):
            with path.open("rb") as file:
                one = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{path.name}\0{one}\n".encode())
    return whole.hexdigest()


def save_model(
    folder: Path,
    *,
    description: ModelDescription,
    weights: Mapping[str, Tensor],
    tokenizer_json: str,
) -> None:
    """Writes a model folder (created if missing); weights go to 16-bit floats.

    Each file is written beside its place and moved there, so a crash leaves the old one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    half = {
        name: value.half().contiguous() if value.is_floating_point() else value.contiguous()
        for name, value in weights.items()
    }
    temporary = folder / f"{WEIGHTS}.part"
    save_file(half, temporary, metadata={"format": "pt"})
    temporary.replace(folder / WEIGHTS)
    write_text(folder / TOKENIZER, tokenizer_json)
    write_description(folder, description)


def write_description(folder: Path, description: ModelDescription) -> None:
    values = asdict(description)
    write_text(folder / CONFIG, json.dumps(values, indent=2, sort_keys=True) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes beside the place, then moves there."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
