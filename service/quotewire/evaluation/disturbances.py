"""Texts as they come from bad scans, old systems and careless editors.

Every disturbance keeps each character's place, so the gold labels stay right and one evaluation can
be held against the other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from quotewire.evaluation.rows import GoldArticle, Row, Via
from quotewire.types import Span

MARKS = '“”"„«»'
SEED = 0
OCR_SHARE = 0.01  # of all characters that have a look-alike
# What scanners take for what, one character for one.
LOOK_ALIKES = str.maketrans("lIOoSBeacuhnti", "1l0c58coenburl")


def lower(text: str, _: random.Random) -> str:
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def upper(text: str, _: random.Random) -> str:
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)


def unquoted(text: str, _: random.Random) -> str:
    return text.translate(dict.fromkeys(map(ord, MARKS), " "))


def misquoted(text: str, rng: random.Random) -> str:
    return "".join(rng.choice(MARKS) if c in MARKS else c for c in text)


def unbroken(text: str, _: random.Random) -> str:
    return text.replace("\n", " ")


def scanned(text: str, rng: random.Random) -> str:
    return "".join(c.translate(LOOK_ALIKES) if rng.random() < OCR_SHARE else c for c in text)


DISTURBANCES: dict[str, Callable[[str, random.Random], str]] = {
    "lower-cased": lower,
    "upper-cased": upper,
    "quotation marks stripped": unquoted,
    "quotation marks mangled": misquoted,
    "paragraph breaks lost": unbroken,
    "characters misread (1%)": scanned,
}
ONE_PARAGRAPH = "all articles as one paragraph"


def disturbed(articles: Sequence[GoldArticle], name: str) -> list[GoldArticle]:
    """``articles`` with their texts disturbed in the way ``name`` (a key of DISTURBANCES, or
    ONE_PARAGRAPH), the same each time."""
    if name == ONE_PARAGRAPH:
        return [as_one_paragraph(articles)]
    disturb = DISTURBANCES[name]
    return [
        replace(article, text=disturb(article.text, random.Random(f"{SEED}:{article.id}")))
        for article in articles
    ]


def as_one_paragraph(articles: Sequence[GoldArticle]) -> GoldArticle:
    """All articles in one text without a line break.  ``labelled`` is what all of them have, names
    excepted: in a mixture of articles the same words may name two people."""
    text = ""
    rows: list[Row] = []
    for article in articles:
        first = len(rows)
        rows += [_moved(row, len(text), first) for row in article.rows]
        text += article.text.replace("\n", " ") + " "
    labelled = frozenset.intersection(*(article.labelled for article in articles))
    return GoldArticle(
        id="one-paragraph", text=text, rows=tuple(rows), labelled=labelled - {"speaker"}
    )


def _moved(row: Row, places: int, rows: int) -> Row:
    def moved(span: Span) -> Span:
        return Span(span.start + places, span.end + places)

    return replace(
        row,
        cue=moved(row.cue),
        sources=tuple(map(moved, row.sources)),
        content=tuple(map(moved, row.content)),
        via=tuple(Via(moved(via.span), via.kind) for via in row.via),
        addressee=None if row.addressee is None else moved(row.addressee),
        reported_in=None if row.reported_in is None else row.reported_in + rows,
    )
