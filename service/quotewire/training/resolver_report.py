"""How good the resolver is: names by class of mention, types, and GAP's pronouns.

``quotewire resolver report --gold … --layer … [--gap …] [--model FOLDER]`` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from quotewire.evaluation import GoldArticle, read_gold, same_name
from quotewire.extraction.resolve import Attribution, Resolver, resolve_all
from quotewire.extraction.resolve_reading import read
from quotewire.training.resolver_data import (
    entities_at,
    gold_attributions,
    kinds_of,
    read_gap,
)
from quotewire.types import Article, Span


def name_accuracy(
    resolver: Resolver, articles: Sequence[GoldArticle]
) -> dict[str, tuple[int, int]]:
    """(right, all) by class of mention: "all", "outer", "nested", "type" and the phrase kinds, by
    the rule of :mod:`quotewire.evaluation.names`.  The gold spans are given; the types are the
    resolver's own, without the model's guess."""
    out: dict[str, list[int]] = {}

    def tally(group: str, good: bool) -> None:
        held = out.setdefault(group, [0, 0])
        held[0] += good
        held[1] += 1

    for article in articles:
        names = resolver.resolve(article.article, gold_attributions(article))
        for row, held, kind in zip(article.rows, names, kinds_of(article), strict=True):
            good = same_name(row.speaker, held.speaker)
            for group in ("all", "nested" if row.nested else "outer", kind):
                tally(group, good)
            if row.speaker_type is not None:
                tally("type", held.speaker_type is row.speaker_type)
    return {group: (right, total) for group, (right, total) in out.items()}


def gap_f1(resolver: Resolver, path: Path) -> dict[str, float]:
    """F1 in [0, 1] of GAP's official measure (each name of a row is a yes or no): "all",
    "masculine", "feminine", and "bias", the ratio of the last to the one before."""
    counts = {group: [0, 0, 0] for group in ("all", "masculine", "feminine")}
    for row in read_gap(path):
        reading = read(Article(id="gap", text=row.text))
        cue = Span(row.pronoun.end, row.pronoun.end)
        asked = [Attribution(row.pronoun, cue, (), None, None, None)]
        entity = resolve_all(reading, asked, resolver.choose)[0].entity
        for name, gold in zip(row.names, row.coreferent, strict=True):
            said = entity >= 0 and entity in entities_at(reading, [name])
            for group in ("all", "feminine" if row.feminine else "masculine"):
                counts[group][0] += said and gold
                counts[group][1] += said
                counts[group][2] += gold
    out = {
        group: 2 * hit / (said + gold) if said + gold else 0.0
        for group, (hit, said, gold) in counts.items()
    }
    out["bias"] = out["feminine"] / out["masculine"] if out["masculine"] else 0.0
    return out


def report(
    resolver: Resolver, *, gold: Path, layer: Path, gap: Path | None = None
) -> Iterator[str]:
    """Lines of a table for people."""
    scores = name_accuracy(resolver, read_gold(gold, layer=layer))
    for group, (right, total) in sorted(scores.items(), key=lambda item: -item[1][1]):
        yield f"{group:12} {right:5} / {total:5}  {100 * right / total:5.1f}"
    if gap is not None:
        for group, value in gap_f1(resolver, gap).items():
            yield f"GAP {group:10} {value:.3f}"
