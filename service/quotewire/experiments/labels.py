"""Editors' choices between two readings: out as tasks, back in as labels."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from quotewire.errors import InputError
from quotewire.experiments.difference import Differences, Disagreement

FORMAT = "quotewire-labels/1"
# What an editor may choose; the first and the second reading are shown without their names.
FIRST, SECOND, BOTH, NEITHER = "1", "2", "both", "neither"


class Choice(StrEnum):
    A = "a"
    B = "b"
    BOTH = "both"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Label:
    """One editor's choice on one disagreement; ``article`` is the hash of its text."""

    id: str
    article: str
    a: str
    b: str
    choice: Choice
    editor: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """Disagreements that editors settled: (article, A right, B right) by (A, B).  On ``open`` ones
    as many editors choose one thing as another."""

    items: Mapping[tuple[str, str], Sequence[tuple[str, bool, bool]]]
    labels: int
    open: int


def read_labels(paths: Iterable[Path]) -> list[Label]:
    """Labels of files that the page saved, that Label Studio exported (JSON), or that ``quotewire
    experiments labels`` wrote (JSON lines).  Raises InputError naming file and field."""
    return [label for path in paths for label in _of_file(path)]


def _of_file(path: Path) -> Iterator[Label]:
    try:
        text = path.read_text(encoding="utf-8")
        content = _json(text)
    except (OSError, ValueError) as error:
        raise InputError(
            field=str(path),
            value=str(error)[:120],
            allowed="a file of labels (docs/experiments.md)",
        ) from error
    if isinstance(content, Mapping) and content.get("format") == FORMAT:
        for n, line in enumerate(_list(content.get("labels"), f"{path.name}: labels")):
            yield _label(line, common=content, where=f"{path.name}: labels[{n}]")
    elif isinstance(content, list) and all(_is_task(task) for task in content):
        for n, task in enumerate(content):
            yield from _of_task(task, where=f"{path.name}: [{n}]")
    elif isinstance(content, list):
        for n, line in enumerate(content, start=1):
            yield _label(line, common={}, where=f"{path.name}:{n}")
    else:
        raise InputError(
            field=path.name,
            value=f"format {content.get('format')!r}" if isinstance(content, Mapping) else "?",
            allowed=f"{FORMAT}, an export of Label Studio (JSON), or lines of labels",
        )


def _json(text: str) -> Any:
    """One JSON value, or the list of those on the lines."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return [value] if isinstance(value, Mapping) and "choice" in value else value


def _is_task(value: Any) -> bool:
    return isinstance(value, Mapping) and "data" in value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(field=where, value=repr(value)[:60], allowed="a JSON list")
    return value


def _text(line: Mapping[str, Any], key: str, where: str) -> str:
    value = line.get(key)
    if not isinstance(value, str) or not value:
        raise InputError(
            field=f"{where}.{key}", value=repr(value)[:60], allowed="a non-empty string"
        )
    return value


def _label(line: Any, *, common: Mapping[str, Any], where: str) -> Label:
    if not isinstance(line, Mapping):
        raise InputError(field=where, value=repr(line)[:60], allowed="a JSON object")
    whole = {**common, **line}
    if whole.get("choice") not in list(Choice):
        raise InputError(
            field=f"{where}.choice", value=repr(whole.get("choice")), allowed=", ".join(Choice)
        )
    return Label(
        id=_text(whole, "id", where),
        article=_text(whole, "article", where),
        a=_text(whole, "a", where),
        b=_text(whole, "b", where),
        choice=Choice(whole["choice"]),
        editor=str(whole.get("editor") or "unknown"),
        fields=tuple(_list(whole.get("fields", []), f"{where}.fields")),
    )


def _of_task(task: Mapping[str, Any], *, where: str) -> Iterator[Label]:
    """The labels of a task of Label Studio: one an annotation that was not cancelled."""
    data = task["data"]
    for n, annotation in enumerate(task.get("annotations") or []):
        if annotation.get("was_cancelled"):
            continue
        for result in annotation.get("result") or []:
            if result.get("type") != "choices":
                continue
            at = f"{where}.annotations[{n}]"
            chosen = (result.get("value") or {}).get("choices") or [None]
            yield _label(
                {
                    **{key: data.get(key) for key in ("id", "article", "a", "b")},
                    "fields": data.get("fields") or [],
                    "choice": unblinded(chosen[0], swapped=bool(data.get("swapped")), where=at),
                    "editor": str(annotation.get("completed_by") or "unknown"),
                },
                common={},
                where=at,
            )


def unblinded(chosen: Any, *, swapped: bool, where: str) -> Choice:
    """What "1" and "2" were on the page."""
    meaning = {
        FIRST: Choice.B if swapped else Choice.A,
        SECOND: Choice.A if swapped else Choice.B,
        BOTH: Choice.BOTH,
        NEITHER: Choice.NEITHER,
    }
    if chosen not in meaning:
        raise InputError(field=f"{where}.choice", value=repr(chosen), allowed=", ".join(meaning))
    return meaning[chosen]


def label_to_json(label: Label) -> dict[str, Any]:
    return {
        "id": label.id,
        "article": label.article,
        "a": label.a,
        "b": label.b,
        "choice": label.choice.value,
        "editor": label.editor,
        "fields": list(label.fields),
    }


def settled(labels: Iterable[Label]) -> Settled:
    """One item a disagreement: what most of its editors chose, the last choice of each counting."""
    last = {(label.a, label.b, label.id, label.editor): label for label in labels}
    by_item: dict[tuple[str, str, str], list[Label]] = defaultdict(list)
    for label in last.values():
        by_item[label.a, label.b, label.id].append(label)
    items: dict[tuple[str, str], list[tuple[str, bool, bool]]] = defaultdict(list)
    undecided = 0
    for (a, b, _), mine in by_item.items():
        ranked = Counter(label.choice for label in mine).most_common()
        if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
            undecided += 1
            continue
        choice = ranked[0][0]
        right_a, right_b = choice in (Choice.A, Choice.BOTH), choice in (Choice.B, Choice.BOTH)
        items[a, b].append((mine[0].article, right_a, right_b))
        items[b, a].append((mine[0].article, right_b, right_a))
    return Settled(dict(items), len(last), undecided)


def task_data(found: Differences, item: Disagreement) -> dict[str, Any]:
    """What both the page and Label Studio keep of a disagreement to know it again."""
    return {
        "id": item.id,
        "article": item.text_hash,
        "article_id": item.article.id,
        "a": found.a,
        "b": found.b,
        "fields": list(item.fields),
        "swapped": item.swapped,
        "score": round(item.score, 4),
    }
