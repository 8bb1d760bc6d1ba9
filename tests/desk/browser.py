"""Debian's Chromium, driven by Playwright, and axe-core in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.conftest import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# No calls of the browser's own to anywhere.
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
DESKTOP = {"width": 1366, "height": 900}
PHONE = {"width": 390, "height": 844}

# A failure is what never comes, not what a busy machine is late with.
expect.set_options(timeout=60_000)


def needed(what: str, found: bool, how: str) -> None:
    """Skips where a tool cannot be had, with the reason; fails where CI should have it."""
    if found:
        return
    message = f"no {what}: {how}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser.  Stopped with its block: Playwright keeps an event loop in this thread."""
    chromium = shutil.which("chromium")
    needed("chromium", chromium is not None, "apt-get install chromium (make test does, as root)")
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page, and everything that it complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(60_000)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("dialog", self._asked)

    def _heard(self, message: Any) -> None:
        # A failed request of ours is told by the page itself.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@contextmanager
def tab(
    browser: Browser, *, phone: bool = False, dark: bool = False, scripts: bool = True
) -> Iterator[Tab]:
    """A tab in a window of its own; fails at the end if the page complained of anything."""
    context: BrowserContext = browser.new_context(
        viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        is_mobile=phone,
        has_touch=phone,
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    opened = Tab(context.new_page())
    yield opened
    context.close()
    assert opened.complaints == []


@cache
def _axe() -> str:
    needed("axe-core", AXE.exists(), "npm install (make test does)")
    return AXE.read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it stands, by its rules for WCAG 2.2 A and AA and
    its best practices."""
    page.evaluate(f"window.axe ?? (() => {{ {_axe()} }})()")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary'][:300]})"
        for one in found["violations"]
        for node in one["nodes"]
    ]
