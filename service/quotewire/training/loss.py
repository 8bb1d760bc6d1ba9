"""What the network is trained on: one sum of losses, each reported by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from quotewire.extraction.chain import (
    BLOCKED,
    best_labelling,
    cross_entropy,
    events,
    marginals,
    runs,
)
from quotewire.extraction.network import CUE_CHANNELS, ROLES, Batch, Cues, Look, Network
from quotewire.training.examples import UNKNOWN, Targets

# Judgements are learned fast and from few labels; spans are what the capacity is for.
JUDGEMENT_WEIGHT = 0.3
WRONG_CUES = 24  # at most so many of the tagger's own mistakes are looked at in a batch
SPOKEN = ("source", "content")  # the roles that a teacher has a say in
JUDGEMENTS = ("act", "speaker_type", "intermediary_kind")


@dataclass(frozen=True, slots=True)
class Teacher:
    """A trained network whose opinion is learned from, too (Hinton et al. 2015; from one of the
    same size: Furlanello et al. 2018).  ``trust`` in [0, 1] is its share beside the labels; the
    labels alone say which statements are nested, and who relays and who is spoken to where somebody
    looked: those labels are of few hands, and a teacher of few such labels misses many.  Of what is
    ``certain`` it is not asked at all.
    ``match`` is the weight of what a student's states of the words differ from the teacher's, which
    must be as wide (TinyBERT, Jiao et al. 2020): a share of the teacher's own variance."""

    network: Network
    trust: float
    match: float = 0.0
    encode: Callable[[Batch], Tensor] | None = None  # the network's own, or a faster one

    def states(self, batch: Batch) -> Tensor:
        return (self.encode or self.network.encode)(batch)

    def difference(self, states: Tensor, taught: Tensor, batch: Batch) -> Tensor:
        words = batch.word_mask.unsqueeze(-1)
        away = ((states - taught) * words).square().sum()
        return self.match * away / (taught * words).square().sum()

    def mixed(self, labels: Tensor, opinion: Tensor, *, certain: Tensor) -> Tensor:
        """``labels`` with its ``opinion`` mixed in; ``certain`` has their first dimensions."""
        certain = certain.view(certain.shape + (1,) * (labels.dim() - certain.dim()))
        return torch.where(certain, labels, labels + self.trust * (opinion - labels))


def losses(
    network: Network,
    batch: Batch,
    targets: Targets,
    *,
    candidate_bias: float,
    teacher: Teacher | None = None,
) -> dict[str, Tensor]:
    """Losses by name; their sum is what to minimise.

    ``candidate_bias`` (in nats) is added to the cue tagger's START scores when it proposes cues
    that are not labelled: the second look learns to turn those down.
    """
    states = network.encode(batch)
    cue_scores = network.cue_scores(states, batch)
    wrong = wrong_cues(cue_scores.detach(), targets, bias=candidate_bias)
    right = len(targets.cue_window)
    cues = Cues(
        window=torch.cat([targets.cue_window, wrong.window]),
        first=torch.cat([targets.cue_first, wrong.first]),
        last=torch.cat([targets.cue_last, wrong.last]),
    )
    outer, nested = events(targets.outer), events(targets.nested)
    labelled = float(outer[..., 0].sum().clamp(min=1))
    opinion: Look | None = None
    result = {}
    if teacher is not None:
        with torch.no_grad():
            taught = teacher.states(batch)
            taught_cues = teacher.network.cue_scores(taught, batch)[:, 0]
            opinion = teacher.network.look(taught, batch, cues) if len(cues.window) else None
        outer = teacher.mixed(outer, marginals(taught_cues), certain=targets.certain)
        if teacher.match:
            result["states"] = teacher.difference(states, taught, batch)
    surprise = cross_entropy(cue_scores[:, 1], nested) * targets.nested_known
    result["cue"] = cross_entropy(cue_scores[:, 0], outer).sum() / labelled
    result["nested_cue"] = surprise.sum() / labelled
    if len(cues.window):
        look = network.look(states, batch, cues)
        result["valid"] = JUDGEMENT_WEIGHT * _valid_loss(look, targets, opinion, teacher)
        if right:
            result |= _role_losses(look, targets, opinion, teacher)
    return result


def _valid_loss(
    look: Look, targets: Targets, opinion: Look | None, teacher: Teacher | None
) -> Tensor:
    valid = torch.zeros_like(look.valid)
    right = len(targets.cue_window)
    valid[:right] = targets.probability
    if teacher is not None and opinion is not None:
        nested = torch.zeros_like(valid, dtype=torch.bool)
        nested[:right] = targets.cue_nested
        certain = torch.zeros_like(nested)
        certain[:right] = targets.cue_certain
        taught = teacher.mixed(valid, opinion.valid.sigmoid(), certain=certain)
        valid = torch.where(nested, valid, taught)
    return binary_cross_entropy_with_logits(look.valid, valid)


def _role_losses(
    look: Look, targets: Targets, opinion: Look | None, teacher: Teacher | None
) -> dict[str, Tensor]:
    """Losses of the chains and judgements of the labelled cues, which come first in ``look``."""
    right = len(targets.cue_window)
    expected = events(targets.roles).flatten(0, 1)
    if teacher is not None and opinion is not None:
        taught = teacher.mixed(
            expected,
            marginals(opinion.roles[:right].flatten(0, 1)),
            certain=targets.cue_certain.repeat_interleave(len(ROLES)),
        )
        spoken = torch.tensor([role in SPOKEN for role in ROLES]).repeat(right)
        expected = torch.where(spoken[:, None, None], taught, expected)
    scores = look.roles[:right].flatten(0, 1)
    # A span that reaches farther than the look does is not asked for there.
    expected = expected.masked_fill(scores <= BLOCKED, 0.0)
    surprise = cross_entropy(scores, expected).view(right, -1)
    surprise = surprise * targets.roles_known * targets.probability.unsqueeze(1)
    result = {"roles": surprise.sum() / right}
    for name in JUDGEMENTS:
        target: Tensor = getattr(targets, name)
        log_chance = getattr(look, name)[:right].log_softmax(-1)
        known = target != UNKNOWN
        goal = one_hot(target.clamp(min=0), log_chance.shape[-1]).float()
        if teacher is not None and opinion is not None:
            goal = teacher.mixed(
                goal, getattr(opinion, name)[:right].softmax(-1), certain=targets.cue_certain
            )
        if bool(known.any()):
            chosen = -(goal * log_chance).sum(-1)[known]
            result[name] = JUDGEMENT_WEIGHT * chosen.mean()
    return result


def wrong_cues(cue_scores: Tensor, targets: Targets, *, bias: float) -> Cues:
    """Cues that the tagger would propose and that touch no labelled one.

    In articles without labels for nested statements, proposals of the nested channel are left
    alone: they may be right.
    """
    scores = cue_scores.float().numpy().copy()
    scores[..., 0] += bias
    any_cue = (targets.outer + targets.nested).numpy() > 0
    found: list[tuple[int, int, int]] = []
    for channel in range(len(CUE_CHANNELS)):
        labels = best_labelling(scores[:, channel])
        for row, line in enumerate(labels):
            if channel and not bool(targets.nested_known[row]):
                continue
            found.extend((row, a, b) for a, b in runs(line) if not any_cue[row, a : b + 1].any())
    found = found[:: max(1, -(-len(found) // WRONG_CUES))]
    columns = torch.tensor(found, dtype=torch.long).reshape(-1, 3)
    return Cues(window=columns[:, 0], first=columns[:, 1], last=columns[:, 2])
