"""Records -> output lines, in this process: the one path that every engine and command takes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from quotewire.batch.records import BadRecord, Reason, Record
from quotewire.extraction.extractor import (
    TOKENS_PER_BATCH,
    Decoded,
    Extractor,
    Prepared,
    batches_by_length,
)
from quotewire.lines import error_to_line, extraction_to_line
from quotewire.types import Article, Extraction, ExtractOptions

In = TypeVar("In")
Out = TypeVar("Out")

_log = logging.getLogger(__name__)

# Records are taken in chunks, so that memory stays flat and windows can be batched by length.
# A chunk ends with whichever comes first: records, or code points of their texts.
CHUNK_RECORDS = 128
CHUNK_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Scored:
    """A record with its output line; ``bad`` says what was wrong with it (found by the reader or
    the extractor); ``tokens`` are the word pieces that the model read; ``passed_by``: not scored,
    as it is a copy of another one."""

    record: Record | BadRecord
    line: dict[str, Any]
    bad: BadRecord | None = None
    tokens: int = 0
    passed_by: bool = False


def chunks_of(
    records: Iterable[Record | BadRecord], *, size: int = CHUNK_RECORDS
) -> Iterator[list[Record | BadRecord]]:
    chunk: list[Record | BadRecord] = []
    characters = 0
    for record in records:
        chunk.append(record)
        characters += len(record.article.text) if isinstance(record, Record) else 0
        if len(chunk) >= size or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def score_records(
    records: Iterable[Record | BadRecord], *, extractor: Extractor, options: ExtractOptions
) -> Iterator[Scored]:
    """Each record with its output line, in the records' order; no record ends the run.

    The line of a record that is no article carries its problem as ``error``; so does that of an
    article on which the extractor fails unexpectedly (which is logged with its traceback).
    MemoryError is raised: it is the machine's trouble, not the article's.
    """
    for chunk in chunks_of(records):
        yield from score_chunk(chunk, extractor=extractor, options=options)


def score_chunk(
    chunk: Sequence[Record | BadRecord], *, extractor: Extractor, options: ExtractOptions
) -> Iterator[Scored]:
    """As :func:`score_records`; all of ``chunk`` is in memory at once."""
    model = extractor.info.tag
    articles = [record.article for record in chunk if isinstance(record, Record)]
    answers = _answers(articles, extractor=extractor, options=options)
    for record in chunk:
        if isinstance(record, BadRecord):
            yield scored_bad(record, model=model)
            continue
        answer, tokens = next(answers)
        if isinstance(answer, Extraction):
            yield Scored(record, extraction_to_line(record.article, answer), tokens=tokens)
        else:
            bad = BadRecord(record.ref, Reason.EXTRACTOR, answer, record.article.id)
            line = error_to_line(record.article.id, model=model, message=answer)
            yield Scored(record, line, bad=bad)


def scored_bad(record: BadRecord, *, model: str) -> Scored:
    """The line of a record that is no article."""
    line = error_to_line(record.article_id, model=model, message=record.detail)
    return Scored(record, line, bad=record)


def _answers(
    articles: Sequence[Article], *, extractor: Extractor, options: ExtractOptions
) -> Iterator[tuple[Extraction | str, int]]:
    """One answer an article, in order: its extraction, or what went wrong, in words; and tokens.

    Each of the extractor's steps takes what it can together; where a step fails, it is done anew
    article by article, so that a failure costs one article only.
    """
    prepared = _each(articles, extractor.prepare)
    together = [p for p in prepared if not isinstance(p, str)]
    decoded: Iterator[Sequence[Decoded] | str]
    try:
        decoded = iter(_forward(together, extractor=extractor))
    except MemoryError:
        raise
    except Exception:
        _log.exception("a batch failed; its articles go one by one")
        decoded = iter(_each(together, lambda p: _forward([p], extractor=extractor)[0]))
    for article in prepared:
        found: Sequence[Decoded] | str = article if isinstance(article, str) else next(decoded)
        if isinstance(article, str) or isinstance(found, str):
            yield str(found), 0
            continue
        tokens = sum(window.pieces for window in article.windows)
        [answer] = _each(
            [(article, found)], lambda pair: extractor.finish(pair[0], pair[1], options=options)
        )
        yield answer, tokens


def _each(values: Iterable[In], step: Callable[[In], Out]) -> list[Out | str]:
    """``step`` of each value, or in words how it failed."""
    results: list[Out | str] = []
    for value in values:
        try:
            results.append(step(value))
        except MemoryError:
            raise
        except Exception as error:
            _log.exception("an article failed")
            results.append(f"the extractor failed: {type(error).__name__}: {error}")
    return results


def _forward(prepared: Sequence[Prepared], *, extractor: Extractor) -> list[list[Decoded]]:
    """What the model finds in the windows of each article; windows of like length share a batch."""
    windows = [window for article in prepared for window in article.windows]
    found: dict[int, Decoded] = {}
    for batch in batches_by_length(windows, tokens_per_batch=TOKENS_PER_BATCH):
        found.update(zip(batch, extractor.forward([windows[n] for n in batch]), strict=True))
    answers = []
    at = 0
    for article in prepared:
        answers.append([found[n] for n in range(at, at + len(article.windows))])
        at += len(article.windows)
    return answers
