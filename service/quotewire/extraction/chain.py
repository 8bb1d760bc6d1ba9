"""The two-state chain: one way to mark spans, used for cues and for every role.

Each word is outside or inside; a labelling scores the sum of ``inside`` over its inside words,
``start`` at the first and ``end`` at the last word of every span.  With those scores normalised
over all labellings this is a linear-chain conditional random field (Lafferty et al. 2001) with
position-dependent transitions; it allows any number of spans, so interrupted quotes need no special
case.  Two spans that touch are one span: the labels keep at least one word between them.

Scores are [chains, words, 3] in the order START, INSIDE, END.  Training (torch) sums over all
labellings by a balanced tree, so its cost in steps is the logarithm of the length; decoding (numpy)
walks the words once for all chains together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

START, INSIDE, END = 0, 1, 2
BLOCKED = -1e4  # a score no sum of real ones can outweigh

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


def log_partition(scores: Tensor) -> Tensor:
    """[chains, words, 3] -> [chains], the log of the summed exponentials of all labellings.

    Words that may not be inside (padding) carry BLOCKED as their INSIDE score.
    """
    chains = scores.shape[0]
    start, inside, end = scores.unbind(-1)
    closing = torch.cat([end.new_full((chains, 1), BLOCKED), end], 1)  # end of the word before
    zero = scores.new_zeros(chains, 1)
    opening = torch.cat([start + inside, zero + BLOCKED], 1)
    staying = torch.cat([inside, zero + BLOCKED], 1)
    outside = torch.zeros_like(closing)
    # Entry [i, j] of a matrix scores going from state i to j (0 outside, 1 inside); one extra
    # position past the last word closes whatever is open.
    tree = torch.stack([outside, opening, closing, staying], -1)
    tree = tree.view(chains, -1, 2, 2)
    while tree.shape[1] > 1:
        if tree.shape[1] % 2:
            tree, odd = tree[:, :-1], tree[:, -1:]
        else:
            odd = None
        left, right = tree[:, 0::2], tree[:, 1::2]
        tree = torch.logsumexp(left.unsqueeze(-1) + right.unsqueeze(-3), -2)
        if odd is not None:
            tree = torch.cat([tree, odd], 1)
    return tree[:, 0, 0, 0]


def events(inside: Tensor) -> Tensor:
    """The START, INSIDE and END events of labellings, [..., words] -> [..., words, 3].

    ``inside`` may be soft, the probability of each word to be inside; spans of one probability
    give the expected events.
    """
    inside = inside.float()
    before = torch.nn.functional.pad(inside, (1, 0))[..., :-1]
    after = torch.nn.functional.pad(inside, (0, 1))[..., 1:]
    return torch.stack([(inside - before).relu(), inside, (inside - after).relu()], -1)


def marginals(scores: Tensor) -> Tensor:
    """Expected events under the chain itself, [chains, words, 3]: the gradient of its log
    partition function."""
    with torch.enable_grad():
        leaf = scores.detach().requires_grad_()
        (expected,) = torch.autograd.grad(log_partition(leaf).sum(), leaf)
    return expected


def cross_entropy(scores: Tensor, expected: Tensor) -> Tensor:
    """[chains]: how surprised the chain is (nats) by labellings whose ``expected`` events are given
    as [chains, words, 3].

    A chain's score is a sum over events, so expected events are all that a distribution over
    labellings needs to tell: those of one labelling (:func:`events`) make this the negative log
    likelihood, those of another chain (:func:`marginals`) the cross entropy between the two.
    """
    return log_partition(scores) - (scores * expected).sum((-1, -2))


def best_labelling(scores: FloatArray) -> BoolArray:
    """Viterbi: the best labelling of each chain, [chains, words, 3] -> [chains, words] bool."""
    chains, words, _ = scores.shape
    labels = np.zeros((chains, words), np.bool_)
    if not chains or not words:
        return labels
    start, inside, end = (np.ascontiguousarray(scores[:, :, k].T) for k in range(3))
    opened = np.empty((words, chains), np.bool_)  # inside at t came from outside at t - 1
    closed = np.empty((words, chains), np.bool_)  # outside at t came from inside at t - 1
    out = np.zeros(chains, np.float32)
    inn = np.full(chains, BLOCKED * 10, np.float32)
    for t in range(words):
        leaving = inn + end[t - 1] if t else inn
        entering = out + start[t]
        opened[t] = entering > inn
        closed[t] = leaving > out
        out, inn = np.maximum(out, leaving), np.maximum(inn, entering) + inside[t]
    state = inn + end[words - 1] > out
    for t in range(words - 1, -1, -1):
        labels[:, t] = state
        state = np.where(state, ~opened[t], closed[t])
    return labels


def span_log_probability(scores: FloatArray, spans: list[tuple[int, int, int]]) -> FloatArray:
    """Log posterior of exact spans: ``spans`` holds (chain, first word, last word); one a row.

    Forward-backward over [chains, words, 3]: the share of all labellings, by weight, in which just
    this span stands (whatever else does).
    """
    chains, words, _ = scores.shape
    start, inside, end = (scores[:, :, k].T.astype(np.float64) for k in range(3))
    before = np.zeros((words + 1, chains))  # words [0, t) with t - 1 outside
    out, inn = np.zeros(chains), np.full(chains, -np.inf)
    for t in range(words):
        before[t] = out
        leaving = np.logaddexp(out, inn + end[t - 1]) if t else out
        inn = np.logaddexp(inn, out + start[t]) + inside[t]
        out = leaving
    log_z = np.logaddexp(out, inn + end[words - 1]) if words else out
    after = np.zeros((words + 1, chains))  # words [t, last] with t outside
    out, inn = np.zeros(chains), np.full(chains, -np.inf)
    for t in range(words - 1, -1, -1):
        after[t + 1] = out
        leaving = np.logaddexp(out, inn + start[t + 1]) if t + 1 < words else out
        inn = np.logaddexp(inn, out + end[t]) + inside[t]
        out = leaving
    summed = np.concatenate([np.zeros((1, chains)), np.cumsum(inside, 0)])
    rows = [
        before[first, c]
        + start[first, c]
        + summed[last + 1, c]
        - summed[first, c]
        + end[last, c]
        + after[last + 1, c]
        - log_z[c]
        for c, first, last in spans
    ]
    return np.array(rows, np.float32)


def runs(labels: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The spans of one labelling, [words] bool -> (first word, last word), both included."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], labels, [False]]).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]
