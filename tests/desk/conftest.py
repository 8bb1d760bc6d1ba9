"""What the tests of the desk share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.desk.browser import launched


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A module's own, since no test with an event loop may run beside it."""
    with launched() as browser:
        yield browser
