"""From a window's scores to spans: which cues stand, and which words fill their roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quotewire.extraction.chain import (
    BLOCKED,
    START,
    FloatArray,
    best_labelling,
    runs,
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
    owners = [(w, int(n)) for w, chosen in enumerate(standing) for n in chosen]
    if not owners:
        return [() for _ in windows]
    words = max(window.words for window in windows)
    roles = np.full((len(owners), len(ROLES), words, 3), BLOCKED, np.float32)
    for row, (w, n) in enumerate(owners):
        roles[row, :, : windows[w].words] = scores[w].roles[n]
    roles[..., START] += np.array(decoding.role_bias, np.float32)[None, :, None]
    found = _spans_of_roles(roles)
    logp = _role_log_posteriors(roles, found)
    decoded: list[list[Candidate]] = [[] for _ in windows]
    for row, (w, n) in enumerate(owners):
        if found[row][CONTENT]:
            decoded[w].append(_candidate(windows[w], scores[w], n, found[row], logp[row]))
    return [tuple(candidates) for candidates in decoded]


def _spans_of_roles(roles: FloatArray) -> list[list[list[Run]]]:
    """The runs of each role of each candidate; a content is insisted on, and of source and
    addressee there is one at most."""
    count, kinds, words, _ = roles.shape
    labels = best_labelling(roles.reshape(count * kinds, words, 3)).reshape(count, kinds, words)
    found = [[runs(labels[n, role]) for role in range(kinds)] for n in range(count)]
    for n in range(count):
        if not found[n][CONTENT]:
            found[n][CONTENT] = _insist(roles[n, CONTENT])
        for role in (SOURCE, ADDRESSEE):
            if len(found[n][role]) > 1:
                found[n][role] = [_likeliest(roles[n, role], found[n][role])]
    return found


def _standing(scores: WindowScores, decoding: Decoding) -> npt.NDArray[np.int64]:
    """Indices of the proposals that stand: valid enough, and of two that overlap the likelier."""
    thresholds = np.array(decoding.valid_threshold)[scores.channel]
    order = np.argsort(-scores.cue_logp, kind="stable")
    kept: list[int] = []
    for n in order:
        if _sigmoid(float(scores.valid[n])) < thresholds[n]:
            continue
        first, last = scores.first[n], scores.last[n]
        if all(last < scores.first[k] or scores.last[k] < first for k in kept):
            kept.append(int(n))
    return np.array(sorted(kept, key=lambda k: scores.first[k]), np.int64)


def _insist(chain: FloatArray) -> list[Run]:
    """The spans of a role that must have one: START is made cheaper until something is found."""
    for nats in _INSISTENCE:
        pushed = chain.copy()
        pushed[:, START] += nats
        spans = runs(best_labelling(pushed[None])[0])
        if spans:
            return [_likeliest(chain, spans)]
    return []


def _likeliest(chain: FloatArray, spans: Sequence[Run]) -> Run:
    logp = span_log_probability(chain[None], [(0, a, b) for a, b in spans])
    return spans[int(np.argmax(logp))]


def _role_log_posteriors(roles: FloatArray, found: list[list[list[Run]]]) -> FloatArray:
    """[candidates, 2]: summed log posterior of the spans of source and content, 0 without any."""
    judged = np.ascontiguousarray(roles[:, (SOURCE, CONTENT)])
    count, kinds, words, _ = judged.shape
    keys = [
        (n * kinds + role, a, b)
        for n, spans in enumerate(found)
        for role in range(kinds)
        for a, b in spans[(SOURCE, CONTENT)[role]]
    ]
    result = np.zeros((count, kinds), np.float32)
    values = span_log_probability(judged.reshape(count * kinds, words, 3), keys)
    for (chain, _, _), value in zip(keys, values, strict=True):
        result[chain // kinds, chain % kinds] += value
    return result


def _candidate(
    window: Window, scores: WindowScores, index: int, found: list[list[Run]], logp: FloatArray
) -> Candidate:
    def in_article(run: Run) -> Run:
        return run[0] + window.lo, run[1] + window.lo

    if any(overlap(a, b) for a in found[ADDRESSEE] for b in found[INTERMEDIARY]):
        found[ADDRESSEE] = []  # an addressee is to whom, when that is no intermediary
    nested = bool(scores.channel[index] == NESTED)
    valid = float(scores.valid[index])
    cue_logp = float(scores.cue_logp[index])
    return Candidate(
        cue=in_article((int(scores.first[index]), int(scores.last[index]))),
        source=in_article(found[SOURCE][0]) if found[SOURCE] else None,
        content=tuple(in_article(run) for run in found[CONTENT]),
        intermediaries=tuple(in_article(run) for run in found[INTERMEDIARY]),
        addressee=in_article(found[ADDRESSEE][0]) if found[ADDRESSEE] else None,
        nested=nested,
        act=ACTS[int(scores.act[index].argmax())],
        speaker_type=SPEAKER_TYPES[int(scores.speaker_type[index].argmax())],
        intermediary_kind=INTERMEDIARY_KINDS[int(scores.intermediary_kind[index].argmax())],
        valid=_sigmoid(valid),
        cue_logp=cue_logp,
        features=confidence_features(
            valid=valid, cue_logp=cue_logp, role_logp=logp, found=found, nested=nested
        ),
    )


def confidence_features(
    *, valid: float, cue_logp: float, role_logp: FloatArray, found: list[list[Run]], nested: bool
) -> tuple[float, ...]:
    """What the confidence model sees: a constant, the second look's log odds, the log posteriors of
    cue, source and content as decoded (``role_logp``: [2], source and content), and whether the
    source is missing, the content is in pieces, the cue is a nested one."""
    return (
        1.0,
        max(-8.0, min(8.0, valid)),
        max(-8.0, cue_logp),
        max(-8.0, float(role_logp[0])),
        max(-8.0, float(role_logp[1])),
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
    return _sigmoid(sum(w * x for w, x in zip(weights, candidate.features, strict=True)))


def overlap(a: Run, b: Run) -> bool:
    """Whether two runs share a word."""
    return a[0] <= b[1] and b[0] <= a[1]


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(x, -60, 60))))
