"""Whether an extraction fits the text that it is written out with."""

from __future__ import annotations

from collections.abc import Iterator

from quotewire.errors import InputError
from quotewire.types import Article, Extraction, Span, Statement


def spans_of(statement: Statement) -> Iterator[tuple[str, Span]]:
    """Every span of a statement with the name of its field."""
    yield from ((f"quote.spans[{n}]", span) for n, span in enumerate(statement.quote.spans))
    yield from ((f"quote.verbatim[{n}]", span) for n, span in enumerate(statement.quote.verbatim))
    yield "cue", statement.cue
    if statement.speaker and statement.speaker.mention:
        yield "speaker.mention", statement.speaker.mention
    for n, intermediary in enumerate(statement.intermediaries):
        yield f"intermediaries[{n}].mention", intermediary.mention
    if statement.addressee:
        yield "addressee", statement.addressee


def check_spans(article: Article, extraction: Extraction) -> None:
    """Raises InputError unless every span is a non-empty part of the article's text."""
    length = len(article.text)
    for statement in extraction.statements:
        for field, span in spans_of(statement):
            if not 0 <= span.start < span.end <= length:
                raise InputError(
                    field=f"statement {statement.id}: {field}",
                    value=f"[{span.start}, {span.end})",
                    allowed=f"a part of the text of article {article.id!r}, [0, {length})",
                )
