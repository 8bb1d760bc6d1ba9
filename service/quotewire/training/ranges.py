"""The ranges that 8-bit arithmetic needs (extraction/precision.py), from ordinary articles."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from quotewire.extraction.extractor import batches_by_length
from quotewire.extraction.model_folder import RANGES, load_model, write_ranges
from quotewire.extraction.packed import PackedEncoder
from quotewire.extraction.transformer import TransformerModel
from quotewire.training.tune import without_names
from quotewire.types import Article

ARTICLES = 30  # of news: some 20,000 word pieces
TOKENS_PER_BATCH = 2048


def write_model_ranges(folder: Path, texts: Iterable[str]) -> bool:
    """Records what goes through the encoder of the model ``folder`` on ``texts``, and through the
    second look at the cues that it proposes, and writes it there, in the place of what may have
    been there.  False, and no such file, for an encoder that the faster arithmetic is not for, or
    where there are no words; without cues the look stays in 32-bit floats."""
    (folder / RANGES).unlink(missing_ok=True)  # of other weights: worse than none
    model = load_model(str(folder))
    if not PackedEncoder.fits(model.network):
        return False
    extractor = without_names(model)
    windows = [
        window
        for number, text in enumerate(texts)
        for window in extractor.prepare(Article(id=str(number), text=text)).windows
    ]
    batches = batches_by_length(windows, tokens_per_batch=TOKENS_PER_BATCH)
    ranges: dict[str, Tensor] = {}
    recorder = TransformerModel.recording(
        model.network, ranges, proposal_bias=model.decoding.proposal_bias
    )
    for batch in batches:
        recorder.score([windows[n] for n in batch])
    if not ranges:
        return False
    write_ranges(folder, ranges)
    return True
