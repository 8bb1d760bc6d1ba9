"""From a window's scores to spans: which cues stand, and which words fill their roles."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quotewire.extraction.chain import (
    BLOCKED,
    START,
    FloatArray,
    IntArray,
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
Found = dict[Run, float]  # the spans of one role, ascending, with their log posteriors
_INSISTENCE = (2.0, 4.0, 8.0, 16.0, 1e3)  # nats added until a content is found


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

    def column(name: str) -> list[Any]:
        parts = [getattr(s, name)[chosen] for s, chosen in zip(scores, standing, strict=True)]
        values = np.concatenate(parts)
        return (values if values.ndim == 1 else values.argmax(1)).tolist()

    columns = zip(*(column(name) for name in _JUDGED), found, strict=True)
    return [
        tuple(
            _candidate(window, *judged, spans)
            for *judged, spans in itertools.islice(columns, size)
            if spans[CONTENT]
        )
        for window, size in zip(windows, sizes, strict=True)
    ]


# What is handed to _candidate of a window's scores, in its order.
_JUDGED = (
    "channel", "first", "last", "valid", "cue_logp", "act", "speaker_type", "intermediary_kind",
)  # fmt: skip


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
    """What each role of each candidate holds; a content is insisted on, and of sources, addressees
    and contents insisted on only the likeliest is kept."""
    count, kinds, words, _ = roles.shape
    chains = roles.reshape(count * kinds, words, 3)
    spans = best_spans(chains)
    contents = np.arange(CONTENT, len(chains), kinds)
    silent = np.setdiff1d(contents, spans[:, 0])
    spans = np.concatenate([spans, *_insisted(chains, silent)])
    found: list[Found] = [{} for _ in chains]
    for (chain, *run), logp in zip(
        spans.tolist(), span_log_probability(chains, spans).tolist(), strict=True
    ):
        found[chain][tuple(run)] = logp
    alone = {*silent.tolist(), *range(SOURCE, len(chains), kinds)}
    for chain in alone.union(range(ADDRESSEE, len(chains), kinds)):
        if len(found[chain]) > 1:
            likeliest = max(found[chain], key=found[chain].__getitem__)
            found[chain] = {likeliest: found[chain][likeliest]}
    return [found[n : n + kinds] for n in range(0, len(chains), kinds)]


def _insisted(chains: FloatArray, silent: IntArray) -> Iterator[IntArray]:
    """Spans of the chains ``silent``, which have none but must: START is made cheaper until
    something is found."""
    for nats in _INSISTENCE:
        if not len(silent):
            return
        pushed = chains[silent]
        pushed[..., START] += nats
        spans = best_spans(pushed)
        spans[:, 0] = silent[spans[:, 0]]
        silent = np.setdiff1d(silent, spans[:, 0])
        yield spans


def _candidate(
    window: Window,
    channel: int,
    first: int,
    last: int,
    valid: float,
    cue_logp: float,
    act: int,
    speaker_type: int,
    intermediary_kind: int,
    found: list[Found],
) -> Candidate:
    source, content, intermediaries, addressee = (
        tuple((a + window.lo, b + window.lo) for a, b in held) for held in found
    )
    if any(overlap(a, b) for a in addressee for b in intermediaries):
        addressee = ()  # an addressee is to whom, when that is no intermediary
    return Candidate(
        cue=(first + window.lo, last + window.lo),
        source=source[0] if source else None,
        content=content,
        intermediaries=intermediaries,
        addressee=addressee[0] if addressee else None,
        nested=channel == NESTED,
        act=ACTS[act],
        speaker_type=SPEAKER_TYPES[speaker_type],
        intermediary_kind=INTERMEDIARY_KINDS[intermediary_kind],
        valid=float(_sigmoid(valid)),
        cue_logp=cue_logp,
        features=confidence_features(
            valid=valid, cue_logp=cue_logp, found=found, nested=channel == NESTED
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
