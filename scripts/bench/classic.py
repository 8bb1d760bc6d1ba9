"""The classic way to do a part of the job: a spaCy pipeline, then textacy's rules for direct
quotations.

The weights are all but random, since a network's speed does not depend on them; sizes are those of
spaCy's small English models (CNN of four layers, width 96, shared by tagger, parser and NER).
"""

from __future__ import annotations

import time
import warnings
from collections import Counter
from typing import Any

from scripts.bench.data import load_articles, words_in

# What textacy's rules look for, and enough labels for outputs of about the usual size.
_TAGS = ("NN", "NNS", "NNP", "VBD", "VBZ", "VB", "IN", "DT", "JJ", "RB", "PRP", "CC", "CD", "TO")
_ARCS = ("nsubj", "dobj", "prep", "pobj", "det", "amod", "ccomp", "punct", "aux", "advmod", "conj")
_KINDS = ("PERSON", "ORG", "GPE", "DATE", "MONEY", "NORP", "LOC", "EVENT", "CARDINAL", "PERCENT")
_SHARED = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "*"}
_STEPS = 15  # of training


class Classic:
    """A side: tok2vec, tagger, parser and ner, then direct quotations."""

    def __init__(self, *, articles: str, threads: int, part: int = 0, parts: int = 1) -> None:
        warnings.simplefilter("ignore")
        import spacy
        import textacy
        import torch

        torch.set_num_threads(threads)
        self._about = {"spacy": spacy.__version__, "textacy": textacy.__version__}
        self._articles = load_articles(articles, part=part, parts=parts)
        self._pipeline = _pipeline(self._articles[0].text)
        for doc in self._pipeline.pipe(article.text for article in self._articles[:4]):
            len(doc)

    def about(self) -> dict[str, Any]:
        return self._about

    def run(self) -> dict[str, Any]:
        from textacy.extract.triples import direct_quotations

        refused: Counter[str] = Counter()
        quotations = 0
        started = time.perf_counter()
        for doc in self._pipeline.pipe(article.text for article in self._articles):
            try:
                quotations += sum(1 for _ in direct_quotations(doc))
            except ValueError as error:  # an odd number of quotation marks
                refused[str(error).partition(" ")[2][:60]] += 1
        seconds = time.perf_counter() - started
        return {
            "articles": len(self._articles),
            "words": sum(words_in(article.text) for article in self._articles),
            "seconds": seconds,
            "statements": quotations,
            "refused": sum(refused.values()),
        }


def _pipeline(sample: str) -> Any:
    import spacy
    from spacy.training import Example

    spacy.util.fix_random_seed(0)
    pipeline = spacy.blank("en")
    pipeline.add_pipe("tok2vec")
    for name, labels in (("tagger", _TAGS), ("parser", _ARCS), ("ner", _KINDS)):
        pipe: Any = pipeline.add_pipe(name, config={"model": {"tok2vec": _SHARED}})
        for label in labels:
            pipe.add_label(label)
    examples = []
    # A random parser ends a sentence at every word.  A few steps teach it that a full stop does, so
    # that it takes about as many steps as a trained one.
    for start in range(0, len(sample), 400):
        doc = pipeline.make_doc(sample[start : start + 400])
        ends = [n for n, token in enumerate(doc) if token.text == "." or n == len(doc) - 1]
        examples.append(
            Example.from_dict(
                doc,
                {
                    "tags": [_TAGS[len(token.text) % len(_TAGS)] for token in doc],
                    "heads": [n if n in ends else n + 1 for n in range(len(doc))],
                    "deps": ["ROOT" if n in ends else _ARCS[n % 2] for n in range(len(doc))],
                },
            )
        )
    optimizer = pipeline.initialize(lambda: examples)
    for _ in range(_STEPS):
        pipeline.update(examples, sgd=optimizer)
    return pipeline
