"""Gold rows against predicted rows of one article, as addable counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quotewire.evaluation.matching import Pairs, Table, match, paragraph_pieces
from quotewire.evaluation.measures import COLUMN_AT, COLUMNS, bin_of
from quotewire.evaluation.names import same_name
from quotewire.evaluation.rows import GoldArticle, Row
from quotewire.types import Act, IntermediaryKind, Span

Counts = defaultdict[str, float]


@dataclass(frozen=True, slots=True)
class Sides:
    """The rows of an article, outer and nested.

    A predicted row counts on exactly one side or nowhere.  Gold marks almost no attribution inside
    another one's content, so a prediction with ``reported_in`` set counts as outer only where its
    cue overlaps that of an outer gold row (and of no nested one); otherwise it is nested.  Nested
    attitudes are on neither side: nobody labelled them.
    """

    outer_gold: list[Row]
    outer: list[Row]
    inner_gold: list[Row]
    inner: list[Row]

    @classmethod
    def of(cls, gold: Iterable[Row], predicted: Iterable[Row]) -> Sides:
        outer_gold: list[Row] = []
        inner_gold: list[Row] = []
        for row in gold:
            (inner_gold if row.nested else outer_gold).append(row)
        outer: list[Row] = []
        inner: list[Row] = []
        for row in predicted:
            meets_outer = any(row.cue.overlaps(other.cue) for other in outer_gold)
            meets_inner = any(row.cue.overlaps(other.cue) for other in inner_gold)
            if not row.nested or (meets_outer and not meets_inner):
                outer.append(row)
            elif row.act is not Act.ATTITUDE:
                inner.append(row)
        return cls(outer_gold, outer, inner_gold, inner)

    def joined(self, text: str) -> Sides:
        """The same rows with their content in :func:`matching.paragraph_pieces`."""
        return Sides(
            *(
                [replace(row, content=paragraph_pieces(row.content, text)) for row in rows]
                for rows in (self.outer_gold, self.outer, self.inner_gold, self.inner)
            )
        )


def _overlap(counts: Counts, name: str, *, tp: int, pred: int, gold: int) -> None:
    counts[f"{name}.tp"] += tp
    counts[f"{name}.pred"] += pred
    counts[f"{name}.gold"] += gold


def _set_overlap(counts: Counts, name: str, *, gold: set[Span], pred: set[Span]) -> None:
    _overlap(counts, name, tp=len(gold & pred), pred=len(pred), gold=len(gold))


def _share(counts: Counts, name: str, verdicts: Sequence[bool]) -> None:
    counts[f"{name}.right"] += sum(verdicts)
    counts[f"{name}.total"] += len(verdicts)


def count_article(gold: GoldArticle, predicted: Sequence[Row]) -> Table:
    """The counts of one article, a vector over :data:`measures.COLUMNS`."""
    counts: Counts = defaultdict(float)
    marked = Sides.of(gold.rows, predicted)
    sides = marked.joined(gold.text)
    pairs = Pairs.of(sides.outer_gold, sides.outer, text=gold.text)
    found = match(pairs.found, sides.outer)
    soft = match(pairs.soft, sides.outer)
    sizes = {"pred": len(sides.outer), "gold": len(sides.outer_gold)}
    for role in ("source", "cue", "content"):
        _set_overlap(
            counts, role, gold=_spans(sides.outer_gold, role), pred=_spans(sides.outer, role)
        )
    _set_overlap(
        counts,
        "content_unjoined",
        gold=_spans(marked.outer_gold, "content"),
        pred=_spans(marked.outer, "content"),
    )
    _overlap(counts, "found", tp=len(found), **sizes)
    _overlap(counts, "exact", tp=len(match(pairs.exact, sides.outer)), **sizes)
    _overlap(counts, "soft", tp=len(soft), **sizes)
    _confidences(counts, "outer", sides.outer, right=set(soft))
    both = [(sides.outer_gold[g], sides.outer[p]) for p, g in found.items()]
    if "act" in gold.labelled:
        _share(counts, "act_accuracy", [g.act is p.act for g, p in both])
        _statements(counts, sides, text=gold.text)
    if "speaker" in gold.labelled:
        _share(counts, "speaker_name_accuracy", [same_name(g.speaker, p.speaker) for g, p in both])
        _share(counts, "speaker_type_accuracy", [g.speaker_type is p.speaker_type for g, p in both])
    if "intermediary" in gold.labelled:
        _intermediaries(counts, sides, both)
    if "addressee" in gold.labelled:
        _overlap(
            counts,
            "addressee",
            tp=sum(g.addressee is not None and g.addressee == p.addressee for g, p in both),
            pred=sum(row.addressee is not None for row in sides.outer),
            gold=sum(row.addressee is not None for row in sides.outer_gold),
        )
    if "nested" in gold.labelled:
        _nested(counts, sides, gold, predicted)
    vector = np.zeros(len(COLUMNS))
    for name, count in counts.items():
        vector[COLUMN_AT[name]] = count
    return vector


def _spans(rows: Iterable[Row], role: str) -> set[Span]:
    if role == "cue":
        return {row.cue for row in rows}
    return {span for row in rows for span in (row.sources if role == "source" else row.content)}


def _confidences(counts: Counts, side: str, rows: Sequence[Row], *, right: set[int]) -> None:
    for n, row in enumerate(rows):
        if row.confidence is None:
            continue
        k, hit = bin_of(row.confidence), n in right
        sums: dict[str, float] = {
            f"{side}_bin.n.{k}": 1,
            f"{side}_bin.sure.{k}": row.confidence,
            f"{side}_bin.right.{k}": hit,
            "confidence.squared_error": (row.confidence - hit) ** 2,
            "confidence.total": 1,
        }
        for name, value in sums.items():
            counts[name] += value


def _statements(counts: Counts, sides: Sides, *, text: str) -> None:
    gold = [row for row in sides.outer_gold if row.act is Act.STATEMENT]
    pred = [row for row in sides.outer if row.act is Act.STATEMENT]
    tp = len(match(Pairs.of(gold, pred, text=text).soft, pred))
    _overlap(counts, "soft_statements", tp=tp, pred=len(pred), gold=len(gold))


def _intermediaries(counts: Counts, sides: Sides, both: Sequence[tuple[Row, Row]]) -> None:
    """Kind ``document`` and the intermediaries of nested rows are neutral: annotators differ on
    them.  Gold ones are not asked for, and a prediction that overlaps one, or is itself of kind
    ``document``, is no error (it still is a hit where it equals a gold one that counts)."""
    document = IntermediaryKind.DOCUMENT
    wanted = [{via.span for via in row.via if via.kind is not document} for row in sides.outer_gold]
    counted: set[Span] = set().union(*wanted)
    neutral = [
        via.span
        for row in (*sides.outer_gold, *sides.inner_gold)
        for via in row.via
        if row.nested or via.kind is document
    ]

    def kept(row: Row) -> set[Span]:
        return {
            via.span
            for via in row.via
            if via.span in counted
            or not (via.kind is document or any(via.span.overlaps(span) for span in neutral))
        }

    per_gold = dict(zip(map(id, sides.outer_gold), wanted, strict=True))
    linked = [(g, p, per_gold[id(g)], kept(p)) for g, p in both]
    hits = [(g, p, span) for g, p, asked, given in linked for span in asked & given]
    _overlap(
        counts,
        "intermediary",
        tp=len(hits),
        pred=sum(len(kept(row)) for row in sides.outer),
        gold=sum(map(len, wanted)),
    )
    _overlap(
        counts,
        "intermediary_given",
        tp=len(hits),
        pred=sum(len(given) for *_, given in linked),
        gold=sum(len(asked) for _, _, asked, _ in linked),
    )
    _set_overlap(
        counts,
        "intermediary_set",
        gold=counted,
        pred={span for row in sides.outer for span in kept(row)},
    )
    kinds = [
        tuple(next(via.kind for via in row.via if via.span == span) for row in (g, p))
        for g, p, span in hits
    ]
    _share(counts, "intermediary_kind_accuracy", [g is p for g, p in kinds if g is not None])


def _nested(counts: Counts, sides: Sides, gold: GoldArticle, predicted: Sequence[Row]) -> None:
    pairs = Pairs.of(sides.inner_gold, sides.inner, text=gold.text)
    found, soft = match(pairs.found, sides.inner), match(pairs.soft, sides.inner)
    sizes = {"pred": len(sides.inner), "gold": len(sides.inner_gold)}
    _overlap(counts, "nested", tp=len(match(pairs.content, sides.inner)), **sizes)
    _overlap(counts, "nested_found", tp=len(found), **sizes)
    _overlap(counts, "nested_soft", tp=len(soft), **sizes)
    _confidences(counts, "inner", sides.inner, right=set(soft))
    anyhow = match(Pairs.of(sides.inner_gold, predicted, text=gold.text).found, predicted)
    counts["nested_any_recall.right"] += len(anyhow)
    counts["nested_any_recall.total"] += len(sides.inner_gold)
    verdicts = []
    for p, g in found.items():
        wanted, given = sides.inner_gold[g].reported_in, sides.inner[p].reported_in
        if wanted is not None:
            right = given is not None and gold.rows[wanted].cue.overlaps(predicted[given].cue)
            verdicts.append(right)
    _share(counts, "chain_accuracy", verdicts)
