"""The pages in a browser: an editor's choices come out as they were made, everywhere accessible."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from quotewire.experiments.assignment import text_hash
from quotewire.experiments.difference import Differences, by_text_hash, differences
from quotewire.experiments.labels import read_labels, settled
from quotewire.experiments.report import build_report
from quotewire.render.difference_page import difference_page
from quotewire.render.experiment_page import experiment_page
from quotewire.types import Article
from tests.desk.browser import AXE, DESKTOP, PHONE, launched
from tests.experiments.make import observation, statement, world

TEXT = "Ann Lee.. said now.. the bridge is safe. " * 8


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


def found() -> Differences:
    """Four articles in which base has one statement more."""
    texts, pairs = [], []
    for n in range(4):
        article = Article(id=f"a{n}", text=TEXT + "!" * n)
        texts.append(article)
        key = text_hash(article.text)
        pairs.append(
            tuple(
                observation(
                    variant,
                    key,
                    article_id=article.id,
                    length=len(article.text),
                    statements=statements,
                )
                for variant, statements in (
                    ("base", (statement(0), statement(100))),
                    ("small", (statement(0),)),
                )
            )
        )
    return differences(pairs, texts=by_text_hash(texts), a="base", b="small")  # type: ignore[arg-type]


def opened(browser: Browser, page_text: str, folder: Path, **options: object) -> Page:
    path = folder / "page.html"
    path.write_text(page_text, encoding="utf-8")
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(path.as_uri())
    return page


def test_an_editors_choices_come_back(browser: Browser, tmp_path: Path) -> None:
    result = found()
    page = opened(browser, difference_page(result, title="t"), tmp_path)
    expect(page.get_by_role("status")).to_have_text("0 of 4 done")
    page.get_by_label("You are").fill("Ed")
    # By keys: the reading that is base's, then what small says, then both; the fourth by mouse, and
    # taken back.
    page.locator(".card").first.focus()
    for item, wanted in zip(result.items[:2], ("a", "b"), strict=True):
        page.keyboard.press("2" if (wanted == "a") == item.swapped else "1")
    page.keyboard.press("b")
    last = page.locator(".card").last.get_by_role("button", name="neither")
    last.click()
    expect(page.get_by_role("status")).to_have_text("4 of 4 done")
    last.click()
    expect(page.get_by_role("status")).to_have_text("3 of 4 done")
    page.reload()  # nothing is lost
    expect(page.get_by_role("status")).to_have_text("3 of 4 done")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save labels").click()
    saved = tmp_path / "labels.json"
    download.value.save_as(saved)
    labels = read_labels([saved])
    assert [label.choice.value for label in labels] == ["a", "b", "both"]
    assert {label.editor for label in labels} == {"Ed"}
    assert [label.id for label in labels] == [item.id for item in result.items[:3]]
    assert sorted(settled(labels).items["base", "small"]) == sorted(
        (item.text_hash, *right)
        for item, right in zip(
            result.items, ((True, False), (False, True), (True, True)), strict=False
        )
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("which", ["report", "differences"])
def test_pages_are_accessible_and_fit(
    browser: Browser, tmp_path: Path, which: str, size: dict[str, int], scheme: str
) -> None:
    if which == "report":
        seen = world(150, intermediaries=1.5)
        report = build_report(seen, title="t", weights={"base": 1.0, "small": 1.0})
        text = experiment_page(report)
    else:
        text = difference_page(found(), title="t")
    page = opened(browser, text, tmp_path, viewport=size, color_scheme=scheme, bypass_csp=True)
    page.add_script_tag(path=AXE)
    problems = page.evaluate("async () => (await axe.run()).violations")
    told = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in problems]
    assert told == [], json.dumps(told, indent=1)
    # No sideways scrolling but inside tables.
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
