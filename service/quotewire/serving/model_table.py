"""Which models a server is to have: ``models.toml``, or the names in the settings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quotewire.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ModelTable:
    """``sources`` are names or folders of models; ``aliases`` map words to ``name`` or
    ``name@version``; ``default`` is what requests without a model ask for, empty for the first
    source."""

    sources: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    default: str = ""


def read_model_table(path: Path | None, *, models: Sequence[str]) -> ModelTable:
    """The table in the file, or of ``models`` where there is none.  Raises ConfigError naming the
    key.

    A relative folder counts from the file's own; one that is not there is a model's name.
    """
    if path is None:
        return ModelTable(tuple(models))
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: no TOML: {error}") from None
    allowed = ("default", "models", "aliases")
    if unknown := content.keys() - set(allowed):
        raise ConfigError(f"{path}: unknown key {min(unknown)!r}; allowed: {', '.join(allowed)}")
    rows, aliases = content.get("models"), content.get("aliases", {})
    if not isinstance(rows, list) or not rows:
        raise ConfigError(f"{path}: models: allowed: one [[models]] table a model, at least one")
    sources = [_source(row, f"{path}: models[{at}]", path.parent) for at, row in enumerate(rows)]
    if len(set(sources)) < len(sources):
        raise ConfigError(f"{path}: models: two have the same folder; allowed: each once")
    if not isinstance(aliases, dict):
        raise ConfigError(f"{path}: aliases: got {aliases!r}; allowed: an [aliases] table")
    for alias, target in aliases.items():
        if not isinstance(target, str) or not target:
            raise ConfigError(
                f"{path}: aliases.{alias}: got {target!r}; allowed: name or name@version"
            )
        if not alias or "@" in alias or len(alias) > 64:
            raise ConfigError(
                f"{path}: aliases: got {alias!r}; allowed: 1 to 64 characters without @"
            )
    default = content.get("default", "")
    if not isinstance(default, str):
        raise ConfigError(f"{path}: default: got {default!r}; allowed: a name, version or alias")
    return ModelTable(tuple(sources), aliases, default)


def _source(row: Any, where: str, folder: Path) -> str:
    if not isinstance(row, dict) or row.keys() != {"folder"}:
        raise ConfigError(f"{where}: allowed: the key folder (a folder or a model's name)")
    source = row["folder"]
    if not isinstance(source, str) or not source:
        raise ConfigError(f"{where}.folder: got {source!r}; allowed: a folder or a model's name")
    return str(folder / source) if (folder / source).is_dir() else source
