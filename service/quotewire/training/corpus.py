"""PolNeAR and our annotation layers, read into one shape.

The corpora lie outside the repository (``../shared/data``; its README says what each file holds).
Offsets are code points of the article's text.  The first annotator's set is gold.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from quotewire.errors import InputError
from quotewire.types import Span

# How an article's layer was labelled, best first: every statement; intermediaries, addressees and
# nested statements of the whole article, but nothing else; intermediaries and addressees of the
# sentences with a trigger word; not at all.
WHOLE, RELAYS, TRIGGERS, BARE = "whole", "relays", "triggers", "bare"


@dataclass(frozen=True, slots=True)
class Attribution:
    """One labelled attribution.  ``act`` and ``speaker_type`` are None where nobody labelled them;
    ``relays_known`` says that somebody looked for an intermediary and an addressee, so that a
    missing one means "none".  ``probability`` that it is one at all: below 1 for silver labels;
    ``certain`` that no teacher knows it better."""

    cue: Span
    source: tuple[Span, ...] = ()
    content: tuple[Span, ...] = ()
    intermediary: Span | None = None
    intermediary_kind: str | None = None
    addressee: Span | None = None
    act: str | None = None
    speaker_type: str | None = None
    speaker: str | None = None
    nested: bool = False
    relays_known: bool = True
    probability: float = 1.0
    certain: bool = False


@dataclass(frozen=True, slots=True)
class LabelledArticle:
    """``layer`` says how much of our layer covers the article: WHOLE, RELAYS, TRIGGERS or BARE;
    ``nested_known`` that all its nested statements are labelled, by hand or in silver."""

    id: str
    text: str
    title: str | None
    publisher: str | None
    attributions: tuple[Attribution, ...]
    layer: str
    nested_known: bool = False


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a gzipped JSON-lines file.  InputError if there is no such file."""
    if not path.is_file():
        raise InputError(field="data", value=str(path), allowed="an existing .jsonl.gz file")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def read_polnear(folder: Path, part: str, *, relays: Path | None = None) -> list[LabelledArticle]:
    """All articles of ``part`` ("train" or "dev") with the best layer that there is for each.

    ``relays``: a JSON-lines file of our own labels of intermediaries, addressees and nested
    statements of articles of ``train`` (models/labels/README.md).
    """
    if part not in ("train", "dev"):
        raise InputError(field="part", value=repr(part), allowed="'train' or 'dev'")
    whole_file = "dev_layer.jsonl.gz" if part == "dev" else "train_full_layer.jsonl.gz"
    whole = {row["id"]: row for row in read_lines(folder / whole_file)}
    triggers = (
        {row["id"]: row for row in read_lines(folder / "train_layer.jsonl.gz")}
        if part == "train"
        else {}
    )
    ours = {row["id"]: row for row in _read_plain(relays)} if relays and part == "train" else {}
    articles = []
    for row in read_lines(folder / f"{part}.jsonl.gz"):
        bare = [_bare(a) for a in row["annotations"][0]["attributions"]]
        if row["id"] in whole:
            layer = WHOLE
            attributions = [_whole(s) for s in whole[row["id"]]["statements"]]
        elif row["id"] in ours:
            layer = RELAYS
            attributions = _with_relays(bare, ours[row["id"]])
        elif row["id"] in triggers:
            layer = TRIGGERS
            attributions = _with_triggers(bare, triggers[row["id"]])
        else:
            layer, attributions = BARE, bare
        articles.append(
            LabelledArticle(
                id=row["id"],
                text=row["text"],
                title=row.get("title"),
                publisher=row.get("publisher"),
                attributions=tuple(a for a in attributions if a is not None),
                layer=layer,
                nested_known=layer in (WHOLE, RELAYS),
            )
        )
    return articles


def _spans(pairs: list[list[int]] | None) -> tuple[Span, ...]:
    return tuple(sorted(Span(start, end) for start, end in pairs or ()))


def _one(pair: list[int] | None) -> Span | None:
    return Span(pair[0], pair[1]) if pair else None


def _bare(row: dict[str, Any]) -> Attribution | None:
    cue = _spans(row["cue"])
    if not cue:
        return None  # nothing signals it: no cue chain could ever find it
    return Attribution(
        cue=Span(cue[0].start, cue[-1].end),
        source=_spans(row["source"]),
        content=_spans(row["content"]),
        relays_known=False,
    )


def _whole(row: dict[str, Any]) -> Attribution | None:
    bare = _bare(row)
    if bare is None:
        return None
    return replace(
        bare,
        intermediary=_one(row["intermediary"]),
        intermediary_kind=row["intermediary_kind"],
        addressee=_one(row["addressee"]),
        act=row["act"],
        speaker_type=row["speaker_type"],
        speaker=row["speaker"],
        nested=row["nested"],
        relays_known=True,
    )


def _read_plain(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise InputError(field="relays", value=str(path), allowed="an existing .jsonl file")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _with_relays(bare: list[Attribution | None], layer: dict[str, Any]) -> list[Attribution | None]:
    everything = {"reviewed": range(len(bare)), "labels": layer["labels"]}
    nested = [
        replace(
            inner,
            intermediary=_one(row["intermediary"]),
            intermediary_kind=row["intermediary_kind"],
            act="statement",
            nested=True,
            relays_known=True,
        )
        for row in layer["nested"]
        if (inner := _bare(row)) is not None
    ]
    return [*_with_triggers(bare, everything), *nested]


def _with_triggers(
    bare: list[Attribution | None], layer: dict[str, Any]
) -> list[Attribution | None]:
    labelled = list(bare)
    for number in layer["reviewed"]:
        attribution = labelled[number]
        if attribution is not None:
            labelled[number] = replace(attribution, relays_known=True)
    for label in layer["labels"]:
        attribution = labelled[label["attribution"]]
        if attribution is not None:
            labelled[label["attribution"]] = replace(
                attribution,
                intermediary=_one(label["intermediary"]),
                intermediary_kind=label["intermediary_kind"],
                addressee=_one(label["addressee"]),
                relays_known=True,
            )
    return labelled
