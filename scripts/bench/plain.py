"""The plain way to run the same model: transformers' own fp32 forward over padded batches of eight
windows in their order of arrival, with the same heads and the same decoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

from quotewire.extraction.extractor import Decoded, Extractor
from quotewire.extraction.model_folder import load_model
from quotewire.extraction.resolve import Resolver
from quotewire.extraction.transformer import WORDS_AT_ONCE, TransformerModel
from quotewire.extraction.windows import Window
from quotewire.lines import extraction_to_line
from quotewire.types import Article
from scripts.bench.ours import Batch

WINDOWS_PER_BATCH = 8


class Plain(Batch):
    """A side: as Batch, the plain way."""

    def load(self, model: str, *, threads: int) -> Extractor:
        import torch

        torch.set_num_threads(threads)
        loaded = load_model(model)
        plain = TransformerModel(
            loaded.network, proposal_bias=loaded.decoding.proposal_bias, precision="fp32"
        )
        # transformers' own forward over padded rows, instead of our packed encoder, and the look
        # that training takes.
        plain._encode = loaded.network.encode
        plain._look = partial(loaded.network.look, words_at_once=WORDS_AT_ONCE)
        return Extractor(
            plain,
            tokenizer=loaded.tokenizer,
            info=loaded.info,
            decoding=loaded.decoding,
            resolver=Resolver.load(loaded.folder),
        )

    def answers(self, articles: Sequence[Article]) -> Iterator[int]:
        prepared = [self.extractor.prepare(article) for article in articles]
        windows = iter([window for article in prepared for window in article.windows])
        decoded = self._decoded(windows)
        for article in prepared:
            mine = list(islice(decoded, len(article.windows)))
            answer = self.extractor.finish(article, mine)
            yield len(extraction_to_line(article.article, answer)["statements"])

    def _decoded(self, windows: Iterator[Window]) -> Iterator[Decoded]:
        while batch := list(islice(windows, WINDOWS_PER_BATCH)):
            yield from self.extractor.forward(batch)
