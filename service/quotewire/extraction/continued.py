"""Quotations that go on over paragraphs.

By an old typesetting rule a quotation that runs on reopens its marks in every paragraph and closes
them only at the end.  Such paragraphs are one quote of one speaker, whichever of them names the
speaker; so a content that holds one of them is given the others, unless another attribution
claims them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from quotewire.extraction.decode import Candidate, Run, overlap
from quotewire.extraction.tokens import Tokens
from quotewire.types import Span

_CLOSING = frozenset("”\"»’'“")


def continued_quotations(text: str, tokens: Tokens) -> list[list[Run]]:
    """Runs of words inside marks that make up one quotation over several paragraphs; each list
    holds at least two, ascending."""
    chains: list[list[Run]] = []
    open_at: int | None = None  # the word after which the quotation must go on
    for region in tokens.quoted:
        run = tokens.words_of(region)
        if run is None:
            continue
        goes_on = open_at is not None and run[0] == open_at
        if goes_on:
            chains[-1].append(run)
        else:
            chains.append([run])
        open_at = _next_paragraph(text, tokens, region, run)
    return [chain for chain in chains if len(chain) > 1]


def _next_paragraph(text: str, tokens: Tokens, region: Span, run: Run) -> int | None:
    """The first word of the next paragraph if ``region`` is still open at the end of its own."""
    after = run[1] + 1
    if after + 1 >= len(tokens) or not tokens.is_break[after]:
        return None
    if text[region.end - 1] in _CLOSING and region.end - region.start > 1:
        return None
    return after + 1


def extend_over_paragraphs(
    text: str, tokens: Tokens, candidates: Sequence[Candidate]
) -> list[Candidate]:
    """The candidates, contents extended to the whole quotation that they hold a paragraph of."""
    extended = list(candidates)
    for chain in continued_quotations(text, tokens):
        owners = [
            {n for n, c in enumerate(candidates) if any(overlap(run, r) for r in c.content)}
            for run in chain
        ]
        holders = set().union(*owners)
        outer = {n for n in holders if not candidates[n].nested}
        if len(outer) != 1:
            continue  # nobody says it, or several do: leave it as it was found
        (owner,) = outer
        missing = [run for run, who in zip(chain, owners, strict=True) if owner not in who]
        content = sorted([*extended[owner].content, *missing])
        extended[owner] = replace(extended[owner], content=tuple(content))
    return extended
