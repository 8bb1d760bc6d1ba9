"""``quotewire train CONFIG.toml``: corpora in, a folder in ``models/`` out."""

from __future__ import annotations

import json
import random
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from quotewire.errors import ConfigError
from quotewire.evaluation.jsonl import read_json_lines
from quotewire.evaluation.outofdomain import outofdomain_articles
from quotewire.extraction.model_folder import (
    TOKENIZER,
    LoadedModel,
    ModelDescription,
    load_model,
    save_model,
)
from quotewire.extraction.network import Batch, NetworkConfig
from quotewire.extraction.packed import PackedEncoder
from quotewire.extraction.precision import AUTO, choose_precision
from quotewire.extraction.tokens import PieceTokenizer
from quotewire.training.augment import restyle
from quotewire.training.corpus import LabelledArticle, read_polnear
from quotewire.training.examples import Example, align
from quotewire.training.finish import finish_model
from quotewire.training.loop import Schedule, Step, Trainer
from quotewire.training.loss import Teacher
from quotewire.training.ranges import ARTICLES, write_model_ranges
from quotewire.training.reword import reword
from quotewire.training.silver import with_silver_nested
from quotewire.training.start import PACKAGED_BASE, start_from
from quotewire.training.tune import without_names
from quotewire.training.unlabelled import drawn, labelled_by, read_archives
from quotewire.types import Article

LICENCE_NOTE = "trained on research data: not cleared for commercial use"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """The TOML file.  ``base`` names the packaged encoder, the folder of any other one, or a model
    folder to start from, of whose encoder ``layers`` are kept (all, if none are named).  Paths are
    relative to the working directory; ``restyled`` is the share of articles that an epoch sees
    in another typographic style, ``reworded`` that of the statements that can be told through an
    intermediary and are (see reword.py); ``relays`` are labels of our own beside the corpus's
    (see corpus.py).  The model folder ``teacher`` gives silver labels of nested statements, and its
    opinion counts for the share ``trust`` beside the labels; ``match`` is the weight of the
    student's states being like the teacher's, and each epoch reads ``unlabelled`` other articles of
    the archives, whose labels are the teacher's answers.  Of the weights that come out, the
    share ``keep`` is those that training started from, which keeps what they do well elsewhere
    (Wortsman et al. 2022).  With ``tune`` the model is tuned and evaluated on the corpus's
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
    reworded: float = 0.0
    layers: tuple[int, ...] = ()
    relays: Path | None = None
    teacher: Path | None = None
    trust: float = 0.5
    match: float = 0.0
    unlabelled: int = 0
    keep: float = 0.0
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
        values["layers"] = tuple(raw.get("layers", ()))
        for key in ("notes", "outofdomain", "relays", "teacher"):
            values[key] = Path(raw[key]) if key in raw else None
        if "archives" in raw:
            values["archives"] = Path(raw["archives"])
        return TrainConfig(**values)
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def examples_of_epoch(
    articles: list[LabelledArticle],
    tokenizer: PieceTokenizer,
    config: TrainConfig,
    *,
    more: Sequence[LabelledArticle] = (),
) -> Callable[[int], list[Example]]:
    """The labelled examples as an epoch sees them: some articles in another style each time, and
    its own ``config.unlabelled`` of ``more``."""

    def examples(epoch: int) -> list[Example]:
        rng = random.Random(f"style:{config.schedule.seed}:{epoch}")
        words = random.Random(f"words:{config.schedule.seed}:{epoch}")
        own = slice(epoch * config.unlabelled, (epoch + 1) * config.unlabelled)
        seen = [
            reword(article, share=config.reworded, rng=words) for article in [*articles, *more[own]]
        ]
        return [
            align(article, tokenizer, text=restyle(article.text, share=config.restyled, rng=rng))
            for article in seen
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
    start = start_from(config.base, layers=config.layers, network=config.network)
    tokenizer = PieceTokenizer(
        Tokenizer.from_str(start.tokenizer_json), start_id=start.start_id, break_id=start.break_id
    )
    description = ModelDescription(
        name=config.name,
        version=config.version,
        base=start.base,
        licence=LICENCE_NOTE,
        encoder=start.encoder,
        network=config.network,
        start_id=start.start_id,
        break_id=start.break_id,
    )
    kept = {name: value.clone() for name, value in start.network.state_dict().items()}
    articles = read_polnear(config.data, "train", relays=config.relays)
    lost: Counter[str] = Counter()
    for article in articles:
        align(article, tokenizer, lost=lost)
    yield Report(news=f"{len(articles)} articles; alignment to words: {dict(lost)}")

    teacher: Teacher | None = None
    more: list[LabelledArticle] = []
    if config.teacher is not None:
        loaded = load_model(str(config.teacher))
        if (loaded.folder / TOKENIZER).read_text(encoding="utf-8") != start.tokenizer_json:
            raise ConfigError(
                f"teacher: {config.teacher} reads other word pieces than {start.base}"
            )
        teacher = Teacher(loaded.network, config.trust, config.match, encoder_of(loaded))
        extractor = without_names(loaded)
        articles = with_silver_nested(articles, extractor)
        silver = sum(
            a.probability for article in articles for a in article.attributions if a.nested
        )
        yield Report(news=f"nested statements by hand and in silver: {silver:.0f} expected")
        more = list(labelled_by(extractor, unlabelled_articles(config)))
        if more:
            statements = sum(len(article.attributions) for article in more)
            yield Report(news=f"{len(more)} articles of the archives: {statements} statements")

    trainer = Trainer(
        start.network,
        examples_of_epoch(articles, tokenizer, config, more=more),
        config.schedule,
        teacher,
    )
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
            weights={
                name: torch.lerp(value, kept[name], config.keep) if config.keep else value
                for name, value in trainer.average.items()
            },
            tokenizer_json=start.tokenizer_json,
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
    write_model_ranges(config.out, (article.text for article in articles[:ARTICLES]))
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


def unlabelled_articles(config: TrainConfig) -> list[Article]:
    """Articles of the archives for all epochs, none of them one that evaluation looks at."""
    if not config.unlabelled:
        return []
    held_out = read_json_lines(config.outofdomain) if config.outofdomain else ()
    articles = read_archives(
        config.archives, but=frozenset(str(line["id"]) for _, line in held_out)
    )
    schedule = config.schedule
    return drawn(articles, config.unlabelled * schedule.epochs, seed=schedule.seed)


def encoder_of(model: LoadedModel) -> Callable[[Batch], Tensor] | None:
    """The fastest forward pass of a model's encoder, if there is a faster one than its own."""
    if not PackedEncoder.fits(model.network):
        return None
    precision = choose_precision(AUTO, ranges=model.ranges)
    return PackedEncoder.of(model.network, precision, model.ranges).encode


def training_facts(config: TrainConfig, steps: int) -> list[str]:
    """What the card says of how the model was trained."""
    schedule = ", ".join(f"{key} {value}" for key, value in asdict(config.schedule).items())
    network = ", ".join(f"{key} {value}" for key, value in asdict(config.network).items())
    return [
        f"`quotewire train` with {config.threads} threads, {steps} steps; {schedule}",
        f"network: {network}; {config.restyled:.0%} of the articles restyled each epoch",
        f"teacher {config.teacher.name}, trust {config.trust}; nested statements in silver where "
        "nobody labelled them"
        if config.teacher
        else "no teacher, no silver labels",
        *([f"states like the teacher's, weight {config.match}"] if config.match else []),
        *(
            [f"{config.unlabelled} articles of the archives an epoch, as the teacher reads them"]
            if config.unlabelled
            else []
        ),
        *(
            [f"{config.reworded:.0%} of the statements that can be told anew told anew each epoch"]
            if config.reworded
            else []
        ),
        *([f"{config.keep:.0%} of the weights are those of {config.base}"] if config.keep else []),
        "weights averaged exponentially; cue and role chains by cross entropy, see docs/model.md",
    ]
