"""What `make audit` makes of what pip-audit finds, and of nobody to ask."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.serving.harness import PATIENCE_S

# Stands where the script's Python stands: pip-audit's part is played, the rest is Python's own.
PLAYED = """#!/bin/sh
if [ "$2" != pip_audit ]; then exec {python} "$@"; fi
while [ "$1" != --output ]; do shift; done
{part}
"""
FOUND = {"id": "PYSEC-2099-1", "fix_versions": ["1.1"]}


def audit(folder: Path, part: str, **environment: str) -> subprocess.CompletedProcess[str]:
    python = folder / "python"
    python.write_text(PLAYED.format(python=sys.executable, part=part))
    python.chmod(0o755)
    return subprocess.run(
        [ROOT / "scripts" / "audit.sh"],
        env={"PATH": os.environ["PATH"], "PYTHON": str(python), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def report(folder: Path, *packages: dict[str, Any]) -> str:
    """The part of a pip-audit that finds this; it ends with 1 where there are weaknesses."""
    found = folder / "found.json"
    found.write_text(json.dumps({"dependencies": packages}))
    return f'cp {found} "$2"; exit {int(any(package.get("vulns") for package in packages))}'


def test_a_weakness_fails(tmp_path: Path) -> None:
    part = report(tmp_path, {"name": "leaky", "version": "1.0", "vulns": [FOUND]})
    result = audit(tmp_path, part)
    assert result.returncode == 1
    assert "leaky 1.0: PYSEC-2099-1 (fixed in: 1.1)" in result.stdout


def test_no_weakness_passes(tmp_path: Path) -> None:
    result = audit(tmp_path, report(tmp_path, {"name": "sound", "version": "1.0", "vulns": []}))
    assert result.returncode == 0
    assert result.stdout == "audit: 1 of 1 packages looked up, 0 known weaknesses\n"


@pytest.mark.parametrize(
    ("part", "seconds"),
    [("echo ConnectionError: no network >&2; exit 1", "60"), ("exec sleep 60", "0.1")],
)
def test_without_a_network_it_is_skipped_and_says_so(
    tmp_path: Path, part: str, seconds: str
) -> None:
    result = audit(tmp_path, part, AUDIT_SECONDS=seconds)
    assert result.returncode == 0
    assert result.stdout.startswith("audit skipped: no vulnerability service could be asked")
