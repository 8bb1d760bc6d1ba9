"""The local engine: records -> output lines, in this process."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from quotewire.batch.readers import Record
from quotewire.lines import error_to_line, extraction_to_line
from quotewire.types import Article, Extraction, ExtractOptions

if TYPE_CHECKING:
    from quotewire.extraction.extractor import Extractor

_log = logging.getLogger(__name__)

# Records are taken in chunks, so that memory stays flat and the extractor can batch by length.
# A chunk ends with whichever comes first: records, or code points of their texts.
_CHUNK_RECORDS = 256
_CHUNK_CHARACTERS = 4_000_000


def score_records(
    records: Iterable[Record], *, extractor: Extractor, options: ExtractOptions
) -> Iterator[tuple[Record, dict[str, Any]]]:
    """Each record with its output line, in the records' order; no record ends the run.

    The line of a record that is no article carries its problem as ``error``; so does that of an
    article on which the extractor fails unexpectedly (which is logged with its traceback).
    """
    model = extractor.info.tag
    for chunk in _chunks(records):
        articles = [record.article for record in chunk if record.article is not None]
        answers = _extract(articles, extractor=extractor, options=options)
        for record in chunk:
            if record.article is None:
                message = record.problem or "no article"
                yield record, error_to_line(record.article_id, model=model, message=message)
                continue
            answer = next(answers)
            if isinstance(answer, Extraction):
                yield record, extraction_to_line(record.article, answer)
            else:
                yield record, error_to_line(record.article_id, model=model, message=answer)


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    characters = 0
    for record in records:
        chunk.append(record)
        characters += len(record.article.text) if record.article else 0
        if len(chunk) >= _CHUNK_RECORDS or characters >= _CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _extract(
    articles: Sequence[Article], *, extractor: Extractor, options: ExtractOptions
) -> Iterator[Extraction | str]:
    """One answer an article, in order: its extraction, or what went wrong, in words.

    Articles go through the extractor together; should that fail, the rest of them goes one by
    one, so that a failure costs one article only.
    """
    done = 0
    try:
        for extraction in extractor.extract_many(articles, options=options):
            yield extraction
            done += 1
    except Exception:
        _log.exception("batch failed; its articles go one by one from %r", articles[done].id)
    for article in articles[done:]:
        try:
            yield extractor.extract(article, options=options)
        except Exception as error:
            _log.exception("article %r failed", article.id)
            yield f"the extractor failed: {type(error).__name__}: {error}"
