"""Labelled articles as training windows and targets.

Labels move from characters to words here; what that loses (alignment) and what a window's edge
cuts off (truncation) is counted, not hidden.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from quotewire.extraction.batching import collate
from quotewire.extraction.network import ACTS, INTERMEDIARY_KINDS, ROLES, SPEAKER_TYPES, Batch
from quotewire.extraction.tokens import PieceTokenizer, Tokens
from quotewire.extraction.windows import SPECIAL_PIECES, Window
from quotewire.training.corpus import Attribution, LabelledArticle
from quotewire.types import Span

Run = tuple[int, int]  # first and last word, both included
UNKNOWN = -100  # cross-entropy skips targets of this class


@dataclass(frozen=True, slots=True)
class WordLabels:
    """One attribution in words of its article.  ``roles`` and ``known`` follow ROLES: a role that
    is not known was never looked for.  ``probability`` and ``certain`` as in Attribution."""

    cue: Run
    roles: tuple[tuple[Run, ...], ...]
    nested: bool
    act: int
    speaker_type: int
    intermediary_kind: int
    known: tuple[bool, ...]
    probability: float
    certain: bool

    @property
    def first(self) -> int:
        return min([self.cue[0], *(run[0] for runs in self.roles for run in runs)])

    @property
    def last(self) -> int:
        return max([self.cue[1], *(run[1] for runs in self.roles for run in runs)])


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A tokenised article with its labels.  ``nested_known``: unlabelled inner statements are
    truly none."""

    id: str
    tokens: Tokens
    labels: tuple[WordLabels, ...]
    nested_known: bool


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch should come to.  C counts the labelled cues that lie whole in their window.

    ``outer``, ``nested``: [B, W] probability of each word to be inside a cue; ``nested_known``: [B]
    bool.  ``cue_window``, ``cue_first``, ``cue_last``: [C].  ``cue_nested``: [C] bool.
    ``probability``: [C] of being an attribution at all.  ``roles``: [C, roles, W] bool, of which
    ``roles_known``: [C, roles] bool are labelled.
    ``act``, ``speaker_type``, ``intermediary_kind``: [C] class or UNKNOWN.
    Where no teacher is asked: ``cue_certain``: [C] bool, and ``certain``: [B, W] bool the words of
    such attributions, from the first to the last.
    """

    outer: Tensor
    nested: Tensor
    nested_known: Tensor
    certain: Tensor
    cue_window: Tensor
    cue_first: Tensor
    cue_last: Tensor
    cue_nested: Tensor
    cue_certain: Tensor
    probability: Tensor
    roles: Tensor
    roles_known: Tensor
    act: Tensor
    speaker_type: Tensor
    intermediary_kind: Tensor


def align(
    article: LabelledArticle,
    tokenizer: PieceTokenizer,
    *,
    text: str | None = None,
    lost: Counter[str] | None = None,
) -> Example:
    """Labels in words, of the article's text or of another ``text`` of the same length (see
    augment.py).  ``lost`` counts spans, spans whose edges moved to a word's edge, spans that
    hold no word, and attributions dropped because their cue holds none."""
    lost = Counter() if lost is None else lost
    text = article.text if text is None else text
    tokens = tokenizer(text)
    labels = [
        label
        for attribution in article.attributions
        if (label := _in_words(attribution, text, tokens, lost)) is not None
    ]
    return Example(article.id, tokens, tuple(labels), article.nested_known)


def _in_words(
    attribution: Attribution, text: str, tokens: Tokens, lost: Counter[str]
) -> WordLabels | None:
    def run(span: Span) -> Run | None:
        found = tokens.words_of(span)
        lost["spans"] += 1
        if found is None:
            lost["spans without a word"] += 1
        elif tokens.span(*found).slice(text) != span.slice(text).strip():
            lost["spans moved to word edges"] += 1
        return found

    def runs(spans: Iterable[Span | None]) -> tuple[Run, ...]:
        return tuple(r for s in spans if s is not None and (r := run(s)) is not None)

    lost["attributions"] += 1
    cue = run(attribution.cue)
    if cue is None:
        lost["attributions without a cue word"] += 1
        return None
    return WordLabels(
        cue=cue,
        roles=(
            runs(attribution.source),
            runs(attribution.content),
            runs([attribution.intermediary]),
            runs([attribution.addressee]),
        ),
        nested=attribution.nested,
        act=_class(attribution.act, ACTS),
        speaker_type=_class(attribution.speaker_type, SPEAKER_TYPES),
        intermediary_kind=_class(attribution.intermediary_kind, INTERMEDIARY_KINDS),
        known=(True, True, attribution.relays_known, attribution.relays_known),
        probability=attribution.probability,
        certain=attribution.certain,
    )


def _class(name: str | None, names: Sequence[str]) -> int:
    return UNKNOWN if name is None else names.index(name)


def random_windows(
    examples: Sequence[Example], *, max_pieces: int, rng: random.Random
) -> Iterator[tuple[Example, Window]]:
    """Each article cut into consecutive windows from a random offset, ends pulled back to a
    paragraph break where one is near: another cut every epoch, like the ones met in prediction."""
    room = max_pieces - SPECIAL_PIECES
    for example in examples:
        tokens, first = example.tokens, example.tokens.first_piece
        words = len(tokens)
        breaks = np.flatnonzero(tokens.is_break) + 1
        lo, take = 0, rng.randint(room // 3, room)
        while lo < words:
            hi = int(np.searchsorted(first, first[lo] + take, side="right")) - 1
            hi = min(max(hi, lo + 1), words)
            if hi < words:
                near = breaks[
                    (breaks <= hi) & (breaks > lo) & (first[hi] - first[breaks] <= room // 5)
                ]
                hi = int(near[-1]) if len(near) else hi
            yield example, Window(tokens, lo, hi, lo, hi)
            lo, take = hi, room


def make_batch(items: Sequence[tuple[Example, Window]]) -> tuple[Batch, Targets, int]:
    """Tensors of some windows, and how many attributions their edges cut (no role loss there)."""
    batch = collate([window for _, window in items])
    rows, words = batch.word_mask.shape
    outer = torch.zeros(rows, words)
    nested = torch.zeros(rows, words)
    certain = torch.zeros(rows, words, dtype=torch.bool)
    whole: list[tuple[int, int, WordLabels]] = []
    cut = 0
    for row, (example, window) in enumerate(items):
        for label in example.labels:
            if not (window.lo <= label.cue[0] and label.cue[1] < window.hi):
                continue
            marks = nested if label.nested else outer
            marks[row, label.cue[0] - window.lo : label.cue[1] - window.lo + 1] = label.probability
            if label.certain:
                first, last = max(label.first, window.lo), min(label.last, window.hi - 1)
                certain[row, first - window.lo : last - window.lo + 1] = True
            if window.lo <= label.first and label.last < window.hi:
                whole.append((row, window.lo, label))
            else:
                cut += 1
    roles = torch.zeros(len(whole), len(ROLES), words, dtype=torch.bool)
    for n, (_, lo, label) in enumerate(whole):
        for r, runs in enumerate(label.roles):
            for a, b in runs:
                roles[n, r, a - lo : b - lo + 1] = True
    targets = Targets(
        outer=outer,
        nested=nested,
        nested_known=torch.tensor([example.nested_known for example, _ in items]),
        certain=certain,
        cue_window=torch.tensor([row for row, _, _ in whole], dtype=torch.long),
        cue_first=torch.tensor([label.cue[0] - lo for _, lo, label in whole], dtype=torch.long),
        cue_last=torch.tensor([label.cue[1] - lo for _, lo, label in whole], dtype=torch.long),
        cue_nested=torch.tensor([label.nested for _, _, label in whole], dtype=torch.bool),
        cue_certain=torch.tensor([label.certain for _, _, label in whole], dtype=torch.bool),
        probability=torch.tensor([label.probability for _, _, label in whole]),
        roles=roles,
        roles_known=torch.tensor([label.known for _, _, label in whole], dtype=torch.bool).view(
            -1, len(ROLES)
        ),
        act=torch.tensor([label.act for _, _, label in whole], dtype=torch.long),
        speaker_type=torch.tensor([label.speaker_type for _, _, label in whole], dtype=torch.long),
        intermediary_kind=torch.tensor(
            [label.intermediary_kind for _, _, label in whole], dtype=torch.long
        ),
    )
    return batch, targets, cut
