"""What is done for one statement must not grow with the number of quotations around it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from quotewire.extraction.assemble import quote_of
from quotewire.types import QuoteKind, Span
from tests.fakes import fake_tokenizer


class Counting(tuple[Span, ...]):
    """A tuple that counts how many of its items are looked at."""

    looked: int = 0

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        type(self).looked += len(found) if isinstance(at, slice) else 1
        return found

    def __iter__(self) -> Any:
        for item in super().__iter__():
            type(self).looked += 1
            yield item


def _looks(paragraphs: int) -> int:
    text = "\n\n".join(f"“Number {n} is late,” Ann said." for n in range(paragraphs))
    tokens = fake_tokenizer()(text)
    middle = tokens.quoted[paragraphs // 2]
    Counting.looked = 0
    quote = quote_of(text, replace(tokens, quoted=Counting(tokens.quoted)), [middle])
    assert quote.kind is QuoteKind.DIRECT
    assert quote.verbatim == (middle,)
    return Counting.looked


def test_a_quote_looks_only_at_the_quotations_near_it() -> None:
    assert _looks(1000) < 2 * _looks(30)
