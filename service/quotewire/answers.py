"""The extractor for programs and notebooks: its answers know their article.

Imported on first use of ``quotewire.Extractor``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, cast

from quotewire.extraction import extractor as plain
from quotewire.lines import extraction_to_line, quote_text
from quotewire.types import Article, Extraction, ExtractOptions, Span, Statement

_SHOWN = 60  # code points of a quote in a repr


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Answer(Extraction):
    """An extraction together with the article that it answers.

    In a notebook it shows itself: the text with the statements drawn over it, and a table.
    """

    article: Article = field(compare=False)

    def text_of(self, part: Span | Statement) -> str:
        """The words of a span, or those of a statement's quote."""
        if isinstance(part, Statement):
            return quote_text(self.article.text, part.quote.spans)
        return part.slice(self.article.text)

    def to_dict(self) -> dict[str, Any]:
        """The JSON line of docs/json-lines.md."""
        return extraction_to_line(self.article, self)

    def __repr__(self) -> str:
        count = len(self.statements)
        plural = "" if count == 1 else "s"
        head = f"<{self.model} on {self.article_id!r}: {count} statement{plural}>"
        return "\n".join([head, *(f"  {self._one_line(s)}" for s in self.statements)])

    def _one_line(self, statement: Statement) -> str:
        speaker = statement.speaker
        name = speaker.name if speaker else None
        if name is None and speaker and speaker.mention:
            name = self.text_of(speaker.mention)
        via = "".join(f" via {i.name or self.text_of(i.mention)}" for i in statement.intermediaries)
        words = " ".join(self.text_of(statement).split())
        words = words if len(words) <= _SHOWN else f"{words[: _SHOWN - 1]}…"
        return f"{name or 'unknown speaker'}{via}: {words!r} ({statement.confidence:.2f})"

    def _repr_html_(self) -> str:
        from quotewire.render.notebook import notebook_html

        return notebook_html(self.article, self)


class Extractor(plain.Extractor):
    """Finds the statements of articles: ``Extractor.load("quotewire-base").extract(text)``.

    Everything of :class:`quotewire.extraction.extractor.Extractor`, with answers that know their
    article.  ``extract`` and ``extract_many`` may be called from one thread at a time.
    """

    def extract(
        self,
        article: Article | str,
        *,
        options: ExtractOptions = ExtractOptions(),  # noqa: B008 - frozen
    ) -> Answer:
        """The statements of one article (or bare text, which gets the id "article")."""
        if isinstance(article, str):
            article = Article(id="article", text=article)
        return next(self.extract_many([article], options=options))

    def extract_many(
        self,
        articles: Iterable[Article],
        *,
        options: ExtractOptions = ExtractOptions(),  # noqa: B008 - frozen
        tokens_per_batch: int = plain.TOKENS_PER_BATCH,
    ) -> Iterator[Answer]:
        """One answer an article, in order; articles are read a little ahead."""
        found = super().extract_many(articles, options=options, tokens_per_batch=tokens_per_batch)
        return cast(Iterator[Answer], found)  # finish() makes them

    def finish(
        self,
        prepared: plain.Prepared,
        decoded: Sequence[plain.Decoded],
        *,
        options: ExtractOptions = ExtractOptions(),  # noqa: B008 - frozen
    ) -> Answer:
        found = super().finish(prepared, decoded, options=options)
        values = {f.name: getattr(found, f.name) for f in fields(Extraction)}
        return Answer(**values, article=prepared.article)
