"""The model behind the extractor: the network on a batch of windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from quotewire.extraction.batching import collate
from quotewire.extraction.chain import (
    START,
    FloatArray,
    best_labelling,
    runs,
    span_log_probability,
)
from quotewire.extraction.network import (
    ACTS,
    INTERMEDIARY_KINDS,
    ROLES,
    SPEAKER_TYPES,
    Cues,
    Network,
)
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window

Proposal = tuple[int, int, int, int]  # window, channel, first word, last word


class TransformerModel:
    """Proposes cues with the network's tagger, then takes the second look at each of them."""

    def __init__(
        self, network: Network, *, proposal_bias: Sequence[float], device: str = "cpu"
    ) -> None:
        """``proposal_bias``: nats a channel added to START, so that doubtful cues get a look.
        ``device``: torch's name of where the network runs; what it says comes back to the CPU."""
        self.device = device
        self.network = network.eval().to(device)
        self.proposal_bias = np.array(proposal_bias, np.float32)

    @torch.inference_mode()
    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        if not windows:
            return []
        batch = collate(windows).to(self.device)
        states = self.network.encode(batch)
        cue_scores = self.network.cue_scores(states, batch).float().cpu().numpy()
        proposals = self._propose(windows, cue_scores)
        columns = np.array(proposals, np.int64).reshape(-1, 4)
        cues = Cues(*(torch.from_numpy(columns[:, k].copy()).to(self.device) for k in (0, 2, 3)))
        if len(columns):
            look = self.network.look(states, batch, cues)
            judged = [
                t.float().cpu().numpy()
                for t in (
                    look.roles,
                    look.valid,
                    look.act,
                    look.speaker_type,
                    look.intermediary_kind,
                )
            ]
        else:
            judged = _no_look(batch.word_mask.shape[1])
        logp = self._log_posteriors(cue_scores, proposals)
        answers = []
        for row, window in enumerate(windows):
            mine = columns[:, 0] == row
            roles, valid, act, speaker_type, kind = (values[mine] for values in judged)
            answers.append(
                WindowScores(
                    channel=columns[mine, 1],
                    first=columns[mine, 2],
                    last=columns[mine, 3],
                    cue_logp=logp[mine],
                    roles=roles[:, :, : window.words],
                    valid=valid,
                    act=act,
                    speaker_type=speaker_type,
                    intermediary_kind=kind,
                )
            )
        return answers

    def _propose(self, windows: Sequence[Window], cue_scores: FloatArray) -> list[Proposal]:
        """Candidate cues that begin in their window's core."""
        rows, channels, words, _ = cue_scores.shape
        biased = cue_scores.copy()
        biased[..., START] += self.proposal_bias[None, :, None]
        labels = best_labelling(biased.reshape(rows * channels, words, 3))
        found: list[Proposal] = []
        for row, window in enumerate(windows):
            core = range(window.core_lo - window.lo, window.core_hi - window.lo)
            taken: set[tuple[int, int]] = set()
            for channel in range(channels):
                for first, last in runs(labels[row * channels + channel]):
                    if first in core and (first, last) not in taken:
                        taken.add((first, last))
                        found.append((row, channel, first, last))
        return found

    @staticmethod
    def _log_posteriors(cue_scores: FloatArray, proposals: list[Proposal]) -> FloatArray:
        if not proposals:
            return np.zeros(0, np.float32)
        rows, channels, words, _ = cue_scores.shape
        chains = cue_scores.reshape(rows * channels, words, 3)
        return span_log_probability(
            chains, [(row * channels + channel, a, b) for row, channel, a, b in proposals]
        )


def _no_look(words: int) -> list[FloatArray]:
    sizes = (
        (len(ROLES), words, 3),
        (),
        (len(ACTS),),
        (len(SPEAKER_TYPES),),
        (len(INTERMEDIARY_KINDS),),
    )
    return [np.zeros((0, *size), np.float32) for size in sizes]
