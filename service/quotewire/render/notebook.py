"""The drawing for notebooks: a fragment that brings its style sheet along."""

from __future__ import annotations

from itertools import count

from markupsafe import Markup

from quotewire.render.drawing import css, draw
from quotewire.types import Article, Extraction

# Outputs of one notebook stand on one page: each gets DOM ids of its own.
_outputs = count(1)


def notebook_html(article: Article, extraction: Extraction) -> str:
    """HTML that can be put into any page; its names all begin with ``qw``."""
    drawing = draw(article, extraction, prefix=f"qw{next(_outputs)}-")
    return str(
        Markup('<style>{}</style><div class="qw qw-notebook">{}{}</div>').format(
            Markup(css()), drawing.text, drawing.table
        )
    )
