"""One self-contained HTML file of an article and its statements (``extract --format html``)."""

from __future__ import annotations

from markupsafe import Markup

from quotewire.render.drawing import css, draw, templates
from quotewire.render.table import printable
from quotewire.types import Article, Extraction


def html_page(article: Article, extraction: Extraction) -> str:
    """A whole page, without scripts and without other files.  Raises InputError where a span lies
    outside the text."""

    def shown(text: str | None) -> str | None:
        return printable(text) if text else None

    return (
        templates()
        .get_template("page.html")
        .render(
            title=shown(article.title) or printable(article.id),
            publisher=shown(article.publisher),
            published=shown(article.published),
            language=shown(extraction.language),
            model=printable(extraction.model),
            warnings=[printable(warning) for warning in extraction.warnings],
            drawing=draw(article, extraction),
            css=Markup(css()),
        )
    )
