"""Other people's readers, in a folder of their own (``make`` puts them there: Makefile).

They cannot be installed beside the rest: the one's requirements pin an old numpy, though the parts
used here need none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

FOLDER = ROOT / ".venv" / "readers"
HERE = Path(__file__).parent


def run_reader(script: str, *arguments: Path) -> Any:
    """What ``script``, with those packages at hand, prints as JSON."""
    assert FOLDER.is_dir(), f"{FOLDER} is missing: run `make test`, or `make {FOLDER}` once"
    done = subprocess.run(
        [sys.executable, HERE / script, *arguments],
        env=os.environ | {"PYTHONPATH": str(FOLDER), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
