"""Windows as padded tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from quotewire.extraction.network import Batch
from quotewire.extraction.tokens import SPECIAL_SHAPE
from quotewire.extraction.windows import Window


def collate(windows: Sequence[Window]) -> Batch:
    """Pads ``windows`` (one at least) to the longest; group them by length first."""
    rows = len(windows)
    most_pieces = max(window.pieces for window in windows)
    most_words = max(window.words for window in windows)
    pieces = np.zeros((rows, most_pieces), np.int64)
    attended = np.zeros((rows, most_pieces), np.int64)
    shape = np.full((rows, most_pieces), SPECIAL_SHAPE, np.int64)
    quote_state = np.zeros((rows, most_pieces), np.int64)
    first_piece = np.zeros((rows, most_words), np.int64)
    word_mask = np.zeros((rows, most_words), np.bool_)
    is_break = np.zeros((rows, most_words), np.bool_)
    for row, window in enumerate(windows):
        tokens, lo, hi = window.tokens, window.lo, window.hi
        begin, stop = int(tokens.first_piece[lo]), int(tokens.first_piece[hi])
        length = stop - begin
        lengths = np.diff(tokens.first_piece[lo : hi + 1])
        pieces[row, 0], pieces[row, length + 1] = tokens.edge_ids
        pieces[row, 1 : length + 1] = tokens.pieces[begin:stop]
        attended[row, : length + 2] = 1
        shape[row, 1 : length + 1] = np.repeat(tokens.shape[lo:hi], lengths)
        quote_state[row, 1 : length + 1] = np.repeat(tokens.quote_state[lo:hi], lengths)
        first_piece[row, : hi - lo] = tokens.first_piece[lo:hi] - begin + 1
        word_mask[row, : hi - lo] = True
        is_break[row, : hi - lo] = tokens.is_break[lo:hi]
    return Batch(
        pieces=torch.from_numpy(pieces),
        attended=torch.from_numpy(attended),
        shape=torch.from_numpy(shape),
        quote_state=torch.from_numpy(quote_state),
        first_piece=torch.from_numpy(first_piece),
        word_mask=torch.from_numpy(word_mask),
        is_break=torch.from_numpy(is_break),
    )
