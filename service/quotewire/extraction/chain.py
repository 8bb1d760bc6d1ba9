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
IntArray = npt.NDArray[np.int64]
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


def best_spans(scores: FloatArray) -> IntArray:
    """Viterbi: the spans of the best labelling of each chain, [chains, words, 3] -> [spans, 3] as
    (chain, first word, last word), ascending."""
    steps, states = _walk(scores, np.maximum)
    outside, inside = states[:-1, _OUT], states[:-1, _IN]
    # The last step up to each one at which the best way out (in) closes (opens) a span.
    closing = _last_true(inside + steps[:, _OUT, _IN] > outside)
    opening = _last_true(outside + steps[:, _IN, _OUT] > inside + steps[:, _IN, _IN])
    chain = np.arange(len(scores), dtype=np.int64)
    step = np.full_like(chain, scores.shape[1])
    found = [np.zeros((0, 3), np.int64)]
    while len(chain):  # one span a round, from the last one back
        last = closing[step, chain] - 1
        chain, last = chain[last >= 0], last[last >= 0]
        first = opening[last, chain]
        found.append(np.stack([chain, first, last], 1))
        chain, step = chain[first > 0], first[first > 0] - 1
    spans = np.concatenate(found)
    return spans[np.lexsort((spans[:, 1], spans[:, 0]))]


def best_single_spans(scores: FloatArray) -> IntArray:
    """The best labelling with just one span, [chains, words, 3] -> [chains, 3] as (chain, first
    word, last word)."""
    exact = scores.astype(np.float64)
    through = np.cumsum(exact[:, :, INSIDE], 1)  # of all words up to and with this one
    opened = exact[:, :, START] + exact[:, :, INSIDE] - through
    best = np.maximum.accumulate(opened, 1) + through + exact[:, :, END]
    last = best.argmax(1)
    possible = np.arange(scores.shape[1]) <= last[:, None]
    first = np.where(possible, opened, -np.inf).argmax(1)
    return np.stack([np.arange(len(scores)), first, last], 1)


def best_labelling(scores: FloatArray) -> BoolArray:
    """The same as labels: [chains, words, 3] -> [chains, words] bool."""
    labels = np.zeros(scores.shape[:2], np.bool_)
    for chain, first, last in best_spans(scores).tolist():
        labels[chain, first : last + 1] = True
    return labels


def span_log_probability(scores: FloatArray, spans: IntArray) -> FloatArray:
    """Log posteriors of exact spans, given as [spans, 3] (chain, first word, last word): [spans].

    The share of all labellings, by weight, in which just this span stands (whatever else does), by
    forward-backward: what is summed before the span, the span itself, what is summed after it.
    """
    asked, chain = np.unique(spans[:, 0], return_inverse=True)
    first, last = spans[:, 1], spans[:, 2]
    exact = scores[asked].astype(np.float64)
    chains, words, _ = exact.shape
    # A chain read from its end is a chain whose START and END have changed places.
    _, states = _walk(np.concatenate([exact, exact[:, ::-1, ::-1]]), np.logaddexp)
    outside = states[:, _OUT]
    before, after, whole = outside[:, :chains], outside[:, chains:], outside[-1, :chains]
    inside = np.zeros((chains, words + 1))
    np.cumsum(exact[:, :, INSIDE], 1, out=inside[:, 1:])
    itself = exact[chain, first, START] + exact[chain, last, END]
    itself += inside[chain, last + 1] - inside[chain, first]
    share: npt.NDArray[np.float64] = before[first, chain] + itself - whole[chain]
    return np.asarray(share + after[words - 1 - last, chain], np.float32)


_OUT, _IN = 0, 1  # the states of a chain


def _walk(scores: FloatArray, plus: np.ufunc) -> tuple[FloatArray, FloatArray]:
    """Walks all chains from their first word to their end, [chains, words, 3] ->
    ``steps`` [words + 1, to, from, chains] and ``states`` [words + 2, state, chains].

    ``states[t]`` is the worth of all ways to be outside or inside after ``t`` words, ways being
    added by ``plus``: the best one by ``np.maximum``, their sum by ``np.logaddexp``.  ``steps[t]``
    is what word ``t`` adds on the way; one more step past the last word closes what is open.
    """
    chains, words, _ = scores.shape
    start, inside, end = scores.transpose(2, 1, 0)
    steps = np.full((words + 1, 2, 2, chains), -np.inf, scores.dtype)
    steps[:, _OUT, _OUT] = 0
    steps[1:, _OUT, _IN] = end
    steps[:-1, _IN, _OUT] = start + inside
    steps[:-1, _IN, _IN] = inside
    states = np.full((words + 2, 2, chains), -np.inf, scores.dtype)
    states[0, _OUT] = 0
    ways = np.empty((2, 2, chains), scores.dtype)
    from_outside, from_inside = ways[:, _OUT], ways[:, _IN]
    for step, here, there in zip(steps, states, states[1:], strict=False):
        np.add(step, here, out=ways)
        plus(from_outside, from_inside, out=there)
    return steps, states


def _last_true(marks: BoolArray) -> IntArray:
    """[steps, chains] -> [steps, chains]: the last step up to each one that is marked, else -1."""
    steps = np.arange(len(marks))[:, None]
    return np.maximum.accumulate(np.where(marks, steps, -1), 0)


def runs(labels: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The spans of one labelling, [words] bool -> (first word, last word), both included."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], labels, [False]]).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]
