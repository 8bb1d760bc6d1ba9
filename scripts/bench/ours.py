"""Quotewire itself, from raw text to output lines: a whole archive, one article at a time, and a
very long article."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from quotewire.batch.records import Record, SourceRef
from quotewire.batch.scoring import score_records
from quotewire.extraction.extractor import Extractor
from quotewire.extraction.model_folder import digest, find_model, read_json
from quotewire.types import Article, ExtractOptions
from scripts.bench.data import load_articles, long_article, pieces_of, words_in
from scripts.bench.memory import resident_bytes
from scripts.bench.operations import Sizes, encoder_operations, look_operations
from scripts.bench.profile import Profile


def sizes_of(model: str) -> Sizes:
    return Sizes.of_config(read_json(find_model(model) / "config.json"))


def about_model(extractor: Extractor, model: str) -> dict[str, Any]:
    """What a run's signature says of a model."""
    return {
        "model": extractor.info.tag,
        "digest": digest(find_model(model))[:12],
        "precision": str(getattr(extractor.model, "precision", "fp32")),
        "sizes": sizes_of(model).as_dict(),
    }


class Batch:
    """A side: all articles, as ``quotewire score`` does them in one worker."""

    def __init__(
        self, *, model: str, articles: str, threads: int, part: int = 0, parts: int = 1
    ) -> None:
        self.extractor = self.load(model, threads=threads)
        self._about = about_model(self.extractor, model)
        self._sizes = sizes_of(model)
        self.articles = load_articles(articles, part=part, parts=parts)
        self.profile = Profile()
        self.profile.watch(self.extractor)
        list(self.answers(self.articles[:4]))  # the first batches find caches empty
        self._at_rest = resident_bytes()

    def load(self, model: str, *, threads: int) -> Extractor:
        return Extractor.load(model, threads=threads)

    def answers(self, articles: Sequence[Article]) -> Iterator[int]:
        """The number of statements of each article, made into output lines."""
        records = (
            Record(article, SourceRef("bench", number, number + 1))
            for number, article in enumerate(articles)
        )
        for scored in score_records(records, extractor=self.extractor, options=ExtractOptions()):
            if scored.bad is not None:
                raise RuntimeError(f"{scored.bad.article_id}: {scored.bad.detail}")
            yield len(scored.line["statements"])

    def about(self) -> dict[str, Any]:
        return {**self._about, "at_rest_bytes": self._at_rest}

    def run(self) -> dict[str, Any]:
        self.profile.reset()
        started = time.perf_counter()
        statements = sum(self.answers(self.articles))
        seconds = time.perf_counter() - started
        lengths, looks = self.profile.lengths, self.profile.looks
        stages = dict(self.profile.seconds)
        stages["other"] = max(seconds - sum(stages.values()), 0.0)
        return {
            "articles": len(self.articles),
            "words": sum(words_in(article.text) for article in self.articles),
            "tokens": sum(lengths),  # that the encoder reads, windows overlapping
            "windows": len(lengths),
            "cues": sum(cues for _, cues in looks),
            "statements": statements,
            "seconds": seconds,
            "stages": stages,
            "encoder_operations": encoder_operations(self._sizes, lengths),
            "look_operations": look_operations(self._sizes, looks),
            "resident_bytes": resident_bytes(),
            "peak_bytes": resident_bytes(peak=True),
        }


class Single:
    """A side: one article after the other, each alone: the bare call that the server is measured
    against."""

    def __init__(self, *, model: str, articles: str, count: int, threads: int | None) -> None:
        self._extractor = Extractor.load(model, threads=threads)
        self._articles = load_articles(articles)[:count]
        for article in self._articles[:4]:
            self._extractor.extract(article)

    def about(self) -> dict[str, Any]:
        return {}

    def run(self) -> dict[str, Any]:
        seconds = []
        for article in self._articles:
            started = time.perf_counter()
            self._extractor.extract(article)
            seconds.append(time.perf_counter() - started)
        return {"each_s": seconds}


class Long:
    """A side: one article of very many words, and the same text as short articles one by one."""

    def __init__(
        self, *, model: str, articles: str, words: int, short_words: int, threads: int
    ) -> None:
        self._extractor = Extractor.load(model, threads=threads)
        text = long_article(load_articles(articles), words=words)
        self._long = text
        # Enough of them to be a measurement, spread over the text.
        shorts = pieces_of(text, words=short_words)
        self._shorts = shorts[:: max(len(shorts) // 12, 1)]
        self._profile = Profile()
        self._profile.watch(self._extractor)
        self._extractor.extract(self._shorts[0])

    def about(self) -> dict[str, Any]:
        return {}

    def run(self) -> dict[str, Any]:
        long_s, long_stages = self._timed([self._long])
        short_s, short_stages = self._timed(self._shorts)
        return {
            "long_words": words_in(self._long),
            "short_words": sum(map(words_in, self._shorts)) / len(self._shorts),
            "long_s_per_word": long_s,
            "short_s_per_word": short_s,
            "ratio": long_s / short_s,
            "long_stages_s_per_word": long_stages,
            "short_stages_s_per_word": short_stages,
        }

    def _timed(self, texts: Sequence[str]) -> tuple[float, dict[str, float]]:
        """Seconds a word, whole and by stage."""
        self._profile.reset()
        started = time.perf_counter()
        for text in texts:
            self._extractor.extract(text)
        seconds = time.perf_counter() - started
        words = sum(map(words_in, texts))
        return seconds / words, {k: s / words for k, s in self._profile.seconds.items()}
