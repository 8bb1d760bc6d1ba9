"""Silver labels for nested statements.

PolNeAR marks no statement inside another one's content, and our layer does so on a third of its
training articles only.  A model that is shown a content alone, as if it were a page, finds what is
said in there; a logistic regression fitted on the articles labelled by hand tells how far to
believe each find.  The others are then trained on with those probabilities.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quotewire.extraction.extractor import Extractor
from quotewire.training.calibration import Array, fit_logistic
from quotewire.training.corpus import Attribution, LabelledArticle
from quotewire.training.unlabelled import attribution_of
from quotewire.types import Act, Article, ExtractOptions, Span, Statement

LEAST = 0.03  # finds less likely than this are left out
FEWEST_WORDS = 5  # a content of fewer words holds no statement
_SAYING = re.compile(
    r"\b(said|says?|saying|told|tells|claim\w*|report\w*|accord\w*|wrote|tweet\w*|call\w*|argu\w*"
    r"|announc\w*|deni\w*|admit\w*|ask\w*|suggest\w*)"
)
_UNREAL = re.compile(
    r"\b(would|will|could|should|to|might|may|can|going|if|n.t|not|never)\b", re.IGNORECASE
)
_SELF = re.compile(r"i|we|you|i['’]m|i['’]ve|me|us")  # guidelines: no self-reports
_PRONOUN = frozenset({"he", "she", "they", "it"})


@dataclass(frozen=True, slots=True)
class Find:
    """A statement found inside a content: as an attribution of its article, and its features."""

    attribution: Attribution
    features: tuple[float, ...]


def with_silver_nested(
    articles: Sequence[LabelledArticle], extractor: Extractor
) -> list[LabelledArticle]:
    """``articles`` with nested statements that ``extractor`` finds added to those where
    nobody labelled them.  Needs some articles where somebody did, to learn what to believe; without
    a single nested statement there the articles come back as they are."""
    if all(article.nested_known for article in articles):
        return list(articles)
    finds = list(_finds(articles, extractor))
    features: list[tuple[float, ...]] = []
    right: list[bool] = []
    for article, found in zip(articles, finds, strict=True):
        if article.nested_known:
            nested = [a.cue for a in article.attributions if a.nested]
            features += [find.features for find in found]
            right += [any(find.attribution.cue.overlaps(cue) for cue in nested) for find in found]
    if not any(right):
        return list(articles)
    weights = fit_logistic(np.array(features), np.array(right))
    return [
        article if article.nested_known else _with(article, found, weights)
        for article, found in zip(articles, finds, strict=True)
    ]


def _with(article: LabelledArticle, finds: Sequence[Find], weights: Array) -> LabelledArticle:
    silver = []
    for find in finds:
        probability = 1 / (1 + math.exp(-float(np.dot(weights, find.features))))
        if probability >= LEAST:
            silver.append(replace(find.attribution, probability=probability))
    return replace(article, attributions=(*article.attributions, *silver), nested_known=True)


def _finds(articles: Sequence[LabelledArticle], extractor: Extractor) -> Iterator[list[Find]]:
    """What is found in the contents of each article."""
    pages = [
        (number, start, page)
        for number, article in enumerate(articles)
        for attribution in article.attributions
        if not attribution.nested and attribution.content
        for start, page in [as_page(article.text, attribution.content)]
        if len(page.split()) >= FEWEST_WORDS
    ]
    answers = extractor.extract_many(
        (Article(id=str(n), text=page) for n, (_, _, page) in enumerate(pages)),
        options=ExtractOptions(all_acts=True),
    )
    finds: list[list[Find]] = [[] for _ in articles]
    for (number, start, page), answer in zip(pages, answers, strict=True):
        finds[number] += [_find(statement, page, start) for statement in answer.statements]
    yield from finds


def as_page(text: str, content: Sequence[Span]) -> tuple[int, str]:
    """Where a content starts, and the content as a page of its own: same places, blanks instead of
    what interrupts it and of its quotation marks, a capital at its start."""
    start, end = content[0].start, content[-1].end
    page = [" "] * (end - start)
    for span in content:
        page[span.start - start : span.end - start] = span.slice(text)
    page = [" " if character in '“”"' else character for character in page]
    for n, character in enumerate(page):
        if not character.isspace():
            page[n] = character.upper() if len(character.upper()) == 1 else character
            break
    return start, "".join(page)


def _find(statement: Statement, page: str, start: int) -> Find:
    mention = statement.speaker.mention if statement.speaker else None
    source = mention.slice(page).strip().lower() if mention else ""
    cue = statement.cue.slice(page).lower()
    words = sum(len(span.slice(page).split()) for span in statement.quote.spans)
    confidence = min(max(statement.confidence, 1e-6), 1 - 1e-6)
    attribution = replace(
        attribution_of(statement, at=start),
        nested=True,
        relays_known=False,
        intermediary=None,
        intermediary_kind=None,
        addressee=None,
    )
    features = (
        1.0,
        math.log(confidence / (1 - confidence)),
        float(statement.act is Act.STATEMENT),
        float(bool(_SELF.fullmatch(source))),
        float(not source),
        float(bool(_SAYING.search(cue))),
        float(bool(_UNREAL.search(cue))),
        float(source in _PRONOUN),
        math.log(1 + words),
    )
    return Find(attribution, features)
