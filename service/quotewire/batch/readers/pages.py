"""The article of a web page: its main text by trafilatura, its title, date, language and site."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from quotewire.batch.extras import needed_for

if TYPE_CHECKING:
    from lxml.etree import _Element

# Where a page says which characters it is written in (HTML standard: within its first 1,024 bytes;
# many pages say it later).
_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE
)
_DECLARED_WITHIN = 8_192
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Elements that stand inside a line; every other one begins and ends a paragraph.
_INLINE = frozenset({"hi", "ref", "del", "span", "graphic", "formula"})
_LANGUAGE = re.compile(r"[a-z]{2}(?=$|[-_])")
# A date that only the words of the text suggest is somebody's birthday as often as the article's.
_DATES = {"original_date": True, "extensive_search": False, "min_date": "1600-01-01"}


def page_text(data: bytes, *, charset: str | None = None) -> str:
    """The characters of a page, decoded as a browser would: by its byte-order mark, by ``charset``
    (from the HTTP header), by what the page declares, as UTF-8 if it is that, else as
    Windows-1252.  Bytes that are none in it become U+FFFD."""
    for mark, utf in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(utf, "replace")
    declared = _DECLARED.search(data[:_DECLARED_WITHIN])
    for name in (charset, declared[1].decode("ascii") if declared else None):
        if name is not None and (codec := _codec(name)):
            return data.decode(codec, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _codec(name: str) -> str | None:
    """Python's codec of that name; web pages that say ISO-8859-1 or ASCII mean Windows-1252."""
    try:
        found = codecs.lookup(name)
    except LookupError:
        return None
    if not found._is_text_encoding:
        return None
    return "cp1252" if found.name in ("iso8859-1", "ascii") else found.name


def page_fields(page: str, *, url: str | None = None) -> dict[str, Any]:
    """The fields of a page's article: ``text`` (paragraphs apart by a blank line), and where the
    page says so ``title``, ``published`` (ISO 8601 date), ``language`` (ISO 639-1), ``publisher``
    (the site's name), ``url`` and ``author``.

    Empty where no main text is found.
    """
    with needed_for("web pages"):
        from lxml.etree import ParserError
        from trafilatura import bare_extraction
        from trafilatura.utils import load_html

    # A page says its encoding, and lxml would believe it of text that is decoded already.
    page = re.sub(r"^\s*<\?xml[^>]*\?>", "", page.replace("\0", "\ufffd"))
    try:
        tree = load_html(page)
    except (ParserError, ValueError):
        tree = None
    if tree is None:
        return {}
    language = _language(tree)
    found: Any = bare_extraction(
        tree,
        url=url,
        with_metadata=True,
        include_comments=False,
        date_extraction_params=dict(_DATES),
    )
    if found is None or found.body is None:
        return {}
    paragraphs = [p for p in _paragraphs(found.body) if p]
    title = " ".join(found.title.split()) if found.title else None
    if paragraphs and paragraphs[0] == title:  # it has a field of its own
        paragraphs = paragraphs[1:]
    if not paragraphs:
        return {}
    fields = {
        "text": "\n\n".join(paragraphs),
        "title": title,
        "published": found.date,
        "language": language,
        "publisher": found.sitename,
        "url": found.url or url,
        "author": found.author,
    }
    return {name: value for name, value in fields.items() if value}


def _paragraphs(body: _Element) -> Iterator[str]:
    """Runs of text that no block's edge interrupts, white space collapsed."""
    pieces: list[str] = []

    def walk(element: _Element) -> Iterator[str]:
        inline = element.tag in _INLINE
        if not inline:
            yield flush()
        pieces.append(element.text or "")
        for child in element:
            yield from walk(child)
            pieces.append(child.tail or "")
        if not inline:
            yield flush()

    def flush() -> str:
        text = " ".join("".join(pieces).split())
        pieces.clear()
        return text

    yield from walk(body)


def _language(tree: _Element) -> str | None:
    said = tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang")
    for where in (
        "//meta[translate(@http-equiv,'CL','cl')='content-language']/@content",
        "//meta[@property='og:locale']/@content",
    ):
        said = said or next(iter(tree.xpath(where)), None)
    found = _LANGUAGE.match((said or "").strip().lower())
    return found[0] if found else None
