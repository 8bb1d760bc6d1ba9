"""spaCy: a DocBin of docs whose span groups hold the statements (needs the extra ``spacy``).

The docs' tokens are those of spaCy's blank pipeline for the language, split further wherever a
span of ours begins or ends inside one, so that every span is exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from quotewire.render.formats import Answer
from quotewire.render.formats.common import encoded
from quotewire.render.spacy_doc import annotate
from quotewire.render.spans import check_spans, spans_of
from quotewire.types import Article, Extraction, Span

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc


def write(answers: Iterable[Answer]) -> Iterator[bytes]:
    """One DocBin, written at the end; ``Doc._.statements`` and ``Doc.user_data`` go with it."""
    from spacy.tokens import DocBin

    docs = DocBin(store_user_data=True)
    for article, extraction in answers:
        docs.add(make_doc(article, extraction))
    yield docs.to_bytes()


def make_doc(article: Article, extraction: Extraction) -> Doc:
    """A doc of the article's text.  Raises InputError where a span lies outside the text."""
    check_spans(article, extraction)
    # spaCy keeps text as UTF-8, which has no lone surrogates.
    text = encoded(article.text).decode("utf-8")
    spans = [span for s in extraction.statements for _, span in spans_of(s)]
    doc = _tokenised(_blank(extraction.language), text, spans)
    annotate(doc, article, extraction)
    return doc


def _tokenised(nlp: Language, text: str, spans: list[Span]) -> Doc:
    """Tokens by spaCy, cut further so that every one of ``spans`` begins and ends with a token."""
    from spacy.tokens import Doc

    starts, ends = {span.start for span in spans}, {span.end for span in spans}
    words: list[str] = []
    spaces: list[bool] = []
    for token in nlp.make_doc(text):
        end = token.idx + len(token)
        # The space behind a token belongs to it, unless a span begins or ends with that space.
        apart = bool(token.whitespace_) and (end in starts or end + 1 in ends)
        stop = end + 1 if apart else end
        inside = [at for at in range(token.idx + 1, stop) if at in starts or at in ends]
        edges = sorted({token.idx, *inside, *((end,) if apart else ()), stop})
        pieces = [text[a:b] for a, b in itertools.pairwise(edges)]
        words += pieces
        spaces += [False] * len(pieces)
        spaces[-1] = bool(token.whitespace_) and not apart
    return Doc(nlp.vocab, words=words, spaces=spaces)


@cache
def _blank(language: str | None) -> Language:
    import spacy

    try:
        return spacy.blank(language or "xx")
    except ImportError:  # a language that spaCy does not know, or one that needs more packages
        return spacy.blank("xx")
