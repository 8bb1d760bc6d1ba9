"""Articles that nobody labelled, with a teacher's answers as labels (self-training, Scudder 1965).

A student that is smaller than its teacher learns more from what the teacher says of ever new texts
than from the same labels again; and of such texts there are many more.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from quotewire.extraction.extractor import Extractor
from quotewire.training.corpus import WHOLE, Attribution, LabelledArticle, read_lines
from quotewire.types import Article, ExtractOptions, Span, Statement


def read_archives(folder: Path, *, but: frozenset[str] = frozenset()) -> list[Article]:
    """All articles of the archives in ``folder`` (``archive_*.jsonl.gz``), without those whose ids
    are in ``but``, which are kept for evaluation."""
    return [
        Article(id=str(row["id"]), text=row["text"])
        for path in sorted(folder.glob("archive_*.jsonl.gz"))
        for row in read_lines(path)
        if str(row["id"]) not in but
    ]


def drawn(articles: Sequence[Article], count: int, *, seed: int) -> list[Article]:
    """``count`` different articles of all (all of them, where there are fewer), by chance."""
    return random.Random(f"unlabelled:{seed}").sample(articles, min(count, len(articles)))


def labelled_by(extractor: Extractor, articles: Sequence[Article]) -> Iterator[LabelledArticle]:
    """Each article with all that ``extractor`` finds as if somebody had labelled it."""
    answers = extractor.extract_many(articles, options=ExtractOptions(all_acts=True))
    for article, answer in zip(articles, answers, strict=True):
        yield LabelledArticle(
            id=article.id,
            text=article.text,
            title=article.title,
            publisher=article.publisher,
            attributions=tuple(attribution_of(statement) for statement in answer.statements),
            layer=WHOLE,
            nested_known=True,
        )


def attribution_of(statement: Statement, *, at: int = 0) -> Attribution:
    """What a model says of a statement, as a label ``at`` so many characters farther on.  Of
    several intermediaries the first."""

    def moved(span: Span) -> Span:
        return Span(span.start + at, span.end + at)

    speaker, addressee = statement.speaker, statement.addressee
    relay = next(iter(statement.intermediaries), None)
    return Attribution(
        cue=moved(statement.cue),
        source=(moved(speaker.mention),) if speaker and speaker.mention else (),
        content=tuple(moved(span) for span in statement.quote.spans),
        intermediary=moved(relay.mention) if relay else None,
        intermediary_kind=relay.kind.value if relay else None,
        addressee=moved(addressee) if addressee else None,
        act=statement.act.value,
        speaker_type=speaker.type.value if speaker and speaker.type else None,
        nested=statement.reported_in is not None,
    )
