"""From a window's scores to spans: which cues stand, and which words fill their roles."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quotewire.extraction.chain import (
    BLOCKED,
    START,
    FloatArray,
    IntArray,
    best_single_spans,
    best_spans,
    span_log_probability,
)
from quotewire.extraction.model_folder import Decoding
from quotewire.extraction.network import (
    ACTS,
    CUE_CHANNELS,
    INTERMEDIARY_KINDS,
    ROLES,
    SPEAKER_TYPES,
)
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.windows import Window

SOURCE, CONTENT, INTERMEDIARY, ADDRESSEE = range(len(ROLES))
NESTED = CUE_CHANNELS.index("nested")
Run = tuple[int, int]
# The spans of one role, ascending, with their log posteriors (0 where nothing asks for one).
Found = dict[Run, float]


class _Judged(NamedTuple):
    """What the network says of one proposal; of its judgements the likeliest each, as index."""

    channel: int
    first: int
    last: int
    valid: float
    cue_logp: float
    act: int
    speaker_type: int
    intermediary_kind: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """One decoded attribution in words of its article.

    ``valid`` is the second look's probability of being one.  ``features`` are what its confidence
    is computed from (see :func:`confidence_features`).
    """

    cue: Run
    source: Run | None
    content: tuple[Run, ...]
    intermediaries: tuple[Run, ...]
    addressee: Run | None
    nested: bool
    act: str
    speaker_type: str
    intermediary_kind: str
    valid: float
    cue_logp: float
    features: tuple[float, ...]


def decode_windows(
    windows: Sequence[Window], scores: Sequence[WindowScores], decoding: Decoding
) -> list[tuple[Candidate, ...]]:
    """The attributions of each window whose cue begins in the window's core.

    All chains of the batch are walked together: a step costs its overhead once, however many.
    """
    standing = [_standing(score, decoding) for score in scores]
    sizes = [len(chosen) for chosen in standing]
    if not sum(sizes):
        return [() for _ in windows]
    found = _spans_of_roles(_role_chains(windows, scores, standing, decoding))

    rows = zip(_judgements(scores, standing), found, strict=True)
    candidates = [
        [_candidate(window, judged, spans) for judged, spans in itertools.islice(rows, size)]
        for window, size in zip(windows, sizes, strict=True)
    ]
    return [tuple(filter(_says_something, of_window)) for of_window in candidates]


def _says_something(candidate: Candidate) -> bool:
    """Whether a word of the content stands outside of cue and source: a content is insisted on,
    and where there is none it may be found there."""
    told = [candidate.cue, *([candidate.source] if candidate.source else [])]
    return any(
        not any(a <= first and last <= b for a, b in told) for first, last in candidate.content
    )


def _standing(scores: WindowScores, decoding: Decoding) -> IntArray:
    """Indices of the proposals that stand: valid enough, and of two that overlap the likelier."""
    enough = _sigmoid(scores.valid) >= np.array(decoding.valid_threshold)[scores.channel]
    order = np.argsort(-scores.cue_logp, kind="stable")
    kept: list[tuple[int, int, int]] = []
    for n in order[enough[order]].tolist():
        first, last = int(scores.first[n]), int(scores.last[n])
        if all(last < start or end < first for start, end, _ in kept):
            kept.append((first, last, n))
    return np.array([n for _, _, n in sorted(kept)], np.int64)


def _judgements(scores: Sequence[WindowScores], standing: Sequence[IntArray]) -> list[_Judged]:
    """Of the proposals that stand, in the order of their windows."""
    columns = []
    for name in _Judged._fields:
        parts = [getattr(s, name)[chosen] for s, chosen in zip(scores, standing, strict=True)]
        values = np.concatenate(parts)
        columns.append((values if values.ndim == 1 else values.argmax(1)).tolist())
    return [_Judged(*row) for row in zip(*columns, strict=True)]


def _role_chains(
    windows: Sequence[Window],
    scores: Sequence[WindowScores],
    standing: Sequence[IntArray],
    decoding: Decoding,
) -> FloatArray:
    """[candidates, roles, words, 3] biased scores of the proposals that stand."""
    words = max(window.words for window in windows)
    roles = np.full((sum(map(len, standing)), len(ROLES), words, 3), BLOCKED, np.float32)
    row = 0
    for window, score, chosen in zip(windows, scores, standing, strict=True):
        roles[row : row + len(chosen), :, : window.words] = score.roles[chosen]
        row += len(chosen)
    roles[..., START] += np.array(decoding.role_bias, np.float32)[:, None]
    return roles


def _spans_of_roles(roles: FloatArray) -> list[list[Found]]:
    """What each role of each candidate holds: a content at least, one source and one addressee at
    most."""
    count, kinds, words, _ = roles.shape
    chains = roles.reshape(count * kinds, words, 3)
    spans = best_spans(chains)
    silent = np.setdiff1d(np.arange(CONTENT, len(chains), kinds), spans[:, 0])
    insisted = best_single_spans(chains[silent])
    insisted[:, 0] = silent
    spans = np.concatenate([spans, insisted])
    logp = np.zeros(len(spans), np.float32)
    weighed = _weighed(spans[:, 0], kinds)
    logp[weighed] = span_log_probability(chains, spans[weighed])
    found: list[Found] = [{} for _ in chains]
    for (chain, first, last), nats in zip(spans.tolist(), logp.tolist(), strict=True):
        found[chain][first, last] = nats
    for role in (SOURCE, ADDRESSEE):
        for chain in range(role, len(chains), kinds):
            if len(found[chain]) > 1:
                run, nats = max(found[chain].items(), key=itemgetter(1))
                found[chain] = {run: nats}
    return [found[n : n + kinds] for n in range(0, len(chains), kinds)]


def _weighed(chain: IntArray, kinds: int) -> npt.NDArray[np.bool_]:
    """Which spans, given by their ascending chains, need a log posterior: those that confidence is
    computed from (sources and contents), and addressees where one of several must be chosen."""
    role = chain % kinds
    rivals = np.bincount(chain)[chain] > 1
    weighed = (role == SOURCE) | (role == CONTENT) | ((role == ADDRESSEE) & rivals)
    return np.asarray(weighed, np.bool_)


def _candidate(window: Window, judged: _Judged, found: Sequence[Found]) -> Candidate:
    source, content, intermediaries, addressee = (
        tuple((a + window.lo, b + window.lo) for a, b in held) for held in found
    )
    if any(overlap(a, b) for a in addressee for b in intermediaries):
        addressee = ()  # an addressee is to whom, when that is no intermediary
    nested = judged.channel == NESTED
    return Candidate(
        cue=(judged.first + window.lo, judged.last + window.lo),
        source=source[0] if source else None,
        content=content,
        intermediaries=intermediaries,
        addressee=addressee[0] if addressee else None,
        nested=nested,
        act=ACTS[judged.act],
        speaker_type=SPEAKER_TYPES[judged.speaker_type],
        intermediary_kind=INTERMEDIARY_KINDS[judged.intermediary_kind],
        valid=float(_sigmoid(judged.valid)),
        cue_logp=judged.cue_logp,
        features=confidence_features(
            valid=judged.valid, cue_logp=judged.cue_logp, found=found, nested=nested
        ),
    )


def confidence_features(
    *, valid: float, cue_logp: float, found: Sequence[Found], nested: bool
) -> tuple[float, ...]:
    """What the confidence model sees: a constant, the second look's log odds, the log posteriors of
    cue, source and content as decoded, and whether the source is missing, the content is in pieces,
    the cue is a nested one."""
    return (
        1.0,
        max(-8.0, min(8.0, valid)),
        max(-8.0, cue_logp),
        max(-8.0, sum(found[SOURCE].values())),
        max(-8.0, sum(found[CONTENT].values())),
        float(not found[SOURCE]),
        float(len(found[CONTENT]) > 1),
        float(nested),
    )


def confidence(candidate: Candidate, weights: Sequence[float]) -> float:
    """Probability in [0, 1] that the statement is right (soft relation match): logistic regression
    over :func:`confidence_features` with ``weights`` fitted on the development set; without
    weights, the second look's own probability."""
    if not weights:
        return candidate.valid
    return float(_sigmoid(sum(w * x for w, x in zip(weights, candidate.features, strict=True))))


def overlap(a: Run, b: Run) -> bool:
    """Whether two runs share a word."""
    return a[0] <= b[1] and b[0] <= a[1]


def _sigmoid(x: Any) -> Any:
    return 0.5 * (1 + np.tanh(np.multiply(0.5, x, dtype=np.float64)))
