"""What the resolver learns from: gold names, GAP's and GUM's pronouns, as ranking examples."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from quotewire.evaluation import GoldArticle
from quotewire.evaluation.names import normalised, same_name
from quotewire.extraction.names_kinds import HE, IT, SHE, THEY, pronoun_kinds
from quotewire.extraction.resolve import Attribution, Resolver, resolve_all
from quotewire.extraction.resolve_context import Answer, Query
from quotewire.extraction.resolve_reading import Reading, match_key, read
from quotewire.extraction.resolve_search import Candidate
from quotewire.extraction.resolve_types import type_features
from quotewire.types import Article, Span, SpeakerType

# How much an example of the pronoun sets counts against one of the gold names (chosen on dev).
GAP_WEIGHT = 1.0
GUM_WEIGHT = 0.3

TypeExample = tuple[dict[str, float], SpeakerType]


@dataclass(frozen=True, slots=True)
class Example:
    """One query: the features of each candidate, and which of them are right."""

    candidates: list[dict[str, float]]
    right: list[int]
    weight: float = 1.0
    article: str = ""
    kind: str = ""


@dataclass(slots=True)
class _Asked:
    examples: list[Example] = field(default_factory=list)
    types: list[TypeExample] = field(default_factory=list)


def gold_attributions(article: GoldArticle) -> list[Attribution]:
    """The gold rows as the resolver sees them, without the speaker's type."""
    return [
        Attribution(
            source=Span(row.sources[0].start, row.sources[-1].end) if row.sources else None,
            cue=row.cue,
            content=row.content,
            speaker_type=None,
            intermediary=row.via[0].span if row.via else None,
            intermediary_kind=row.via[0].kind if row.via else None,
        )
        for row in article.rows
    ]


def kinds_of(article: GoldArticle) -> list[str]:
    """The phrase kind of each row ("he", "short_name", …; "joint" for several speakers)."""
    kinds: dict[int, str] = {}

    def note(query: Query, found: list[Candidate]) -> Answer:
        kinds.setdefault(query.number, query.phrase.kind)
        return Answer(query, None, "")

    reading = read(article.article)
    answers = resolve_all(reading, gold_attributions(article), note)
    return [
        "joint" if a.query.phrase.parts else kinds.get(n, a.query.phrase.kind)
        for n, a in enumerate(answers)
    ]


def from_gold(
    articles: Sequence[GoldArticle], *, resolver: Resolver | None = None
) -> tuple[list[Example], list[TypeExample]]:
    """An example for each gold row and each part of a joint speaker.

    Earlier speakers are the gold ones, or with ``resolver`` those that it names, right or wrong:
    what the ranker will have at hand when it runs.
    """
    asked = _Asked()
    for article in articles:
        reading = read(article.article)

        def answer(query: Query, found: list[Candidate], article: GoldArticle = article) -> Answer:
            right = _gold_answer(asked, article, query, found)
            return right if resolver is None else resolver.choose(query, found)

        answers = resolve_all(reading, gold_attributions(article), answer)
        for row, held in zip(article.rows, answers, strict=True):
            if row.speaker_type is not None and (row.sources or row.speaker):
                asked.types.append((type_features(reading, held), row.speaker_type))
    return asked.examples, asked.types


def _gold_answer(
    asked: _Asked, article: GoldArticle, query: Query, found: list[Candidate]
) -> Answer:
    row = article.rows[query.number]
    right = [n for n, c in enumerate(found) if same_name(row.speaker, c.text)]
    if not right and row.speaker is not None and len(joint := normalised(row.speaker)) > 1:
        # A part of a joint speaker: one of the joint names.
        right = [
            n
            for n, c in enumerate(found)
            if c.text is not None and "head_name" in c.features and normalised(c.text) <= joint
        ]
    asked.examples.append(
        Example(
            [c.everything for c in found],
            right,
            article=article.id,
            kind=query.phrase.kind,
        )
    )
    if right:
        best = found[right[0]]
        return Answer(query, best.text, best.key, best.entity)
    return Answer(query, row.speaker, match_key(row.speaker) if row.speaker else "")


@dataclass(frozen=True, slots=True)
class GapRow:
    """One row of GAP: a pronoun and two names, each of which it may stand for."""

    text: str
    pronoun: Span
    names: tuple[Span, Span]
    coreferent: tuple[bool, bool]
    feminine: bool


def read_gap(path: Path) -> Iterator[GapRow]:
    """The rows of a GAP file (Webster et al. 2018), plain or gzipped."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):

            def span(what: str, row: dict[str, str] = row) -> Span:
                start = int(row[f"{what}-offset"])
                return Span(start, start + len(row[what]))

            yield GapRow(
                text=row["Text"],
                pronoun=span("Pronoun"),
                names=(span("A"), span("B")),
                coreferent=(row["A-coref"] == "TRUE", row["B-coref"] == "TRUE"),
                feminine=row["Pronoun"].casefold() in ("she", "her", "hers"),
            )


def from_gap(path: Path) -> list[Example]:
    """An example for each GAP row of which one name is right."""
    out: list[Example] = []
    for row in read_gap(path):
        wanted = [name for name, same in zip(row.names, row.coreferent, strict=True) if same]
        if not wanted:
            continue
        reading = read(Article(id="gap", text=row.text))
        found = pronoun_candidates(reading, row.pronoun)
        entities = entities_at(reading, wanted)
        right = [n for n, c in enumerate(found) if c.entity in entities]
        out.append(Example([c.everything for c in found], right, GAP_WEIGHT))
    return out


def pronoun_candidates(reading: Reading, pronoun: Span) -> list[Candidate]:
    """The candidates of a pronoun on its own, as the source of a statement without content."""
    held: list[list[Candidate]] = []

    def keep(query: Query, found: list[Candidate]) -> Answer:
        held.append(found)
        return Answer(query, None, "")

    cue = Span(pronoun.end, pronoun.end)
    resolve_all(reading, [Attribution(pronoun, cue, (), None, None, None)], keep)
    return held[0] if held else []


def entities_at(reading: Reading, spans: Sequence[Span]) -> set[int]:
    """The entities whose names overlap the spans."""
    out: set[int] = set()
    for span in spans:
        first, last = reading.page.inside(span.start, span.end)
        for i in range(first, last):
            name = reading.index.at.get(i)
            if name is not None:
                out.add(name.entity)
    return out


def from_gum(path: Path) -> list[Example]:
    """An example for each third-person pronoun of GUM (Zeldes 2017) that has an earlier mention of
    its chain among the candidates."""
    out: list[Example] = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)
            chains: dict[int, list[Span]] = {}
            for start, end, entity, _ in document["mentions"]:
                chains.setdefault(entity, []).append(Span(start, end))
            out.extend(_of_document(document["text"], list(chains.values())))
    return out


def _of_document(text: str, chains: Sequence[list[Span]]) -> list[Example]:
    """All pronouns of one document, asked in one pass: each right answer is a mention for those
    after it, but nobody "spoke"."""
    kinds = pronoun_kinds()
    asked: list[tuple[Span, list[Span]]] = []
    for spans in chains:
        spans.sort()
        for n, span in enumerate(spans):
            if n and kinds.get(text[span.start : span.end].casefold()) in (HE, SHE, THEY, IT):
                asked.append((span, spans[:n]))
    reading = read(Article(id="gum", text=text))
    out: list[Example] = []

    def answer(query: Query, found: list[Candidate]) -> Answer:
        named, keys = _mentioned(reading, asked[query.number][1])
        right = [
            n
            for n, c in enumerate(found)
            if (c.entity in named or (c.entity < 0 and c.key in keys))
            and c.text is not None
            and "is_self" not in c.features
        ]
        if not right:
            return Answer(query, None, "")
        out.append(Example([c.everything for c in found], right, GUM_WEIGHT))
        return Answer(query, None, "", found[right[0]].entity)

    attributions = [
        Attribution(span, Span(span.end, span.end), (), None, None, None) for span, _ in asked
    ]
    resolve_all(reading, attributions, answer)
    return out


def _mentioned(reading: Reading, spans: Sequence[Span]) -> tuple[set[int], set[str]]:
    """The entities that these mentions name, and the keys of their words."""
    named: set[int] = set()
    keys: set[str] = set()
    for span in spans[-40:]:
        keys.add(match_key(reading.page.text[span.start : span.end]))
        first, last = reading.page.inside(span.start, span.end)
        name = reading.index.at.get(first)
        if name is not None and last - name.last <= 1:
            named.add(name.entity)
    return named, keys
