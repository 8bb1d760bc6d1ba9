"""Web archives and pages: main text, what is passed over, and what is broken where."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path

import brotli
import pytest
import zstandard

from quotewire.batch.readers import find_inputs, open_input
from quotewire.batch.readers.pages import page_fields, page_text
from quotewire.batch.records import BadRecord, ReadOptions, Reason, Record
from tests.batch.archive_files import (
    ARTICLES,
    Read,
    articles_of,
    bad_of,
    crawl,
    http,
    ids_of,
    page,
    read_bytes,
    warc,
    warc_record,
)

URL = "https://news.example/x"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "in.warc"


def one(path: Path, block: bytes, **fields: str) -> Read:
    (record,) = read_bytes(path, warc_record("response", URL, block, **fields))
    return record


def test_all_that_is_no_page_is_counted_by_its_kind(path: Path) -> None:
    more = [
        warc_record("response", "dns:news.example", b"20240308 1.2.3.4", Content_Type="text/dns"),
        warc_record("revisit", URL, b"", Content_Length="0"),
        warc_record("metadata", URL, b"via: x"),
        warc_record("response", URL, http(b"%PDF", "application/PDF")),
        warc_record("response", URL, b"HTTP/1.1 200 OK\r\n\r\n<p>x</p>"),
    ]
    path.write_bytes(b"".join([*crawl(), *more]))
    (file,) = find_inputs([str(path)], options=ReadOptions())
    with open_input(file, options=ReadOptions()) as reader:
        assert len(list(reader.sizes())) == 3
        assert reader.passed_over == {
            "warcinfo": 1,
            "request": 3,
            "image/png": 3,
            "status 301": 1,
            "response without HTTP": 1,
            "revisit": 1,
            "metadata": 1,
            "application/pdf": 1,
            "no content type": 1,
        }


def test_a_page_tells_where_and_when_it_was_found(path: Path) -> None:
    record = one(path, http(page(ARTICLES[0])))
    assert isinstance(record, Record)
    assert record.article.meta == {"url": URL, "captured": "2024-03-08T00:00:00Z"}
    (by_url,) = articles_of(read_bytes(path, path.read_bytes(), id="url"))
    assert by_url.id == URL


def test_plain_text_of_wet_files_and_pages_kept_as_resources_are_articles(path: Path) -> None:
    wet = warc_record("conversion", URL, "Ja, sagte Ö.".encode())
    resource = warc_record("resource", URL, page(ARTICLES[0]), Content_Type="text/html")
    bad = warc_record("conversion", URL, b"caf\xe9")
    records = read_bytes(path, wet + resource + bad)
    assert [a.text for a in articles_of(records)] == ["Ja, sagte Ö.", ARTICLES[0]["text"]]
    assert [b.reason for b in bad_of(records)] == [Reason.ENCODING]


def _deflate_raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def _chunked(data: bytes) -> bytes:
    pieces = [data[at : at + 100] for at in range(0, len(data), 100)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


PACKINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": _deflate_raw,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("name", PACKINGS)
def test_pages_packed_for_the_way_are_unpacked(path: Path, name: str) -> None:
    data, packed = page(ARTICLES[1]), PACKINGS[name](page(ARTICLES[1]))
    header = f"Content-Encoding: {name}\r\n"
    for block in (
        http(packed, more=header),
        http(_chunked(packed), more=header + "Transfer-Encoding: chunked\r\n"),
        http(data, more=header) if name != "Deflate" and name != "deflate" else http(data),
    ):
        record = one(path, block)
        assert isinstance(record, Record), record
        assert record.article.text == ARTICLES[1]["text"]
    broken = one(path, http(packed[: len(packed) // 2], more=header))
    assert isinstance(broken, BadRecord) and broken.reason is Reason.UNREADABLE
    assert "content-encoding" in broken.detail


def test_a_small_page_that_unpacks_to_an_enormous_one_is_too_long(path: Path) -> None:
    bomb = b"<p>" + b"a" * 50_000_000
    for name in ("gzip", "deflate", "br", "zstd"):
        block = http(PACKINGS[name](bomb), more=f"Content-Encoding: {name}\r\n")
        path.write_bytes(warc_record("response", URL, block))
        (bad,) = read_bytes(path, path.read_bytes(), max_text_characters=1000)
        assert isinstance(bad, BadRecord) and bad.reason is Reason.TOO_LONG


def test_a_page_without_main_text_says_so(path: Path) -> None:
    bad = one(path, http(b"<html><body><nav><img src='/a.png'></nav></body></html>"))
    assert isinstance(bad, BadRecord) and bad.reason is Reason.NO_TEXT
    assert URL in bad.detail and bad.article_id == f"response-{URL}"
    empty = one(path, http(b""))
    assert isinstance(empty, BadRecord) and empty.reason is Reason.NO_TEXT


PAGES = [r for r in crawl() if b"<article>" in r]


@pytest.mark.parametrize("packed", [False, True])
def test_a_broken_record_is_a_bad_one_and_reading_goes_on(path: Path, packed: bool) -> None:
    first, second, third = PAGES
    length = next(line for line in second.split(b"\r\n") if line.startswith(b"Content-Length"))
    for broken, bad in {
        b"no record at all\r\n" * 3: [Reason.SYNTAX],
        second.replace(b"WARC/1.1", b"WERC/1.1"): [Reason.SYNTAX],
        second.replace(length, b"Content-Length: many"): [Reason.SYNTAX],
        second.replace(length + b"\r\n", b""): [Reason.SYNTAX],
        second.replace(b"WARC-Target-URI: ", b"X: "): [Reason.SYNTAX],
        second.replace(length, b"Content-Length: 300"): [Reason.SYNTAX],
    }.items():
        parts = [gzip.compress(p) if packed else p for p in (first, broken, third)]
        records = read_bytes(path, b"".join(parts))
        assert [a.id for a in articles_of(records)] == ["a1", "a3"]
        assert [b.reason for b in bad_of(records)] == bad, broken[:50]
        assert records[0].ref.line == 1 and records[1].ref.line == 2


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_that_breaks_off_says_so(path: Path, packed: bool) -> None:
    first, second = (gzip.compress(p) if packed else p for p in PAGES[:2])
    request = gzip.compress(crawl()[1]) if packed else crawl()[1]
    for last in (second, request):
        records = read_bytes(path, first + last[: len(last) // 2])
        assert [a.id for a in articles_of(records)] == ["a1"]
        (bad,) = bad_of(records)
        assert bad.reason in (Reason.UNREADABLE, Reason.SYNTAX) and bad.ref.line == 2


def test_damaged_packing_costs_its_record_only(path: Path) -> None:
    first, second, third = (gzip.compress(p) for p in PAGES)
    middle = len(second) // 2
    for damaged in (
        second[:middle] + bytes(40) + second[middle + 40 :],
        second[:-8] + bytes(8),  # checksum
        second[:middle],
        b"\x1f\x8b\x08" + bytes(3),
    ):
        records = read_bytes(path, first + damaged + third)
        assert [a.id for a in articles_of(records)] == ["a1", "a3"]
        (bad,) = bad_of(records)
        assert bad.ref.line == 2, bad
        (file,) = find_inputs([str(path)], options=ReadOptions())
        with open_input(file, options=ReadOptions()) as reader:
            places = [reader.place for _ in reader.sizes()]
            assert list(reader.read(2, 3, place=places[2])) == records[2:]


def test_headers_without_end_are_never_read_whole(path: Path) -> None:
    endless = b"WARC/1.1\r\n" + b"X: y\r\n" * 500_000
    records = read_bytes(path, endless + b"\r\n\r\n" + PAGES[0])
    assert isinstance(records[0], BadRecord) and "headers of more than" in records[0].detail
    assert ids_of(records)[-1] == "a1"


def test_a_broken_wacz_is_one_bad_record(tmp_path: Path) -> None:
    path = tmp_path / "in.wacz"
    (bad,) = read_bytes(path, b"PK no zip")
    assert isinstance(bad, BadRecord) and "no WACZ file" in bad.detail
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("archive/a.warc.gz", warc()[:-3])
        bundle.writestr("archive/b.warc", warc(packed=False))
    records = read_bytes(path, path.read_bytes())
    assert [a.id for a in articles_of(records)] == ["a1", "a2", "a3"] * 2
    assert [b.ref.file for b in bad_of(records)] == [f"{path}/archive/a.warc.gz"]


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        (b"\xef\xbb\xbfcaf\xc3\xa9", "latin-1", "café"),
        ("café".encode("utf-16"), None, "café"),
        (b"caf\xe9", "ISO-8859-1", "café"),
        (b"\x93caf\xe9\x94", "iso-8859-1", "“café”"),  # as browsers take it
        (b'<meta charset="windows-1251">\xcd\xe5\xf2', None, '<meta charset="windows-1251">Нет'),
        ("<meta content='text/html; charset=UTF-8'>é".encode(), None, None),
        ("café".encode(), None, "café"),
        ("café".encode(), "no-such-charset", "café"),
        ("café".encode(), "base64", "café"),
        (b"caf\xe9", None, "café"),
        (b"caf\xe9", "utf-8", "caf\ufffd"),
    ],
)
def test_pages_are_decoded_as_browsers_do(data: bytes, charset: str | None, text: str) -> None:
    assert page_text(data, charset=charset) == (text if text is not None else data.decode())


def test_a_page_gives_paragraphs_and_what_it_says_of_itself() -> None:
    fields = page_fields(
        '<?xml version="1.0" encoding="latin-1"?><html><head><title>T</title>'
        '<meta http-equiv="Content-Language" content="fr-CA">'
        '<meta name="author" content="Ann Lee"><link rel="canonical" href="https://a.example/x">'
        '<meta name="date" content="1998-07-06"></head><body><article><h1>T</h1>'
        "<p>“One <b>bold</b>\n <a href='/'>word</a>,” she  said.<br>Then she left the room.</p>"
        "<blockquote><p>A paragraph that is quoted as a whole, said the office of the mayor.</p>"
        "</blockquote><ul><li>First of the points that were made at the meeting.</li></ul>"
        "</article></body></html>"
    )
    assert fields["text"].split("\n\n") == [
        "“One bold word,” she said.",
        "Then she left the room.",
        "A paragraph that is quoted as a whole, said the office of the mayor.",
        "First of the points that were made at the meeting.",
    ]
    assert {k: v for k, v in fields.items() if k != "text"} == {
        "title": "T",
        "publisher": "a.example",
        "language": "fr",
        "author": "Ann Lee",
        "url": "https://a.example/x",
        "published": "1998-07-06",
    }


@pytest.mark.parametrize("data", ["", " ", "<", "\0", "<html/>", "no markup at all", "<p>\ud800"])
def test_what_is_no_page_has_no_fields(data: str) -> None:
    assert page_fields(data) == {}
