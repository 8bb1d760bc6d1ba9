"""The model behind the extractor: the network on a batch of windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from quotewire.errors import InputError
from quotewire.extraction.batching import collate
from quotewire.extraction.chain import (
    START,
    FloatArray,
    IntArray,
    best_spans,
    span_log_probability,
)
from quotewire.extraction.network import (
    ACTS,
    INTERMEDIARY_KINDS,
    ROLES,
    SPEAKER_TYPES,
    Batch,
    Cues,
    Look,
    Network,
)
from quotewire.extraction.packed import PackedEncoder
from quotewire.extraction.packed_look import PackedLook
from quotewire.extraction.precision import (
    AUTO,
    BF16,
    FP32,
    INT8,
    Ranges,
    check_precision,
    choose_precision,
)
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window

WORDS_AT_ONCE = 4096  # of the network's own look on a CPU: 2 MiB a state, the cache of a core


class TransformerModel:
    """Proposes cues with the network's tagger, then takes the second look at each of them."""

    def __init__(
        self,
        network: Network,
        *,
        proposal_bias: Sequence[float],
        device: str = "cpu",
        precision: str = AUTO,
        ranges: Ranges | None = None,
    ) -> None:
        """``proposal_bias``: nats a channel added to START, so that doubtful cues get a look.
        ``device``: torch's name of where the network runs; what it says comes back to the CPU.
        ``precision`` of the encoder's layers and, where ``ranges`` tell of it, with INT8 of the
        second look: one of PRECISIONS; INT8 is for CPUs and needs ``ranges``.  InputError if it
        cannot be had."""
        self.device = device
        self.network = network.eval().to(device)
        self.proposal_bias = np.array(proposal_bias, np.float32)
        self._encode: Callable[[Batch], Tensor] = self.network.encode
        self._look: Callable[[Tensor, Batch, Cues], Look] = partial(
            self.network.look, words_at_once=WORDS_AT_ONCE if device == "cpu" else None
        )
        self._mixed = False  # torch's own mixture of 16 and 32 bits
        if device == "cpu" and PackedEncoder.fits(network):
            self.precision = choose_precision(precision, ranges=ranges)
            self._encode = PackedEncoder.of(network, self.precision, ranges).encode
            self._look = PackedLook.of(network, self.precision, ranges)
        else:
            fastest = FP32 if device == "cpu" else BF16
            self.precision = fastest if check_precision(precision) == AUTO else precision
            if self.precision == INT8:
                raise InputError(
                    field="precision",
                    value=repr(precision),
                    allowed=f"{FP32} or {BF16}: {INT8} is for BERT encoders on a CPU",
                )
            self._mixed = self.precision == BF16

    @classmethod
    def recording(
        cls, network: Network, ranges: dict[str, Tensor], *, proposal_bias: Sequence[float]
    ) -> TransformerModel:
        """In 32 bits, noting in ``ranges`` what INT8 needs of what it is asked: some 20,000 pieces
        of ordinary text, with cues among them, do.  For an encoder that PackedEncoder fits."""
        model = cls(network, proposal_bias=proposal_bias, precision=FP32)
        model._encode = PackedEncoder.recording(network, ranges).encode
        model._look = PackedLook.recording(network, ranges)
        return model

    @torch.inference_mode()
    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        if not windows:
            return []
        with torch.autocast(self.device, torch.bfloat16, enabled=self._mixed):
            batch = collate(windows).to(self.device)
            states = self._encode(batch)
            cue_scores = self.network.cue_scores(states, batch).float().cpu().numpy()
            proposals = self._propose(windows, cue_scores)
            judged = self._judge(states, batch, proposals)
        logp = self._log_posteriors(cue_scores, proposals)
        answers = []
        for row, window in enumerate(windows):
            mine = proposals[:, 0] == row
            roles, valid, act, speaker_type, kind = (values[mine] for values in judged)
            answers.append(
                WindowScores(
                    channel=proposals[mine, 1],
                    first=proposals[mine, 2],
                    last=proposals[mine, 3],
                    cue_logp=logp[mine],
                    roles=roles[:, :, : window.words],
                    valid=valid,
                    act=act,
                    speaker_type=speaker_type,
                    intermediary_kind=kind,
                )
            )
        return answers

    def _judge(
        self, states: Tensor, batch: Batch, columns: npt.NDArray[np.int64]
    ) -> list[FloatArray]:
        """The fields of Look for the proposals ``columns``, [C, 4]."""
        if not len(columns):
            return _no_look(batch.word_mask.shape[1])
        at = torch.from_numpy(columns).to(self.device)
        look = self._look(states, batch, Cues(at[:, 0], at[:, 2], at[:, 3]))
        fields = (look.roles, look.valid, look.act, look.speaker_type, look.intermediary_kind)
        return [values.float().cpu().numpy() for values in fields]

    def _propose(self, windows: Sequence[Window], cue_scores: FloatArray) -> IntArray:
        """Candidate cues that begin in their window's core, [cues, 4]: window, channel, first and
        last word."""
        biased = cue_scores.copy()
        biased[..., START] += self.proposal_bias[None, :, None]
        rows, channels, words, _ = biased.shape
        chain, first, last = best_spans(biased.reshape(rows * channels, words, 3)).T
        found: IntArray = np.stack([chain // channels, chain % channels, first, last], 1)
        core = np.array([(w.core_lo - w.lo, w.core_hi - w.lo) for w in windows])[found[:, 0]]
        found = found[(core[:, 0] <= first) & (first < core[:, 1])]
        # What two channels propose is one candidate, of the first.
        _, kept = np.unique(found[:, (0, 2, 3)], axis=0, return_index=True)
        return found[np.sort(kept)]

    @staticmethod
    def _log_posteriors(cue_scores: FloatArray, proposals: IntArray) -> FloatArray:
        """[cues] of each proposal's exact span."""
        rows, channels, words, _ = cue_scores.shape
        window, channel, first, last = proposals.T
        return span_log_probability(
            cue_scores.reshape(rows * channels, words, 3),
            np.stack([window * channels + channel, first, last], 1),
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
