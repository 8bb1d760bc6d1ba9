"""What a run's figures belong to: code, models, libraries, machine, articles."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scripts.bench.driver import ROOT

_PACKAGES = ("quotewire", "torch", "transformers", "tokenizers", "numpy", "grpcio", "spacy")
_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")


def signature() -> dict[str, Any]:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "commit": commit or "unknown",
        "python": platform.python_version(),
        "packages": {name: found for name in (*_PACKAGES, "textacy") if (found := _version(name))},
        **processor(),
        "cores": os.cpu_count(),
        "load_at_start": os.getloadavg()[0],
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor() -> dict[str, Any]:
    """Its name and those of its features that matter here."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {"processor": platform.processor() or platform.machine(), "features": []}
    facts = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    named = {key.strip(): value.strip() for key, value in facts.items()}
    flags = named.get("flags", "").split()
    return {
        "processor": named.get("model name", platform.machine()),
        "features": [flag for flag in _FLAGS if flag in flags],
    }
