"""What all tests share.  Tests import their helpers as ``from tests.fakes import …``."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def examples() -> Path:
    """The folder of example articles."""
    return ROOT / "examples"
