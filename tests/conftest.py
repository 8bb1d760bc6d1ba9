"""What all tests share.  Tests import their helpers as ``from tests.fakes import …``."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# Nothing is timed here: a busy machine must not fail a test.
settings.register_profile("quotewire", deadline=None)
settings.load_profile("quotewire")

ROOT = Path(__file__).parent.parent


@pytest.fixture
def examples() -> Path:
    """The folder of example articles."""
    return ROOT / "examples"
