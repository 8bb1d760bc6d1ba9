"""Takes the pictures of the desk in docs/images: the real model, a real server, a real browser.

``make screenshots`` runs it.  The article is the desk's own sample; the models are quotewire-base
and, for the comparison, quotewire-small.  Where that one is not installed, the second model is
quotewire-base with a higher bar for cues and wider quotes, called "strict" on the pictures.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from quotewire.desk.port import DeskPort
from quotewire.errors import ModelNotFoundError
from quotewire.extraction.extractor import Extractor
from quotewire.extraction.model_folder import find_model
from quotewire.serving.server import Server
from quotewire.serving.settings import Settings

IMAGES = Path(__file__).parent.parent / "docs" / "images"
DESKTOP, PHONE = {"width": 1366, "height": 900}, {"width": 390, "height": 844}
MAX_BYTES = 300_000
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


def second_model(folder: Path) -> Extractor:
    """quotewire-small, or quotewire-base choosier (a copy in ``folder``)."""
    try:
        return Extractor.load("quotewire-small")
    except ModelNotFoundError:
        print("no quotewire-small: compared with a stricter quotewire-base")
    copy = folder / "quotewire-strict"
    shutil.copytree(find_model("quotewire-base"), copy)
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    config["name"] = "strict"
    config["decoding"]["valid_threshold"] = [0.9, 0.5]
    config["decoding"]["role_bias"][1] = 1.0
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return Extractor.load(str(copy))


@contextmanager
def desk() -> Iterator[tuple[str, str]]:
    """The address of a desk whose server has both models and records verdicts, and the tag of its
    second model."""
    with TemporaryDirectory() as folder:
        settings = Settings(
            port=0,
            desk="127.0.0.1:0",
            models=("quotewire-base",),
            experiments_log=f"{folder}/log",
            grace_s=5.0,
        )
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()

        second = second_model(Path(folder))

        async def start() -> tuple[Server, DeskPort, int]:
            server = Server(settings)
            port = await server.start()
            await server.install([Extractor.load("quotewire-base"), second])
            page = DeskPort(settings, f"127.0.0.1:{port}")
            return server, page, await page.start()

        server, page, port = asyncio.run_coroutine_threadsafe(start(), loop).result()
        try:
            yield f"http://127.0.0.1:{port}", second.info.tag
        finally:
            for end in (page.drain(), server.drain()):
                asyncio.run_coroutine_threadsafe(end, loop).result()


def read_sample(page: Page, url: str, *, second: str = "none") -> None:
    page.set_default_timeout(300_000)  # of a busy machine
    page.goto(f"{url}/?sample")
    page.locator("#second").select_option(second)
    page.get_by_role("button", name="Read the article").click()
    page.wait_for_url("**/readings/*")
    page.wait_for_selector("html.has-scripts")


def take(page: Page, name: str) -> None:
    """One picture.  Fails where it is too large for the documentation."""
    page.wait_for_timeout(400)  # for what fades in
    data = page.screenshot(path=IMAGES / f"desk-{name}.png")
    print(f"docs/images/desk-{name}.png: {len(data):,} bytes")
    if len(data) > MAX_BYTES:
        sys.exit(f"desk-{name}.png: {len(data):,} bytes; allowed: {MAX_BYTES:,}")


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no chromium: apt-get install chromium")
    IMAGES.mkdir(parents=True, exist_ok=True)
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with desk() as (url, second), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for dark in (False, True):
            context = browser.new_context(
                viewport=DESKTOP,  # type: ignore[arg-type]
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
            )
            page = context.new_page()
            if not dark:
                page.goto(f"{url}/?sample")
                take(page, "front")
            read_sample(page, url)
            page.locator("#editor").fill("Ida")
            page.get_by_role("button", name="Accept statement 1", exact=True).click()
            page.locator(".given", has_text="accepted").wait_for()
            page.keyboard.press("j")
            page.locator("#editor").evaluate("e => e.blur()")
            page.evaluate("scrollTo(0, 0)")
            take(page, "dark" if dark else "desktop")
            if not dark:
                read_sample(page, url, second=second)
                take(page, "two-models")
                page.locator("section.statements").evaluate("e => e.scrollIntoView()")
                take(page, "differences")
            context.close()
        context = browser.new_context(
            viewport=PHONE,  # type: ignore[arg-type]
            device_scale_factor=2,
            is_mobile=True,
            has_touch=True,
            reduced_motion="reduce",
        )
        page = context.new_page()
        read_sample(page, url)
        page.locator(".qw-label").nth(1).tap()
        page.evaluate("scrollTo(0, 0)")
        take(page, "phone")
        page.keyboard.press("Escape")
        page.locator("section.statements").evaluate("e => e.scrollIntoView()")
        take(page, "phone-table")
        browser.close()


if __name__ == "__main__":
    main()
