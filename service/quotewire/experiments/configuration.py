"""Reads ``experiments.toml`` (docs/experiments.md); every error names the key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from quotewire.errors import ConfigError
from quotewire.experiments.assignment import BUCKETS, Experiment, Override, Unit, Variant

_Value = TypeVar("_Value")

MAX_WEIGHT = 10_000
MAX_SALT_CHARACTERS = 256
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME_RANGE = "1 to 64 letters (a to z), digits, dots, hyphens and underscores"


def read_experiments(path: Path | None) -> tuple[Experiment, ...]:
    """The experiments of the file, in its order; none where there is no file.

    Raises ConfigError naming file, key, value and range.
    """
    if path is None:
        return ()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: no TOML: {error}") from None
    root = _Table(content, str(path), separator=": ")
    rows = root.tables("experiments", "one [[experiments]] table an experiment")
    root.end()
    experiments = tuple(_experiment(row) for row in rows)
    for what, values in (
        ("name", [experiment.name for experiment in experiments]),
        # With the same salt a unit has the same bucket: the first would take all units of the
        # second.
        ("salt", [experiment.salt for experiment in experiments]),
    ):
        if twice := {value for value in values if values.count(value) > 1}:
            raise ConfigError(
                f"{path}: experiments: two have the {what} {min(twice)!r}; allowed: each once"
            )
    return experiments


class _Table:
    """One TOML table: hands out its keys, then complains of those that nobody asked for."""

    def __init__(self, content: dict[str, Any], where: str, *, separator: str = ".") -> None:
        self._content = dict(content)
        self._known: list[str] = []
        self.where = where
        self._separator = separator

    def at(self, key: str) -> str:
        return f"{self.where}{self._separator}{key}"

    def take(
        self,
        key: str,
        allowed: str,
        read: Callable[[Any], _Value | None],
        *,
        default: _Value | None = None,
    ) -> _Value:
        """``read`` gives None for a value that is not allowed; without ``default`` the key is
        required."""
        self._known.append(key)
        value = self._content.pop(key, None)
        if value is None and default is not None:
            return default
        result = None if value is None else read(value)
        if result is None:
            got = "nothing" if value is None else repr(value)
            raise ConfigError(f"{self.at(key)}: got {got}; allowed: {allowed}")
        return result

    def optional(
        self, key: str, allowed: str, read: Callable[[Any], _Value | None]
    ) -> _Value | None:
        if key in self._content:
            return self.take(key, allowed, read)
        self._known.append(key)
        return None

    def tables(self, key: str, allowed: str, *, least: int = 1) -> list[_Table]:
        rows: list[Any] = self.take(key, allowed, _list_of(dict), default=None if least else [])
        if len(rows) < least:
            raise ConfigError(f"{self.at(key)}: got {len(rows)}; allowed: {allowed}, at least one")
        return [_Table(row, f"{self.at(key)}[{index}]") for index, row in enumerate(rows)]

    def end(self) -> None:
        if self._content:
            raise ConfigError(
                f"{self.where}: unknown key {min(self._content)!r}; "
                f"allowed: {', '.join(self._known)}"
            )


def _experiment(row: _Table) -> Experiment:
    name = row.take("name", _NAME_RANGE, _name)
    coverage = row.take(
        "coverage", "a multiple of 0.0001 in [0, 1] (a share of all units)", _buckets
    )
    experiment = Experiment(
        name=name,
        salt=row.take(
            "salt", f"1 to {MAX_SALT_CHARACTERS} characters without a colon", _salt, default=name
        ),
        unit=row.take("unit", ", ".join(Unit), _unit, default=Unit.ARTICLE),
        covered=coverage,
        requests=frozenset(
            row.take(
                "requests",
                'a list of names, versions or aliases of models; "" for requests without one',
                _list_of(str),
                default=[""],
            )
        ),
        start=row.optional("start", "a date and time with its zone (2026-11-22T08:00:00Z)", _time),
        end=row.optional("end", "a date and time with its zone (2026-11-22T08:00:00Z)", _time),
        log_text=row.take("log_text", "true or false", _flag, default=False),
        variants=[_variant(one) for one in row.tables("variants", "[[experiments.variants]]")],
        overrides=[
            _override(one) for one in row.tables("overrides", "[[experiments.overrides]]", least=0)
        ],
    )
    row.end()
    _check(experiment, row)
    return experiment


def _check(experiment: Experiment, row: _Table) -> None:
    names = [variant.name for variant in experiment.variants]
    if len(set(names)) < len(names):
        raise ConfigError(f"{row.at('variants')}: two have the same name; allowed: each once")
    if not any(variant.weight for variant in experiment.served):
        raise ConfigError(
            f"{row.at('variants')}: none is served; allowed: at least one with a weight, and "
            "without shadow = true"
        )
    for index, override in enumerate(experiment.overrides):
        served = [variant.name for variant in experiment.served]
        if override.variant not in served:
            raise ConfigError(
                f"{row.at(f'overrides[{index}].variant')}: got {override.variant!r}; allowed: one "
                f"of {', '.join(served)}"
            )
    if experiment.start and experiment.end and experiment.end <= experiment.start:
        raise ConfigError(f"{row.at('end')}: got {experiment.end}; allowed: after the start")


def _variant(row: _Table) -> Variant:
    shadow = row.take("shadow", "true or false", _flag, default=False)
    weight = row.optional("weight", f"a whole number, 0 to {MAX_WEIGHT}", _weight)
    if shadow and weight is not None:
        raise ConfigError(f"{row.at('weight')}: got {weight} for a shadow; allowed: none for it")
    options = row.optional("options", "a table with the key min_confidence", _dict)
    inner = _Table(options or {}, row.at("options"))
    variant = Variant(
        name=row.take("name", _NAME_RANGE, _name),
        model=row.take("model", "a name, version or alias of a model", _string),
        weight=0 if shadow else 1 if weight is None else weight,
        shadow=shadow,
        min_confidence=inner.optional("min_confidence", "a number in [0, 1]", _probability),
    )
    inner.end()
    row.end()
    return variant


def _override(row: _Table) -> Override:
    allowed = "a list of strings, none of them empty"
    lists: dict[str, frozenset[str]] = {
        key: frozenset(row.optional(key, allowed, _strings) or ())
        for key in ("articles", "publishers", "callers")
    }
    override = Override(variant=row.take("variant", "a variant's name", _string), **lists)
    row.end()
    if not any(lists.values()):
        raise ConfigError(f"{row.where}: allowed: at least one of {', '.join(lists)}")
    return override


# Readers: the value, or None where it is not allowed.


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def _salt(value: Any) -> str | None:
    good = isinstance(value, str) and 1 <= len(value) <= MAX_SALT_CHARACTERS
    # With colons in salts, two pairs of salt and unit could read the same.
    return value if good and ":" not in value else None


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _strings(value: Any) -> list[str] | None:
    values = _list_of(str)(value)
    return values if values and all(values) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _dict(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _list_of(kind: type) -> Callable[[Any], list[Any] | None]:
    def read(value: Any) -> list[Any] | None:
        good = isinstance(value, list) and all(isinstance(one, kind) for one in value)
        return value if good else None

    return read


def _unit(value: Any) -> Unit | None:
    return Unit(value) if value in tuple(Unit) else None


def _weight(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_WEIGHT else None


def _probability(value: Any) -> float | None:
    return value if type(value) in (int, float) and 0 <= value <= 1 else None


def _buckets(value: Any) -> int | None:
    if type(value) not in (int, float) or not 0 <= value <= 1:
        return None
    buckets = round(value * BUCKETS)
    return buckets if abs(value * BUCKETS - buckets) < 1e-6 else None


def _time(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) and value.tzinfo is not None else None


def selectors(experiments: Sequence[Experiment]) -> list[tuple[str, str]]:
    """Every model that the experiments name, as (where, selector), for whoever knows the models."""
    return [
        (f"experiment {experiment.name!r}, variant {variant.name!r}", variant.model)
        for experiment in experiments
        for variant in experiment.variants
    ]
