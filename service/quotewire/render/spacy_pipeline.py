"""The spaCy component ``quotewire`` (needs the extra ``spacy``).

    nlp = spacy.blank("en")
    nlp.add_pipe("quotewire")
    nlp("“We leave,” Ann Lee told Reuters.")._.statements

spaCy finds it by the entry point in pyproject.toml; nothing needs to be imported.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from spacy.language import Language
from spacy.tokens import Doc

from quotewire.extraction.extractor import Extractor
from quotewire.extraction.model_folder import DEFAULT_MODEL
from quotewire.render.spacy_doc import SPANS_KEY, annotate
from quotewire.types import Article, ExtractOptions

DEFAULT_CONFIG = {
    "model": DEFAULT_MODEL,
    "min_confidence": None,
    "all_acts": False,
    "spans_key": SPANS_KEY,
}


class Quotewire:
    """Puts the statements of docs into ``doc._.statements`` and ``doc.spans[spans_key]``.

    A pipeline that is saved holds the model's name or folder, not its weights: they are loaded
    from there again.
    """

    def __init__(self, extractor: Extractor, *, options: ExtractOptions, spans_key: str) -> None:
        self.extractor = extractor
        self.options = options
        self.spans_key = spans_key

    def __call__(self, doc: Doc) -> Doc:
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int | None = None) -> Iterator[Doc]:
        """The docs in their order.  Batches are made by the length of windows, over many docs, so
        ``batch_size`` (spaCy's, in docs) has no meaning here."""
        docs, again = itertools.tee(stream)
        articles = (Article(id="doc", text=doc.text) for doc in docs)
        # The extractor reads about 16 batches ahead: so many docs wait in the tee, not more.
        answers = self.extractor.extract_many(articles, options=self.options)
        for extraction, doc in zip(answers, again, strict=True):
            annotate(
                doc,
                Article(id="doc", text=doc.text),
                extraction,
                spans_key=self.spans_key,
            )
            yield doc


# spaCy reads the types of the arguments at run time: they must be names of this module.
@Language.factory(
    "quotewire", default_config=DEFAULT_CONFIG, assigns=["doc._.statements", "doc.spans"]
)
def make_component(
    nlp: Language,
    name: str,
    model: str | Extractor,
    min_confidence: float | None,
    all_acts: bool,
    spans_key: str,
) -> Quotewire:
    """``model`` is a name, a folder, or an extractor from a registered function."""
    extractor = Extractor.load(model) if isinstance(model, str) else model
    options = ExtractOptions(all_acts=all_acts, min_confidence=min_confidence)
    return Quotewire(extractor, options=options, spans_key=spans_key)
