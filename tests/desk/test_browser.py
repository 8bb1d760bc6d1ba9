"""The desk in a real browser: text and table as one, keys, phone, feedback, hostile text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.desk.browser import Tab, tab
from tests.desk.fakes import other_extractor
from tests.desk.harness import TOKEN, RunningDesk, desk
from tests.fakes import fake_extractor
from tests.serving.harness import PATIENCE_S, STORY, GatedModel, until

NESTED = "Smith said that Jones said it is safe.\n\nBrown told Reuters that Miller wants rain."


@pytest.fixture(scope="module")
def running_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """A desk with two models that see things differently, whose server takes feedback."""
    log = tmp_path_factory.mktemp("log")
    with desk(
        fake_extractor(), other_extractor(), experiments_log=str(log), desk_max_text_bytes=4000
    ) as running:
        running.log = log  # type: ignore[attr-defined]
        yield running


@pytest.fixture
def window(browser: Browser) -> Iterator[Tab]:
    with tab(browser) as opened:
        yield opened


def read(page: Page, running: RunningDesk, text: str, **choices: str) -> None:
    """Has an article read as a visitor would."""
    page.goto(running.url)
    page.get_by_label("Article", exact=True).fill(text)
    for name, value in choices.items():
        page.locator(f"#{name}").select_option(value)
    page.get_by_role("button", name="Read the article").click()
    page.wait_for_url("**/readings/*")
    page.wait_for_selector("html.has-scripts")


def selected(page: Page) -> list[str]:
    """The statements that are marked: numbers of the table's rows."""
    return page.locator(".item.is-selected .qw-number").all_text_contents()


def test_an_article_is_pasted_read_and_drawn(window: Tab, running_desk: RunningDesk) -> None:
    page = window.page
    read(page, running_desk, STORY)
    assert page.locator(".qw-text").evaluate("e => e.textContent") == STORY
    assert page.locator(".item").count() == 3
    assert page.locator(".qw-text .qw-quote").first.text_content() == "that the bridge 🌉 is safe"
    # Two speakers, two colours; the cue is underlined.
    colours = page.locator(".item .qw-number").evaluate_all(
        "all => all.map(e => getComputedStyle(e).backgroundColor)"
    )
    assert len(set(colours)) == 3
    cue = page.locator(".qw-text .qw-cue").first
    assert cue.text_content() == "told"
    assert cue.evaluate("e => getComputedStyle(e).borderBottomStyle") == "double"
    label = page.locator(".qw-label").first
    drawn = label.evaluate("e => getComputedStyle(e, '::before').content")
    assert all(word in drawn for word in ("Smith", " via ", "Reuters"))


def test_nested_statements_stand_inside_their_outer_one(
    window: Tab, running_desk: RunningDesk
) -> None:
    page = window.page
    read(page, running_desk, NESTED)
    assert page.locator(".qw-quote .qw-quote").all_text_contents() == ["it is safe", "rain"]
    assert "in 1:" in (page.locator(".item").nth(1).text_content() or "")
    assert page.locator(".qw-text").evaluate("e => e.textContent") == NESTED


def test_hover_and_focus_show_confidence_and_resolution(
    window: Tab, running_desk: RunningDesk
) -> None:
    page = window.page
    read(page, running_desk, STORY)
    shown = "(e, part) => getComputedStyle(e, part).content"
    quote = page.locator(".qw-quote").first
    assert quote.evaluate(shown, "::after") == "none"
    quote.hover()
    for words in ("Smith", "via Reuters (outlet)", "indirect", "confidence 0."):
        drawn = quote.evaluate(shown, "::after")
        assert words in re.sub("[\u2066-\u2069]", "", drawn)
    # What lies under the pointer is marked in the table, too.
    expect(page.locator(".item.is-near .qw-number")).to_have_text("1")
    label = page.locator(".qw-label").nth(1)
    label.focus()
    assert "Jones" in label.evaluate(shown, "::after")
    assert (label.get_attribute("aria-label") or "").startswith("Statement 2: Jones, ")


def test_text_and_table_select_each_other(window: Tab, running_desk: RunningDesk) -> None:
    page = window.page
    read(page, running_desk, NESTED)
    page.locator(".item").nth(2).locator(".said").click()
    assert selected(page) == ["3"]
    marks = page.locator(".qw-text .is-selected")
    assert "Reuters" in marks.all_text_contents()
    # The innermost statement under the pointer is the one that is meant.
    page.locator(".qw-quote .qw-quote").first.click()
    assert selected(page) == ["2"]
    page.keyboard.press("Escape")
    assert selected(page) == []
    assert marks.count() == 0


def test_keys_walk_through_everything(window: Tab, running_desk: RunningDesk) -> None:
    page = window.page
    read(page, running_desk, STORY)
    where = "document.activeElement.className || document.activeElement.id"
    for key, numbers in (("j", ["1"]), ("j", ["2"]), ("j", ["3"]), ("j", ["1"]), ("k", ["3"])):
        page.keyboard.press(key)
        assert selected(page) == numbers
        assert page.evaluate(where) == "qw-label"
    page.keyboard.press("t")
    assert page.evaluate(where) == "qw-number"
    page.keyboard.press("k")
    assert (selected(page), page.evaluate(where)) == (["2"], "qw-number")
    page.keyboard.press("t")
    assert page.evaluate(where) == "qw-label"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "min"
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("j")
    assert selected(page) == ["2"], "keys rest while a dialog is open"
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    # Keys are never taken from somebody who writes, and can be turned off.
    page.locator("#editor").focus()
    page.keyboard.type("jj")
    assert page.locator("#editor").input_value() == "jj"
    page.keyboard.press("Escape")
    page.locator("#editor").fill("")
    page.locator("#show-keys").click()
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("j")
    assert selected(page) == ["2"]
    page.reload()
    page.wait_for_selector("html.has-scripts")
    page.keyboard.press("j")
    assert selected(page) == [], "and stay off in this browser"


def test_everything_can_be_reached_with_the_tabulator(
    window: Tab, running_desk: RunningDesk
) -> None:
    page = window.page
    read(page, running_desk, STORY)
    seen: list[str] = []
    while len(seen) < 2 or seen[-1] != seen[0]:  # once around
        page.keyboard.press("Tab")
        seen.append(page.evaluate("(e => `${e.id} ${e.className}`)(document.activeElement)"))
    for stop in ("show-keys", "new", "min", "act", "kind", "speaker", "via", "clear", "editor"):
        assert any(one.startswith(f"{stop} ") for one in seen), (stop, seen)
    assert sum("qw-label" in one for one in seen) == 3
    assert sum("qw-number" in one for one in seen) == 3


def test_filters_hide_in_text_and_table(window: Tab, running_desk: RunningDesk) -> None:
    page = window.page
    read(page, running_desk, STORY + "\nMiller wants a new bridge.")
    rows, off = page.locator(".item:visible"), page.locator(".qw-quote.qw-off")
    assert (rows.count(), off.count()) == (4, 0)
    page.locator("#act").select_option("attitude")
    assert (rows.count(), off.count()) == (1, 3)
    expect(page.locator("#shown")).to_have_text("1 of 4 shown")
    assert rows.locator(".qw-name").all_text_contents() == ["Miller"]
    page.locator("#clear").click()
    assert (rows.count(), off.count()) == (4, 0)
    page.locator("#via").check()
    assert rows.locator(".qw-name").all_text_contents() == ["Smith"]
    page.locator("#via").uncheck()
    page.locator("#speaker").select_option("Jones")
    assert rows.count() == 1
    page.locator("#speaker").select_option("")
    page.locator("#min").fill("1")
    assert (rows.count(), page.locator("#min-shown").text_content()) == (0, "1.00")
    page.keyboard.press("j")
    assert selected(page) == []


def test_two_models_differ_and_it_is_marked(window: Tab, running_desk: RunningDesk) -> None:
    page = window.page
    read(page, running_desk, STORY, model="fake@1.0.0", second="other@2.0.0")
    first, second = page.locator(".qw-text").all()
    assert first.evaluate("e => e.textContent") == second.evaluate("e => e.textContent") == STORY
    assert "differ on 2 of 3 statements" in (page.locator(".head").text_content() or "")
    assert page.locator(".twin .differs").all_text_contents() == [
        "only in fake@1.0.0",
        "differs: speaker",
    ]
    assert first.locator(".qw-noted.qw-quote").count() == 2
    assert second.locator(".qw-noted.qw-quote").count() == 1
    frame = first.locator(".qw-noted.qw-quote").first
    assert frame.evaluate("e => getComputedStyle(e).outlineStyle") == "dotted"
    # One selection marks both models' versions.
    page.locator(".twin").nth(2).locator(".said").first.click()
    assert first.locator(".qw-quote.is-selected").count() == 1
    assert second.locator(".qw-quote.is-selected").count() == 1
    page.locator("#speaker").select_option("Jones")
    assert page.locator(".twin:visible").count() == 1, "both versions stay together"


def verdicts_in(running: RunningDesk) -> list[dict[str, object]]:
    file: Path = running.log / "feedback.jsonl"  # type: ignore[attr-defined]
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


def test_verdicts_land_in_the_feedback_log(window: Tab, running_desk: RunningDesk) -> None:
    page = window.page
    before = len(verdicts_in(running_desk))
    read(page, running_desk, STORY)
    page.get_by_label("Your name, for your verdicts").fill("Ann")
    page.get_by_role("button", name="Accept statement 1").click()
    expect(page.locator(".item").nth(0).locator(".given")).to_have_text("accepted")
    assert selected(page) == ["1"], "whoever judges a statement has it in hand"
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator(".item").nth(1).locator(".given")).to_have_text("rejected")
    page.keyboard.press("j")
    page.keyboard.press("c")
    dialog = page.locator("#correct")
    expect(dialog.locator("blockquote")).to_have_text("to wait")
    page.get_by_label("Speaker’s name").fill("Bo Brown")
    page.get_by_label("Speaker is a").select_option("person")
    page.get_by_role("button", name="Record the correction").click()
    expect(page.locator(".item").nth(2).locator(".given")).to_have_text("corrected")
    rows = verdicts_in(running_desk)[before:]
    ids = page.locator(".item").evaluate_all("all => all.map(e => e.dataset.ids)")
    assert [row["statement_id"] for row in rows] == ids
    assert [row["verdict"] for row in rows] == ["accepted", "rejected", "corrected"]
    assert {row["editor"] for row in rows} == {"Ann"}
    assert rows[2]["corrected"]["speaker.name"] == "Bo Brown"  # type: ignore[index]
    # Who thinks again has thought again, and the page remembers.
    for name in ("Reject", "Accept"):
        page.get_by_role("button", name=f"{name} statement 1").click()
        expect(page.locator(".item").nth(0).locator(".given")).to_have_text(f"{name.lower()}ed")
    assert [row["verdict"] for row in verdicts_in(running_desk)[before + 3 :]] == [
        "rejected",
        "accepted",
    ]
    page.reload()
    expect(page.locator(".item").nth(0).locator(".given")).to_have_text("accepted")
    assert page.locator("#editor").input_value() == "Ann"
    page.get_by_role("link", name="Correct statement 3").click()
    page.get_by_role("button", name="Record the correction").click()
    expect(page.locator("#told")).to_contain_text("what the statement says already")


def test_verdicts_without_scripts(browser: Browser, running_desk: RunningDesk) -> None:
    before = len(verdicts_in(running_desk))
    with tab(browser, scripts=False) as opened:
        page = opened.page
        page.goto(running_desk.url)
        page.get_by_label("Article", exact=True).fill(STORY)
        page.get_by_role("button", name="Read the article").click()
        page.get_by_label("Your name, for your verdicts").fill("Bea")
        page.get_by_role("button", name="Reject statement 2").click()
        expect(page.locator(".item").nth(1).locator(".given")).to_have_text("rejected")
        page.get_by_role("link", name="Correct statement 1").click()
        page.get_by_label("Your name").fill("Bea")
        page.get_by_label("Quote is").select_option("direct")
        page.get_by_role("button", name="Record the correction").click()
        expect(page.locator(".item").nth(0).locator(".given")).to_have_text("corrected")
    rows = verdicts_in(running_desk)[before:]
    assert [row["verdict"] for row in rows] == ["rejected", "corrected"]
    assert rows[1]["corrected"] == {"quote.kind": "direct"}


def test_where_no_feedback_is_taken_there_are_no_buttons(browser: Browser) -> None:
    with desk(fake_extractor()) as running, tab(browser) as opened:
        read(opened.page, running, STORY)
        assert opened.page.locator(".item").count() == 3
        assert opened.page.locator(".judge, #editor").count() == 0
        opened.page.keyboard.press("j")
        opened.page.keyboard.press("a")
        assert selected(opened.page) == ["1"]


HOSTILE = "\n".join(
    (
        "<script>window.pwned=1</script> said <img src=x onerror=window.pwned=2> is here.",
        "\"'><svg/onload=window.pwned=3> told Reuters</div></main><h1>Pwned</h1> so.",
        "{{7*7}}{%raw%}${7*7}<%=7*7%> said {{ form_token }} and #{7*7}.",
        "</textarea><script>window.pwned=4</script>\u202esaid \u202egnihton \u2066\u2067 here.",
        "javascript:window.pwned=5 said &lt;script&gt; &#x3c;b&#x3e; \x00\x08\x1b[31m \ufeff end.",
        "Ann\u202e\u202e told \u202eBBC\u202e \u061c that \u200f it ended.",
    )
)


@pytest.mark.parametrize(
    ("scripts", "second"), [(True, "other@2.0.0"), (False, "other@2.0.0"), (True, "none")]
)
def test_hostile_text_is_inert(
    browser: Browser, running_desk: RunningDesk, scripts: bool, second: str
) -> None:
    """In the table of one model's statements and in that of two."""
    with tab(browser, scripts=scripts) as opened:
        page = opened.page
        page.goto(running_desk.url)
        page.get_by_label("Article", exact=True).fill(HOSTILE)
        for name in ("Headline", "Publisher"):
            page.get_by_label(name).fill("</title><script>window.pwned=6</script>{{7*7}}\u202e")
        page.locator("#second").select_option(second)
        page.get_by_role("button", name="Read the article").click()
        page.wait_for_url("**/readings/*")
        assert page.locator(".item").count() >= 5
        if scripts:
            page.wait_for_selector("html.has-scripts")
            page.keyboard.press("j")
            page.locator(".item .said").first.click()
            page.locator("[data-correct]").first.click()
            page.keyboard.press("Escape")
        assert page.evaluate("window.pwned") is None
        assert page.evaluate("document.scripts.length") == 1
        assert page.locator("img, iframe, object, embed, svg, main h1:nth-of-type(2)").count() == 0
        assert "49" not in page.title()
        for text in page.locator(".qw-text").all():
            drawn = text.evaluate("e => e.textContent")
            assert "<script>window.pwned=1</script>" in drawn
            assert "{{7*7}}{%raw%}${7*7}<%=7*7%>" in drawn
            # What could turn the page around is no more; everything else stands in its place.
            assert not set(drawn) & set("\u202e\u2066\u2067\x08\x1b")
            assert len(drawn) == len(HOSTILE)
        shown = page.locator("main").inner_text()
        assert "\u202e" not in shown.replace(HOSTILE, "")
        again = page.locator("#text").input_value()
        assert "</textarea><script>window.pwned=4</script>" in again


def test_a_phone_shows_everything_in_one_column(
    browser: Browser, running_desk: RunningDesk
) -> None:
    long_name = "Bartholomew-Featherstonehaugh-Cholmondeley-Smythe"
    with tab(browser, phone=True) as opened:
        page = opened.page
        read(page, running_desk, f"{long_name} told Reuters that it is safe.")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        label = page.locator(".qw-label").first
        assert label.evaluate("e => e.getClientRects().length") == 1, "in one piece"
        read(page, running_desk, STORY)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, "nothing sticks out"
        text, table = page.locator("section.text"), page.locator("section.statements")
        text_box, table_box = text.bounding_box(), table.bounding_box()
        assert text_box is not None and table_box is not None
        assert text_box["y"] + text_box["height"] <= table_box["y"]
        # Filters are folded away until they are asked for.
        assert not page.locator("#act").is_visible()
        page.get_by_text("Filters", exact=True).tap()
        assert page.locator("#act").is_visible()
        page.locator(".qw-label").first.tap()
        assert selected(page) == ["1"]
        # The card goes when the statement is let go, though a finger's hover stays.
        card = """e => [e, e.querySelector('.qw-label')].map(
            part => getComputedStyle(part, '::after').content)"""
        assert any("Smith" in shown for shown in page.locator(".qw-quote").first.evaluate(card))
        page.keyboard.press("Escape")
        assert page.locator(".qw-quote").first.evaluate(card) == ["none", "none"]
        # The second tap on a label leads to its row.
        page.locator(".qw-label").first.tap()
        page.locator(".qw-label").first.tap()
        expect(page.locator(".item .qw-number").first).to_be_focused()
        for button in page.locator(".judge button").all()[:2]:
            box = button.bounding_box()
            assert box is not None and box["height"] >= 24, "WCAG 2.5.8"


def test_a_file_is_loaded_and_dropped(
    window: Tab, running_desk: RunningDesk, tmp_path: Path
) -> None:
    page = window.page
    page.goto(running_desk.url)
    page.wait_for_selector("html.has-scripts")
    good, foreign, long = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "c.txt"
    good.write_text("Smith said so.", encoding="utf-8")
    foreign.write_bytes(b"caf\xe9")
    long.write_text("x" * 4001, encoding="utf-8")
    page.locator("#file").set_input_files(good)
    expect(page.locator("#text")).to_have_value("Smith said so.")
    page.locator("#file").set_input_files(foreign)
    expect(page.locator("#told")).to_contain_text("b.txt cannot be used: it is no plain text in")
    page.locator("#file").set_input_files(long)
    expect(page.locator("#told")).to_contain_text("4,001 bytes long; allowed: at most 4,000")
    expect(page.locator("#text")).to_have_value("Smith said so.")
    page.locator("#text").fill("é" * 2001)
    page.get_by_role("button", name="Read the article").click()
    expect(page.locator("#told")).to_contain_text("4,002 bytes long; allowed: at most 4,000")


def test_progress_is_shown_and_can_be_stopped(browser: Browser) -> None:
    model = GatedModel(is_open=True)
    with desk(fake_extractor(model=model)) as running, tab(browser) as opened:
        page = opened.page
        page.goto(running.url)
        page.get_by_label("Article", exact=True).fill(STORY)
        model.close_gate()
        page.get_by_role("button", name="Read the article").click()
        expect(page.locator("#progress")).to_be_visible()
        expect(page.locator("#progress-words")).to_contain_text(f"Reading {len(STORY)} characters")
        running.server.until_calls(1)
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#progress")).to_be_hidden()
        running.server.until_calls(0)
        model.gate.set()
        expect(page.locator("#text")).to_have_value(STORY)
        page.get_by_role("button", name="Read the article").click()
        page.wait_for_url("**/readings/*")


def test_a_desk_that_has_gone_is_said_and_the_text_stays(browser: Browser) -> None:
    with desk(fake_extractor()) as running, tab(browser) as opened:
        page = opened.page
        page.goto(running.url)
        page.get_by_label("Article", exact=True).fill(STORY)
        running.begin_drain().result(PATIENCE_S)
        page.get_by_role("button", name="Read the article").click()
        expect(page.locator("#told")).to_contain_text("The desk does not answer.")
        expect(page.locator("#text")).to_have_value(STORY)


def test_a_busy_server_is_said_on_the_page(browser: Browser) -> None:
    model = GatedModel(is_open=True)
    with (
        desk(fake_extractor(model=model), max_queue_tokens=1) as running,
        tab(browser) as first,
        tab(browser) as second,
        tab(browser) as third,
    ):
        model.close_gate()
        for at, opened in enumerate((first, second, third)):
            opened.page.goto(running.url)
            opened.page.get_by_label("Article", exact=True).fill(STORY)
            opened.page.get_by_role("button", name="Read the article").click()
            if at == 0:
                assert model.entered.wait(PATIENCE_S)
            elif at == 1:
                until(lambda: running.server.server.models.select("").queued_tokens > 0)
        expect(third.page.locator("#told")).to_contain_text("The server is busy. Try again in")
        expect(third.page.locator("#text")).to_have_value(STORY)
        model.gate.set()
        second.page.wait_for_url("**/readings/*")


def test_signing_in_and_an_expired_token(browser: Browser, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="utf-8")
    clients = tmp_path / "clients.toml"
    clients.write_text('[[clients]]\nname = "a"\ntoken_file = "token"\n', encoding="utf-8")
    with desk(fake_extractor(), clients_file=clients) as running, tab(browser) as opened:
        page = opened.page
        page.goto(running.url)
        page.get_by_label("Token").fill("wrong-token-0123456789")
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("#told")).to_contain_text("does not know this token")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Article", exact=True).fill(STORY)
        assert page.evaluate("document.cookie") == ""
        token.write_text("another-token-0123456789", encoding="utf-8")
        running.server.server.configuration.read_clients()
        page.get_by_role("button", name="Read the article").click()
        expect(page.locator("#told")).to_contain_text("Enter a valid one.")
        page.get_by_label("Token").fill("another-token-0123456789")
        page.get_by_role("button", name="Read the article").click()
        page.wait_for_url("**/readings/*")
        assert page.locator(".item").count() == 3
