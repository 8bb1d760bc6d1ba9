"""What `quotewire experiments` and `quotewire compare` read: logs, weights, articles, labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quotewire.cli.common import UserError

if TYPE_CHECKING:
    from quotewire.evaluation.rows import GoldArticle
    from quotewire.experiments.assignment import Experiment
    from quotewire.experiments.observations import LeftOut, Observation
    from quotewire.experiments.records import Exposure
    from quotewire.types import Article

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Log:
    """The rows of one experiment, and what may be compared of them."""

    rows: list[Exposure]
    seen: list[Observation]
    left_out: LeftOut


def read_log(
    log: str,
    *,
    experiment: str | None,
    salt: str | None,
    feedback: str | None = None,
    same: Iterable[str] = (),
    config: Path | None = None,
) -> Log:
    """One experiment of a log; ``same`` are words SHADOW=VARIANT, ``config`` tells these, too."""
    from quotewire.experiments.logs import read_exposures, read_feedback
    from quotewire.experiments.observations import observations, one_experiment, renamed

    if "://" not in log and not Path(log).exists():
        raise UserError(f"{log}: no such file or folder")
    rows = one_experiment(list(read_exposures(log)), name=experiment, salt=salt)
    names = {row.variant for row in rows}
    twins = {} if config is None else _twins_of(configured(config, rows[0].experiment))
    for word in same:
        shadow, equals, variant = word.partition("=")
        if not (equals and variant and shadow in names):
            known = ", ".join(sorted(names))
            raise UserError(f"--same {word}: allowed: SHADOW=VARIANT, with a shadow of {known}")
        twins[shadow] = variant
    rows = renamed(rows, twins)
    where = feedback or (log if "://" in log or Path(log).is_dir() else None)
    seen, left_out = observations(rows, read_feedback(where) if where else ())
    return Log(rows, seen, left_out)


def configured(config: Path, name: str) -> Experiment:
    from quotewire.experiments.configuration import read_experiments

    known = {one.name: one for one in read_experiments(config)}
    if name not in known:
        raise UserError(f"--experiments {config}: has no experiment {name!r}")
    return known[name]


def _twins_of(experiment: Experiment) -> dict[str, str]:
    """Shadows that are the same model with the same options as a variant that serves."""
    return {
        shadow.name: variant.name
        for shadow in experiment.shadows
        for variant in experiment.served
        if (shadow.model, shadow.min_confidence) == (variant.model, variant.min_confidence)
    }


def read_weights(config: Path | None, words: str | None, *, name: str) -> dict[str, float] | None:
    if config is not None and words is not None:
        raise UserError("give --experiments or --weights, not both")
    if config is not None:
        served = configured(config, name).served
        return {one.name: float(one.weight) for one in served if one.weight}
    if words is None:
        return None
    try:
        parts = [part.split("=") for part in words.split(",")]
        weights = {variant.strip(): float(weight) for variant, weight in parts}
    except ValueError:
        weights = {}
    if not weights or not all(0 < weight < float("inf") for weight in weights.values()):
        raise UserError(f"--weights {words}: allowed: VARIANT=NUMBER,…; numbers above 0")
    return weights


def choices_of(
    files: Iterable[Path],
) -> Mapping[tuple[str, str], list[tuple[str, bool, bool]]]:
    from quotewire.experiments.labels import read_labels, settled

    return {pair: list(items) for pair, items in settled(read_labels(files)).items.items()}


def two_variants(seen: list[Observation], *, a: str | None, b: str | None) -> tuple[str, str]:
    counts: dict[str, int] = {}
    for one in seen:
        counts[one.variant] = counts.get(one.variant, 0) + 1
    names = sorted(counts, key=lambda name: (-counts[name], name))
    a = a or next((name for name in names if name != b), None)
    if b is None and a is not None:
        rest = [name for name in names if name != a]
        b = rest[0] if len(rest) == 1 else None
    for flag, value in (("--a", a), ("--b", b)):
        if value not in counts:
            raise UserError(f"{flag}: got {value or 'nothing'}; allowed: {', '.join(names)}")
    if a is None or b is None or a == b:
        raise UserError(f"--a and --b: got {a} and {b}; allowed: two of {', '.join(names)}")
    return a, b


def logged_texts(rows: Iterable[Exposure]) -> Iterable[Article]:
    from quotewire.types import Article

    for row in rows:
        if row.text is not None:
            yield Article(id=row.article_id, text=row.text, publisher=row.publisher)


def read_articles(files: Iterable[Path]) -> Iterable[Article]:
    """The articles of these files; raises InputError for a line that is none."""
    from quotewire.errors import InputError
    from quotewire.evaluation.jsonl import read_json_lines
    from quotewire.lines import article_from_line

    for file in files:
        for where, line in read_json_lines(file):
            try:
                yield article_from_line(line)
            except InputError as error:
                raise UserError(f"{where}: {error}") from error


def gold_articles(files: Iterable[Path], *, layer: Path | None) -> list[GoldArticle]:
    """The labelled articles of these files, each id once."""
    from quotewire.evaluation.gold import read_gold

    gold = [article for file in files for article in read_gold(file, layer=layer)]
    twice = {one.id for one in gold if sum(other.id == one.id for other in gold) > 1}
    if twice:
        raise UserError(f"article {min(twice)!r} stands in the labelled files twice")
    return gold
