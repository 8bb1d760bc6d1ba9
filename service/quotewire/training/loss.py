"""What the network is trained on: one sum of losses, each reported by name."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from quotewire.extraction.chain import best_labelling, negative_log_likelihood, runs
from quotewire.extraction.network import CUE_CHANNELS, Batch, Cues, Network
from quotewire.training.examples import UNKNOWN, Targets

# Judgements are learned fast and from few labels; spans are what the capacity is for.
JUDGEMENT_WEIGHT = 0.3
WRONG_CUES = 24  # at most so many of the tagger's own mistakes are looked at in a batch


def losses(
    network: Network, batch: Batch, targets: Targets, *, candidate_bias: float
) -> dict[str, Tensor]:
    """Losses by name; their sum is what to minimise.

    ``candidate_bias`` (in nats) is added to the cue tagger's START scores when it proposes cues
    that are not labelled: the second look learns to turn those down.
    """
    states = network.encode(batch)
    cue_scores = network.cue_scores(states, batch)
    labelled = max(1, int((targets.outer[:, 1:] & ~targets.outer[:, :-1]).sum()))
    outer = negative_log_likelihood(cue_scores[:, 0], targets.outer)
    nested = negative_log_likelihood(cue_scores[:, 1], targets.nested) * targets.nested_known
    wrong = wrong_cues(cue_scores.detach(), targets, bias=candidate_bias)
    right = len(targets.cue_window)
    cues = Cues(
        window=torch.cat([targets.cue_window, wrong.window]),
        first=torch.cat([targets.cue_first, wrong.first]),
        last=torch.cat([targets.cue_last, wrong.last]),
    )
    result = {"cue": outer.sum() / labelled, "nested_cue": nested.sum() / labelled}
    if not len(cues.window):
        return result
    look = network.look(states, batch, cues)
    valid = torch.zeros_like(look.valid)
    valid[:right] = 1.0
    result["valid"] = JUDGEMENT_WEIGHT * binary_cross_entropy_with_logits(look.valid, valid)
    if right:
        chains = look.roles[:right].flatten(0, 1)
        result["roles"] = negative_log_likelihood(chains, targets.roles.flatten(0, 1)).sum() / right
        for name in ("act", "speaker_type", "intermediary_kind"):
            target: Tensor = getattr(targets, name)
            if bool((target != UNKNOWN).any()):
                result[name] = JUDGEMENT_WEIGHT * cross_entropy(
                    getattr(look, name)[:right], target, ignore_index=UNKNOWN
                )
    return result


def wrong_cues(cue_scores: Tensor, targets: Targets, *, bias: float) -> Cues:
    """Cues that the tagger would propose and that touch no labelled one.

    In articles without labels for nested statements, proposals of the nested channel are left
    alone: they may be right.
    """
    scores = cue_scores.float().numpy().copy()
    scores[..., 0] += bias
    any_cue = (targets.outer | targets.nested).numpy()
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
