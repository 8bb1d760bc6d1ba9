"""The drawing shows every statement in its place; nothing of the article's drives the page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from quotewire.errors import InputError
from quotewire.render.drawing import COLOURS, css, draw
from quotewire.render.notebook import notebook_html
from quotewire.render.page import html_page
from quotewire.types import Article, Extraction, Quote, QuoteKind, Span, Statement
from tests.render.make import ARTICLE, EXTRACTION, STATEMENTS, TEXT, answers

VOID = {"meta", "br", "input", "link"}


class Page(HTMLParser):
    """Elements as they nest, with where in the text each begins and ends."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""  # of the element of class qw-text
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.covers: dict[int, set[int]] = {}  # statement number -> offsets drawn as its quote
        self.nested: set[tuple[str, str]] = set()  # (outer, inner) numbers of quotes
        self._stack: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()
        assert self._stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert len(values) == len(attrs), "an attribute twice"
        self.elements.append((tag, values))
        if self.is_quote(values):
            for _, outer in self._stack:
                if self.is_quote(outer):
                    self.nested.add((str(outer["data-n"]), str(values["data-n"])))
        if tag not in VOID:
            self._stack.append((tag, values))

    def handle_endtag(self, tag: str) -> None:
        assert self._stack.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not any("qw-text" in str(values.get("class")) for _, values in self._stack):
            return
        for _, values in self._stack:
            if self.is_quote(values):
                numbers = self.covers.setdefault(int(str(values["data-n"])), set())
                numbers.update(range(len(self.text), len(self.text) + len(data)))
        self.text += data

    @staticmethod
    def is_quote(values: dict[str, str | None]) -> bool:
        return "qw-quote" in str(values.get("class")).split()

    def of_class(self, name: str) -> list[dict[str, str | None]]:
        return [v for _, v in self.elements if name in str(v.get("class")).split()]


def page_of(article: Article = ARTICLE, extraction: Extraction = EXTRACTION) -> Page:
    return Page(html_page(article, extraction))


def test_each_quote_is_drawn_over_exactly_its_spans() -> None:
    page = page_of()
    assert page.text == TEXT
    for number, statement in enumerate(STATEMENTS, start=1):
        offsets = {at for s in statement.quote.spans for at in range(s.start, s.end)}
        assert page.covers[number] == offsets


def test_inner_statements_stand_inside_their_outer_one_s_element() -> None:
    assert page_of().nested == {("3", "4")}


def test_labels_say_who_and_through_whom_and_lead_to_the_row_and_back() -> None:
    page = page_of()
    labels = page.of_class("qw-label")
    assert [label["data-label"] for label in labels][:2] == [
        "1 \u2068Ada Brandt\u2069 · via \u2068Reuters\u2069",
        "2 \u2068Ada Brandt\u2069",
    ]
    assert labels[3]["aria-label"] == (
        "Statement 4: Omar Haddad, to the council, mixed, confidence 0.70, reported in statement 3"
    )
    ids = {values.get("id") for _, values in page.elements}
    targets = {str(v["href"])[1:] for tag, v in page.elements if tag == "a"}
    assert targets <= ids and len(targets) == 2 * len(STATEMENTS)
    assert all(label["href"] for label in labels), "a link takes the focus"


def test_the_card_says_resolution_way_and_confidence() -> None:
    cards = {v["data-n"]: str(v["data-card"]) for v in page_of().of_class("qw-quote")}
    assert "Ada Brandt\u2069 (in the text: \u2068Mayor Ada Brandt\u2069), person" in cards["1"]
    assert "via \u2068Reuters (outlet)\u2069" in cards["1"]
    assert "indirect · confidence 0.94" in cards["1"]
    assert "reported in 3" in cards["4"]


def test_a_speaker_has_one_colour_and_two_speakers_have_two() -> None:
    rows = draw(ARTICLE, EXTRACTION).rows
    assert rows[0].colour == rows[1].colour != 0
    assert len({row.colour for row in rows}) == 4
    unknown = Statement("u", STATEMENTS[0].act, 0.5, STATEMENTS[0].quote, STATEMENTS[0].cue)
    (row,) = draw(ARTICLE, Extraction("a 1", "m@1", (unknown,))).rows
    assert (row.colour, row.speaker) == (0, "unknown speaker")


def test_statement_ids_stand_at_every_part() -> None:
    page = page_of()
    for statement in STATEMENTS:
        parts = {
            v.get("class") for _, v in page.elements if v.get("data-statement") == statement.id
        }
        assert any("qw-quote" in str(part) for part in parts)
        assert any("qw-cue" in str(part) for part in parts)
        assert any("qw-row" in str(part) for part in parts)


def test_notes_and_shared_colours() -> None:
    colours: dict[str, int] = {}
    first = draw(ARTICLE, EXTRACTION, prefix="a", notes={"s1": "only here"}, colours=colours)
    second = draw(ARTICLE, Extraction("a 1", "m@2", STATEMENTS[3:]), prefix="b", colours=colours)
    assert first.rows[3].colour == second.rows[0].colour
    assert "only here" in first.rows[0].spoken and "qw-noted" in first.text
    assert 'id="a1"' in first.text and 'id="b1"' in second.text


def test_a_span_outside_the_text_is_named() -> None:
    beyond = Statement(
        "s9", STATEMENTS[0].act, 0.5, Quote((Span(0, 9),), QuoteKind.DIRECT), Span(0, 1)
    )
    with pytest.raises(InputError, match=r"statement s9: quote.spans\[0\]: got \[0, 9\)"):
        draw(Article("a", "short"), Extraction("a", "m@1", (beyond,)))


ALLOWED = (
    "html head meta title style body main header h1 p bdi div span a section table caption thead "
    "tbody tr th td footer strong"
)


@settings(max_examples=30, deadline=None)
@given(answers())
def test_nothing_of_the_article_s_is_markup_and_every_code_point_keeps_its_place(
    answer: tuple[Article, Extraction],
) -> None:
    article, extraction = answer
    html = html_page(article, extraction)
    page = Page(html)
    assert {tag for tag, _ in page.elements} <= set(ALLOWED.split())
    assert not [v for _, v in page.elements for key in v if key.startswith("on") or key == "src"]
    assert {v["href"][:1] for tag, v in page.elements if tag == "a" and v["href"]} <= {"#"}
    # One for one, except what HTML cannot carry or what could turn the page around.
    assert len(page.text) == len(article.text)
    assert all(a == b or a == "\ufffd" for a, b in zip(page.text, article.text, strict=True))
    assert not re.search("[\u202a-\u202e\u2066\u2067\0\ud800-\udfff]", html)
    html.encode("utf-8")
    for number, statement in enumerate((row.statement for row in draw(*answer).rows), start=1):
        offsets = {at for s in statement.quote.spans for at in range(s.start, s.end)}
        assert page.covers[number] == offsets


def test_nothing_is_loaded_from_anywhere() -> None:
    html = html_page(ARTICLE, EXTRACTION)
    assert "default-src 'none'" in html
    assert "url(" not in html and "@import" not in html and "://" not in html


def test_outputs_of_one_notebook_do_not_share_ids() -> None:
    first, second = (Page(notebook_html(ARTICLE, EXTRACTION)) for _ in range(2))

    def ids(page: Page) -> set[str | None]:
        return {values["id"] for _, values in page.elements if "id" in values}

    assert ids(first) and not ids(first) & ids(second)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrasts_are_enough_to_read(scheme: int) -> None:
    """WCAG 2.2, level AA: 4.5 for text, 3 for lines that mean something."""
    pairs = dict(re.findall(r"--qw-(paper|ink|dim|on): light-dark\((.*?)\)", css()))
    page = {name: values.split(", ")[scheme] for name, values in pairs.items()}
    speakers = re.findall(
        r"\.qw-c\d \{ --qw-t: light-dark\((.*?)\); --qw-s: light-dark\((.*?)\); \}", css()
    )
    assert len(speakers) == COLOURS + 1 and len(page) == 4
    assert contrast(page["dim"], page["paper"]) >= 4.5
    for tint, strong in ((t.split(", ")[scheme], s.split(", ")[scheme]) for t, s in speakers):
        assert contrast(page["ink"], tint) >= 4.5
        assert contrast(page["on"], strong) >= 4.5
        assert contrast(strong, page["paper"]) >= 4.5  # numbers of cues
        assert contrast(strong, tint) >= 3  # lines under quotes
