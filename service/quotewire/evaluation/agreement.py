"""How far the corpus's own annotators agree: the ceiling to read every score against."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import numpy as np

from quotewire.errors import InputError
from quotewire.evaluation.corpus import annotator_rows
from quotewire.evaluation.counts import count_article
from quotewire.evaluation.jsonl import Located, read_json_lines
from quotewire.evaluation.report import Report
from quotewire.evaluation.rows import GoldArticle
from quotewire.evaluation.signature import signature_of


def annotator_agreement(lines: Iterable[Located]) -> Report:
    """Every pair of annotators of every article that has several, one as gold, the other as
    prediction (which is which changes no F1).

    ``lines`` are corpus lines with where they stand (:func:`jsonl.read_json_lines`).  The counts of
    an article are the sum over its pairs.  Raises InputError where no article has two annotators.
    """
    articles: list[GoldArticle] = []
    tables = []
    for where, line in lines:
        annotators = annotator_rows(line, where=where)
        if len(annotators) < 2:
            continue
        golds = [
            GoldArticle(
                id=line["id"],
                text=line["text"],
                rows=rows,
                publisher=line.get("publisher"),
                labelled=frozenset(),
            )
            for rows in annotators
        ]
        articles.append(golds[0])
        tables.append(sum(count_article(a, b.rows) for a, b in combinations(golds, 2)))
    if not articles:
        raise InputError(
            field="annotations", value="one annotator each", allowed="an article with two or more"
        )
    return Report(
        signature=signature_of(articles, model="annotators"),
        ids=tuple(article.id for article in articles),
        publishers=tuple(article.publisher for article in articles),
        counts=np.stack(tables),
    )


def agreement_of_files(*paths: Path) -> Report:
    """:func:`annotator_agreement` over whole corpus files."""
    return annotator_agreement(line for path in paths for line in read_json_lines(path))
