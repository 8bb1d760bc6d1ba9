"""Build hook: carries ``models/<name>`` into the wheel as ``quotewire/_models/<name>``.

An editable install reads ``models/`` of the checkout itself and needs no copy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DEFAULT_MODEL = "quotewire-base"


class ModelsHook(BuildHookInterface):
    """Adds every model folder to a wheel; refuses to build a wheel without the default model."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        models = Path(self.root) / "models"
        folders = sorted(path for path in models.glob("*") if any(path.glob("*.safetensors")))
        if DEFAULT_MODEL not in {folder.name for folder in folders}:
            raise FileNotFoundError(
                f"no wheel without its default model: {models / DEFAULT_MODEL} holds no "
                "weights; train it (quotewire train) or get it with the repository"
            )
        for folder in folders:
            build_data["force_include"][str(folder)] = f"quotewire/_models/{folder.name}"
