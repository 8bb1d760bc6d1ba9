"""The training loop: a generator of steps.

Printing, saving and stopping belong to its caller.  A run can stop after any step and go on from
:meth:`Trainer.state`: the order of windows depends on seed and epoch alone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from quotewire.extraction.network import Network
from quotewire.extraction.windows import Window
from quotewire.training.dropout import pool_dropout
from quotewire.training.examples import Example, make_batch, random_windows
from quotewire.training.loss import Teacher, losses


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How to train.  ``batch_pieces`` counts padded word pieces; rates are peaks of a one-cycle
    schedule with cosine decay (Smith 2018) whose warm-up takes ``warmup`` of all steps; weights
    are averaged exponentially with ``average_decay`` a step."""

    epochs: int
    seed: int = 1
    batch_pieces: int = 3200
    max_pieces: int = 320
    encoder_rate: float = 1.5e-4
    head_rate: float = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    average_decay: float = 0.997
    freeze_embeddings: bool = True
    candidate_bias: float = 1.0
    hide_quotes: float = 0.05  # share of windows whose quotation marks' pairing is hidden
    hide_case: float = 0.05  # share of windows whose letter case is hidden


@dataclass(frozen=True, slots=True)
class Step:
    """One step done: ``epoch`` from 0, ``progress`` in [0, 1] over all epochs, ``losses`` by name,
    word ``pieces`` read, attributions ``cut`` by window edges, and whether the epoch ended."""

    number: int
    epoch: int
    progress: float
    losses: dict[str, float]
    pieces: int
    cut: int
    epoch_ended: bool


@dataclass(slots=True)
class Trainer:
    """Network, optimiser and averaged weights, between steps."""

    network: Network
    examples: Callable[[int], Sequence[Example]]  # of an epoch
    schedule: Schedule
    teacher: Teacher | None = None
    epoch: int = 0
    batch_in_epoch: int = 0
    number: int = 0
    average: dict[str, Tensor] = field(default_factory=dict)
    optimizer: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        pool_dropout(self.network)
        if self.schedule.freeze_embeddings:
            self.network.encoder.get_input_embeddings().requires_grad_(False)  # type: ignore[operator]
        encoder: list[Tensor] = []
        heads: list[Tensor] = []
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                (encoder if name.startswith("encoder.") else heads).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": encoder, "peak": self.schedule.encoder_rate},
                {"params": heads, "peak": self.schedule.head_rate},
            ],
            weight_decay=self.schedule.weight_decay,
            betas=(0.9, 0.98),
        )
        self.average = {
            name: value.detach().clone() for name, value in self.network.state_dict().items()
        }

    def state(self) -> dict[str, Any]:
        """Everything needed to go on, for :meth:`restore`."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "place": [self.epoch, self.batch_in_epoch, self.number],
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = state["average"]
        self.epoch, self.batch_in_epoch, self.number = state["place"]
        torch.set_rng_state(state["random"])

    def steps(self) -> Iterator[Step]:
        """Trains; yields after every step.  Deterministic for a seed and a number of threads."""
        schedule = self.schedule
        if self.number == 0:
            torch.manual_seed(schedule.seed)
        self.network.train()
        while self.epoch < schedule.epochs:
            batches = self._batches(self.epoch)
            while self.batch_in_epoch < len(batches):
                items = batches[self.batch_in_epoch]
                progress = (self.epoch + self.batch_in_epoch / len(batches)) / schedule.epochs
                values, pieces, cut = self._step(items, progress)
                self.batch_in_epoch += 1
                self.number += 1
                ended = self.batch_in_epoch == len(batches)
                epoch = self.epoch
                if ended:
                    self.epoch, self.batch_in_epoch = epoch + 1, 0
                yield Step(self.number, epoch, progress, values, pieces, cut, ended)
                if ended:
                    break

    def _step(
        self, items: Sequence[tuple[Example, Window]], progress: float
    ) -> tuple[dict[str, float], int, int]:
        schedule = self.schedule
        batch, targets, cut = make_batch(items)
        hide_quotes, hide_case = torch.rand(2, len(items), 1).unbind(0)
        batch.quote_state.masked_fill_(hide_quotes < schedule.hide_quotes, 0)
        batch.shape.masked_fill_(hide_case < schedule.hide_case, 0)
        rate = one_cycle(progress, warmup=schedule.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rate
        named = losses(
            self.network,
            batch,
            targets,
            candidate_bias=schedule.candidate_bias,
            teacher=self.teacher,
        )
        torch.stack(list(named.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), schedule.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._update_average()
        values = {name: float(value.detach()) for name, value in named.items()}
        return values, int(batch.attended.sum()), cut

    @torch.no_grad()
    def _update_average(self) -> None:
        # Early averages would be mostly the start: let the decay grow with the steps.
        decay = min(self.schedule.average_decay, (1 + self.number) / (10 + self.number))
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                self.average[name].lerp_(parameter, 1 - decay)

    def _batches(self, epoch: int) -> list[list[tuple[Example, Window]]]:
        """The epoch's batches: windows of like length together, batches in random order."""
        schedule = self.schedule
        rng = random.Random(f"{schedule.seed}:{epoch}")
        items = list(random_windows(self.examples(epoch), max_pieces=schedule.max_pieces, rng=rng))
        rng.shuffle(items)
        batches: list[list[tuple[Example, Window]]] = []
        for at in range(0, len(items), 80):  # a pool small enough to keep batches random
            batch: list[tuple[Example, Window]] = []
            for item in sorted(items[at : at + 80], key=lambda item: item[1].pieces):
                if batch and (len(batch) + 1) * item[1].pieces > schedule.batch_pieces:
                    batches.append(batch)
                    batch = []
                batch.append(item)
            batches.append(batch)
        rng.shuffle(batches)
        return batches


def one_cycle(progress: float, *, warmup: float) -> float:
    """Factor in [0, 1] of the peak learning rate at ``progress`` in [0, 1]."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))
