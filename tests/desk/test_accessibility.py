"""axe-core finds nothing wrong with any state of any page, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.desk.browser import DESKTOP, PHONE, tab, violations
from tests.desk.fakes import other_extractor
from tests.desk.harness import TOKEN, RunningDesk, desk
from tests.fakes import fake_extractor

TEXT = (
    "Smith told Reuters that Jones said it is safe.\n\nMiller wants a new bridge.\n\n"
    "Brown told him to wait.\n\n" + "\n\n".join(f"Speaker{n} said thing {n}." for n in range(9))
)


@pytest.fixture(scope="module")
def running_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    with desk(
        fake_extractor(),
        other_extractor(),
        tokens=(f"a:{TOKEN}",),
        experiments_log=str(tmp_path_factory.mktemp("log")),
    ) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Browser, running_desk: RunningDesk) -> Iterator[Page]:
    """Signed in."""
    with tab(browser) as opened:
        opened.page.goto(running_desk.url)
        opened.page.get_by_label("Token").fill(TOKEN)
        opened.page.get_by_role("button", name="Sign in").click()
        opened.page.wait_for_selector("#article-form")
        yield opened.page


def everywhere(page: Page, change: Callable[[], None] = lambda: None) -> list[str]:
    """What is wrong in both colour schemes and at both widths (neither depends on the other);
    ``change`` brings about the state where a width needs it."""
    found = []
    for scheme, size in (("light", DESKTOP), ("dark", PHONE)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        change()
        found += [f"{scheme} {size['width']}: {one}" for one in violations(page)]
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    return found


def read(page: Page, url: str, text: str, *, second: str = "none") -> None:
    page.goto(url)
    page.get_by_label("Article", exact=True).fill(text)
    page.locator("#second").select_option(second)
    page.get_by_role("button", name="Read the article").click()
    page.wait_for_url("**/readings/*")
    page.wait_for_selector("html.has-scripts")


def test_sign_in(browser: Browser, running_desk: RunningDesk) -> None:
    with tab(browser) as opened:
        opened.page.goto(running_desk.url)
        assert everywhere(opened.page) == []
        opened.page.get_by_label("Token").fill("wrong")
        opened.page.get_by_role("button", name="Sign in").click()
        opened.page.wait_for_selector("#told:visible")
        assert everywhere(opened.page) == []


def test_front_page_and_its_troubles(page: Page, running_desk: RunningDesk) -> None:
    page.goto(running_desk.url)
    assert everywhere(page) == []
    page.get_by_label("Article", exact=True).fill(" ")
    page.get_by_role("button", name="Read the article").click()
    page.wait_for_selector("#told:visible")
    page.locator("#progress, #token-field").evaluate_all("all => all.map(e => e.hidden = false)")
    assert everywhere(page) == []


def test_a_reading(page: Page, running_desk: RunningDesk) -> None:
    read(page, running_desk.url, TEXT)
    assert page.locator(".item").count() == 13
    assert everywhere(page) == []

    def used() -> None:
        page.locator("#filter-box").evaluate("e => e.open = true")
        page.locator(".menu").evaluate("e => e.open = true")
        page.locator(".again").evaluate("e => e.open = true")
        page.keyboard.press("j")

    page.locator("#editor").fill("Ann")
    page.get_by_role("button", name="Accept statement 1", exact=True).click()
    page.wait_for_selector(".given:text('accepted')")
    assert everywhere(page, used) == []
    page.locator("#act").select_option("attitude")
    assert everywhere(page) == []


def test_two_models(page: Page, running_desk: RunningDesk) -> None:
    read(page, running_desk.url, TEXT, second="other@2.0.0")
    assert page.locator(".differs").count() == 2
    page.locator(".twin").nth(1).locator(".said").first.click()
    assert everywhere(page) == []


def test_dialogs_and_the_correction_s_own_page(page: Page, running_desk: RunningDesk) -> None:
    read(page, running_desk.url, TEXT)
    page.locator("#show-keys").click()
    assert everywhere(page) == []
    page.keyboard.press("Escape")
    page.locator("[data-correct]").first.click()
    assert everywhere(page) == []
    page.keyboard.press("Escape")
    page.goto(f"{running_desk.url}{page.locator('[data-correct]').first.get_attribute('href')}")
    assert everywhere(page) == []


def test_pages_without_statements(page: Page, running_desk: RunningDesk) -> None:
    read(page, running_desk.url, "Nothing here.")
    assert everywhere(page) == []
    page.goto(f"{running_desk.url}/nowhere")
    assert everywhere(page) == []
