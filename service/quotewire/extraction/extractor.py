"""The extractor: article in, statements out, in three steps that every door shares.

``prepare`` (CPU) cuts an article into windows, ``forward`` (model) finds attributions in windows of
any articles together, ``finish`` (CPU) makes an article's statements of them.  The server, the
batch scorer and training's evaluation all go this way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch

from quotewire.extraction.assemble import assemble
from quotewire.extraction.decode import Candidate, decode_windows
from quotewire.extraction.language import detect_language, language_warnings
from quotewire.extraction.model_folder import DEFAULT_MODEL, Decoding, load_model
from quotewire.extraction.precision import AUTO
from quotewire.extraction.resolve import Resolver
from quotewire.extraction.scores import Model
from quotewire.extraction.tokens import PieceTokenizer, Tokens
from quotewire.extraction.transformer import TransformerModel
from quotewire.extraction.windows import Window, cut_windows
from quotewire.types import Article, Extraction, ExtractOptions, ModelInfo

# What the model found in one window.
Decoded = tuple[Candidate, ...]

TOKENS_PER_BATCH = 2048  # padded pieces; FINDINGS: more gains nothing on a CPU
_GATHERED_BATCHES = 16  # windows are gathered for so many batches before grouping by length


def default_threads() -> int:
    """How many intra-op threads torch takes by itself: by default one a physical core."""
    return torch.get_num_threads()


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An article ready for the model; an article without words has no windows."""

    article: Article
    tokens: Tokens
    windows: tuple[Window, ...]


class Extractor:
    """Finds the statements of articles.

    All methods may run in several threads at once; what a window gets depends on nothing else.
    """

    def __init__(
        self,
        model: Model,
        *,
        tokenizer: PieceTokenizer,
        info: ModelInfo,
        decoding: Decoding | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self.model = model
        self.info = info
        self.tokenizer = tokenizer
        self._decoding = decoding or Decoding()
        self._resolver = resolver or Resolver.load()

    @classmethod
    def load(
        cls,
        name_or_path: str = DEFAULT_MODEL,
        *,
        threads: int | None = None,
        device: str | None = "cpu",
        precision: str = AUTO,
    ) -> Self:
        """A trained model by name or folder; ``threads`` sets torch's intra-op threads (of this
        thread, and of those that first use torch later); ``device`` is torch's name of where it
        runs, None for a GPU if there is one;
        ``precision`` is the encoder's arithmetic: "auto" (the fastest that this processor has),
        "fp32", "bf16" or "int8".

        InputError if that precision cannot be had, ModelNotFoundError if there is no such model,
        ModelFolderError if its folder is broken.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        if device is None:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        loaded = load_model(name_or_path)
        return cls(
            TransformerModel(
                loaded.network,
                proposal_bias=loaded.decoding.proposal_bias,
                device=device,
                precision=precision,
                ranges=loaded.ranges,
            ),
            tokenizer=loaded.tokenizer,
            info=loaded.info,
            decoding=loaded.decoding,
            resolver=Resolver.load(loaded.folder),
        )

    @property
    def precision(self) -> str:
        """The arithmetic of a trained model's encoder, one of PRECISIONS but never "auto"; "" of a
        model that has no say in it."""
        return getattr(self.model, "precision", "")

    def prepare(self, article: Article) -> Prepared:
        """Any text will do: empty, without letters, of any length or script."""
        tokens = self.tokenizer(article.text)
        windows = cut_windows(
            tokens,
            max_pieces=self._decoding.max_pieces,
            core_pieces=self._decoding.core_pieces,
            context_pieces=self._decoding.context_pieces,
        )
        return Prepared(article, tokens, tuple(windows))

    def forward(self, windows: Sequence[Window], *, threads: int | None = None) -> list[Decoded]:
        """What the model finds in each of ``windows``, in order.  They become one batch: pass
        windows of like length.  ``threads`` are torch's intra-op threads, from now on, of the
        calling thread only (OpenMP, which torch's wheels have, counts them a thread); None: what
        they were."""
        if threads is not None and threads != torch.get_num_threads():
            torch.set_num_threads(threads)
        return decode_windows(windows, self.model.score(windows), self._decoding)

    def finish(
        self,
        prepared: Prepared,
        decoded: Sequence[Decoded],
        *,
        options: ExtractOptions = ExtractOptions(),  # noqa: B008 - frozen
    ) -> Extraction:
        """The statements; ``decoded`` is what :meth:`forward` found in ``prepared.windows``."""
        if len(decoded) != len(prepared.windows):
            raise ValueError(f"decoded: {len(decoded)} windows; prepared: {len(prepared.windows)}")
        article = prepared.article
        candidates = [candidate for window in decoded for candidate in window]
        statements = assemble(
            article,
            prepared.tokens,
            candidates,
            resolver=self._resolver,
            calibration=self._decoding.calibration,
            options=options,
        )
        language = article.language or detect_language(article.text)
        return Extraction(
            article_id=article.id,
            model=self.info.tag,
            statements=statements,
            language=language,
            warnings=language_warnings(language),
        )

    def extract(
        self,
        article: Article | str,
        *,
        options: ExtractOptions = ExtractOptions(),  # noqa: B008 - frozen
    ) -> Extraction:
        """The statements of one article (or bare text, which gets the id "article")."""
        if isinstance(article, str):
            article = Article(id="article", text=article)
        return next(self.extract_many([article], options=options))

    def extract_many(
        self,
        articles: Iterable[Article],
        *,
        options: ExtractOptions = ExtractOptions(),  # noqa: B008 - frozen
        tokens_per_batch: int = TOKENS_PER_BATCH,
    ) -> Iterator[Extraction]:
        """One answer an article, in order.  Articles are read a little ahead (about
        16 batches) so that windows of like length can share a batch."""
        gathered: deque[Prepared] = deque()
        pieces = 0
        for article in articles:
            prepared = self.prepare(article)
            gathered.append(prepared)
            pieces += sum(window.pieces for window in prepared.windows)
            if pieces >= tokens_per_batch * _GATHERED_BATCHES:
                yield from self._extract_gathered(gathered, options, tokens_per_batch)
                gathered.clear()
                pieces = 0
        yield from self._extract_gathered(gathered, options, tokens_per_batch)

    def _extract_gathered(
        self, gathered: Iterable[Prepared], options: ExtractOptions, tokens_per_batch: int
    ) -> Iterator[Extraction]:
        gathered = list(gathered)
        windows = [window for prepared in gathered for window in prepared.windows]
        answers: dict[int, Decoded] = {}
        for batch in batches_by_length(windows, tokens_per_batch=tokens_per_batch):
            answers.update(zip(batch, self.forward([windows[n] for n in batch]), strict=True))
        at = 0
        for prepared in gathered:
            mine = range(at, at + len(prepared.windows))
            at = mine.stop
            yield self.finish(prepared, [answers.pop(n) for n in mine], options=options)


def batches_by_length(windows: Sequence[Window], *, tokens_per_batch: int) -> Iterator[list[int]]:
    """Indices of ``windows`` grouped so that like lengths share a batch of at most
    ``tokens_per_batch`` padded pieces (one window at least)."""
    batch: list[int] = []
    for n in sorted(range(len(windows)), key=lambda n: windows[n].pieces):
        if batch and (len(batch) + 1) * windows[n].pieces > tokens_per_batch:
            yield batch
            batch = []
        batch.append(n)
    if batch:
        yield batch
