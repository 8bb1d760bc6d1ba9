"""A model whose answers a person can compute by hand, behind the real extractor.

Every word "said", "told" or "wants" is a cue ("wants" an attitude).  The word before it is the
source; for "told", the word after it is the intermediary (an outlet) if it is capitalised, else the
addressee; the content is everything after that up to the end of the paragraph, without the final
full stop.  A cue without content is none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer, normalizers
from tokenizers.models import WordLevel

from quotewire.extraction.extractor import Extractor
from quotewire.extraction.network import (
    ACTS,
    CUE_CHANNELS,
    INTERMEDIARY_KINDS,
    ROLES,
    SPEAKER_TYPES,
)
from quotewire.extraction.scores import WindowScores
from quotewire.extraction.tokens import SHAPES, PieceTokenizer
from quotewire.extraction.windows import Window
from quotewire.types import ModelInfo

VOCABULARY = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "said": 3, "told": 4, "wants": 5, ".": 6}
SAID, TOLD, WANTS, STOP = (VOCABULARY[word] for word in ("said", "told", "wants", "."))
SURE = 10.0  # nats for every word that should be inside, against every one that should not


class FakeModel:
    """Scores by the rule of the module's docstring; remembers the sizes of its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def score(self, windows: Sequence[Window]) -> list[WindowScores]:
        self.batches.append([window.pieces for window in windows])
        return [_score(window) for window in windows]


def fake_tokenizer() -> PieceTokenizer:
    tokenizer = Tokenizer(WordLevel(VOCABULARY, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Strip()
    return PieceTokenizer(tokenizer, start_id=VOCABULARY["[CLS]"], break_id=VOCABULARY["[SEP]"])


def fake_extractor(
    name: str = "fake", version: str = "1.0.0", *, model: FakeModel | None = None
) -> Extractor:
    """The real extractor around the fake model."""
    return Extractor(
        model or FakeModel(),
        tokenizer=fake_tokenizer(),
        info=ModelInfo(
            name=name,
            version=version,
            base="none",
            parameters=0,
            size_bytes=0,
            licence="none",
            metrics={"dev.source_f1": 0.5},
        ),
    )


def _score(window: Window) -> WindowScores:
    tokens, lo, hi = window.tokens, window.lo, window.hi
    ids = tokens.pieces[tokens.first_piece[lo:hi]]
    words = len(ids)
    cues, roles, acts, channels = [], [], [], []
    quoted = 0  # where the last content ends
    for at in np.flatnonzero(np.isin(ids, (SAID, TOLD, WANTS))).tolist():
        if not window.core_lo <= lo + at < window.core_hi:
            continue
        chosen = np.zeros((len(ROLES), words), bool)
        if at and not _is_mark(window, at - 1):
            chosen[0, at - 1] = True
        begin = at + 1
        if ids[at] == TOLD and begin < words:
            capitalised = tokens.shape[lo + begin] in (SHAPES.index("title"), SHAPES.index("upper"))
            chosen[2 if capitalised else 3, begin] = True
            begin += 1
        breaks = np.flatnonzero(tokens.is_break[lo + begin : hi])
        end = begin + int(breaks[0]) if len(breaks) else words
        if end > begin and ids[end - 1] == STOP:
            end -= 1
        if end <= begin:
            continue
        chosen[1, begin:end] = True
        channels.append(CUE_CHANNELS.index("nested" if at < quoted else "outer"))
        quoted = end
        cues.append(at)
        roles.append(chosen)
        acts.append(1 if ids[at] == WANTS else 0)
    count = len(cues)
    chains = np.zeros((count, len(ROLES), words, 3), np.float32)
    if count:
        chains[..., 1] = np.where(np.array(roles), SURE, -SURE)
    where = np.array(cues, np.int64)
    return WindowScores(
        channel=np.array(channels, np.int64),
        first=where,
        last=where,
        cue_logp=np.full(count, -0.01, np.float32),
        roles=chains,
        valid=np.full(count, 3.0, np.float32),
        act=np.eye(len(ACTS), dtype=np.float32)[acts] * SURE,
        speaker_type=np.eye(len(SPEAKER_TYPES), dtype=np.float32)[[0] * count],
        intermediary_kind=np.eye(len(INTERMEDIARY_KINDS), dtype=np.float32)[[0] * count],
    )


def _is_mark(window: Window, at: int) -> bool:
    word = window.lo + at
    return bool(window.tokens.is_break[word]) or window.tokens.shape[word] == SHAPES.index("mark")
