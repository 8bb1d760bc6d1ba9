"""From a window's scores to spans: which cues stand, and which words fill their roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quotewire.extraction.chain import (
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


def decode_window(window: Window, scores: WindowScores, decoding: Decoding) -> list[Candidate]:
    """The attributions whose cue begins in the window's core."""
    chosen = _standing(scores, decoding)
    if not len(chosen):
        return []
    roles = scores.roles[chosen].astype(np.float32)
    roles[..., START] += np.array(decoding.role_bias, np.float32)[None, :, None]
    count, kinds, words, _ = roles.shape
    chains = roles.reshape(count * kinds, words, 3)
    labels = best_labelling(chains).reshape(count, kinds, words)
    found = [[runs(labels[n, role]) for role in range(kinds)] for n in range(count)]
    for n in range(count):
        if not found[n][CONTENT]:
            found[n][CONTENT] = _insist(roles[n, CONTENT])
        for role in (SOURCE, ADDRESSEE):
            if len(found[n][role]) > 1:
                found[n][role] = [_likeliest(roles[n, role], found[n][role])]
    logp = _role_log_posteriors(chains, found, kinds)
    return [
        _candidate(window, scores, index, found[n], logp[n])
        for n, index in enumerate(chosen)
        if found[n][CONTENT]
    ]


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


def _role_log_posteriors(
    chains: FloatArray, found: list[list[list[Run]]], kinds: int
) -> FloatArray:
    """[candidates, roles]: summed log posterior of a role's spans (0 where there are none)."""
    keys = [
        (n * kinds + role, a, b)
        for n, roles in enumerate(found)
        for role, spans in enumerate(roles)
        for a, b in spans
    ]
    result = np.zeros((len(found), kinds), np.float32)
    if keys:
        for (chain, _, _), value in zip(keys, span_log_probability(chains, keys), strict=True):
            result[chain // kinds, chain % kinds] += value
    return result


def _candidate(
    window: Window, scores: WindowScores, index: int, found: list[list[Run]], logp: FloatArray
) -> Candidate:
    def in_article(run: Run) -> Run:
        return run[0] + window.lo, run[1] + window.lo

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
    """What the confidence model sees: a constant, the second look's log odds, the log posteriors
    of cue, source and content as decoded, and whether there is a source, several pieces, nesting."""
    return (
        1.0,
        max(-8.0, min(8.0, valid)),
        max(-8.0, cue_logp),
        max(-8.0, float(role_logp[SOURCE])),
        max(-8.0, float(role_logp[CONTENT])),
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


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(x, -60, 60))))
