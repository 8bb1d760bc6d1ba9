"""Quotations that go on over paragraphs.

By an old typesetting rule a quotation that runs on reopens its marks in every paragraph and closes
them only at the end.  Such paragraphs are one quote of one speaker, whichever of them names the
speaker; so a content that holds one of them is given the others, unless another attribution
claims them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

from quotewire.extraction.decode import Candidate, Run
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
    chains = continued_quotations(text, tokens)
    owners = _owners([run for chain in chains for run in chain], candidates)
    for chain in chains:
        holders = set().union(*(owners[run] for run in chain))
        outer = {n for n in holders if not candidates[n].nested}
        if len(outer) != 1:
            continue  # nobody says it, or several do: leave it as it was found
        (owner,) = outer
        missing = [run for run in chain if owner not in owners[run]]
        content = sorted([*extended[owner].content, *missing])
        extended[owner] = replace(extended[owner], content=tuple(content))
    return extended


def _owners(runs: Sequence[Run], candidates: Sequence[Candidate]) -> dict[Run, set[int]]:
    """For each of ``runs`` (ascending, disjoint) the candidates whose content shares a word."""
    owners: dict[Run, set[int]] = {run: set() for run in runs}
    for n, candidate in enumerate(candidates):
        for first, last in candidate.content:
            near = bisect_left(runs, first, key=itemgetter(1))
            stop = bisect_right(runs, last, key=itemgetter(0))
            for run in runs[near:stop]:
                owners[run].add(n)
    return owners
