"""The same three articles in every format, for tests of readers; and how to read them all."""

from __future__ import annotations

import csv
import gzip
import html
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from quotewire.batch.readers import find_inputs, open_input
from quotewire.batch.records import BadRecord, ReadOptions, Record
from quotewire.types import Article

_LONG = (
    "Engineers of the county said that another winter could bring the pier down, and that they had"
    " warned of it twice before anybody came to look at the bridge."
)
# Paragraphs as web pages have them: single spaces, a blank line between.
ARTICLES: list[dict[str, Any]] = [
    {
        "id": "a1",
        "title": "Bridge stays shut",
        "publisher": "The Calder Post",
        "published": "2024-03-05",
        "language": "en",
        "text": f"“The bridge stays closed, ‘until spring’,” Denise Okafor told CNN.\n\n{_LONG}",
    },
    {
        "id": "a2",
        "title": 'Ein "Nein" & <mehr>',
        "publisher": "Der Bote",
        "published": "2024-03-06",
        "language": "de",
        "text": "„Nein“, sagte Frau Öztürk dem Boten; 3 < 5, a & b, 𝒜, 👩‍👩‍👧.\n\n"
        f"{_LONG}\n\nEnde, sagte sie.",
    },
    {
        "id": "a3",
        "title": "Ferry, late",
        "publisher": "The Calder Post",
        "published": "2024-03-07",
        "language": "en",
        "text": f"The ferry was late, the company told the Post.\n\n{_LONG}",
    },
]


def jsonl(articles: Sequence[dict[str, Any]] = ARTICLES) -> bytes:
    return b"".join(json.dumps(a, ensure_ascii=False).encode() + b"\n" for a in articles)


def csv_rows(articles: Sequence[dict[str, Any]] = ARTICLES, *, delimiter: str = ",") -> bytes:
    out = io.StringIO()
    rows = csv.DictWriter(out, list(articles[0]), delimiter=delimiter)
    rows.writeheader()
    rows.writerows(articles)
    return out.getvalue().encode()


def page(article: dict[str, Any]) -> bytes:
    """A web page as papers make them: navigation, the story, a footer."""
    paragraphs = "".join(f"<p>{html.escape(p)}</p>\n" for p in article["text"].split("\n\n"))
    title, site = html.escape(article["title"]), html.escape(article["publisher"])
    return f"""<!DOCTYPE html>
<html lang="{article["language"]}-XX"><head><meta charset="utf-8"><title>{title} | {site}</title>
<meta property="og:title" content="{title}"><meta property="og:site_name" content="{site}">
<meta property="article:published_time" content="{article["published"]}T08:00:00Z"></head>
<body><nav><ul><li><a href="/">Home</a></li><li><a href="/news">News</a></li></ul></nav>
<article><h1>{title}</h1>
{paragraphs}</article><footer><p>Copyright {site}</p></footer></body></html>
""".encode()


def warc_record(kind: str, url: str, block: bytes, **fields: str) -> bytes:
    """One record; ``fields`` are its headers, underscores for hyphens."""
    headers = {
        "WARC_Type": kind,
        "WARC_Record_ID": f"<urn:uuid:{kind}-{url}>",
        "WARC_Target_URI": url,
        "WARC_Date": "2024-03-08T00:00:00Z",
        "Content_Type": "application/http" if block.startswith(b"HTTP/") else "text/plain",
        "Content_Length": str(len(block)),
        **fields,
    }
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(["WARC/1.1", *lines, "", ""]).encode() + block + b"\r\n\r\n"


def http(
    body: bytes,
    content_type: str = "text/html; charset=utf-8",
    *,
    status: str = "200 OK",
    more: str = "",
) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{more}\r\n".encode() + body


def crawl(articles: Sequence[dict[str, Any]] = ARTICLES) -> list[bytes]:
    """The records of a crawl: warcinfo, for each article a request, an image and the page, and a
    page that moved."""
    records = [warc_record("warcinfo", "crawl.warc", b"software: a test\r\n")]
    for article in articles:
        url = f"https://news.example/{article['id']}"
        records += [
            warc_record("request", url, b"GET / HTTP/1.1\r\nHost: news.example\r\n\r\n"),
            warc_record(
                "response", url + ".png", http(b"\x89PNG\r\n\r\nWARC/1.1\r\n", "image/png")
            ),
            warc_record(
                "response", url, http(page(article)), WARC_Record_ID=f"<urn:uuid:{article['id']}>"
            ),
        ]
    moved = http(b"<p>moved</p>", status="301 Moved", more="Location: /\r\n")
    return [*records, warc_record("response", "https://news.example/old", moved)]


def warc(articles: Sequence[dict[str, Any]] = ARTICLES, *, packed: bool = True) -> bytes:
    return b"".join(gzip.compress(r) if packed else r for r in crawl(articles))


def _wacz(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("datapackage.json", "{}")
        bundle.writestr("archive/data-0.warc.gz", warc(ARTICLES[:1]))
        bundle.writestr("archive/data-1.warc.gz", warc(ARTICLES[1:]))


def _folder(path: Path, suffix: str, contents: Sequence[bytes]) -> None:
    for number, (article, content) in enumerate(zip(ARTICLES, contents, strict=True)):
        folder = path / f"part{number // 2}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{article['id']}{suffix}").write_bytes(content)


def _parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ARTICLES), path, row_group_size=2)


WRITERS: dict[str, Callable[[Path], Any]] = {
    "plain.jsonl": lambda path: path.write_bytes(jsonl()),
    "packed.jsonl.gz": lambda path: path.write_bytes(gzip.compress(jsonl())),
    "packed.jsonl.zst": lambda path: path.write_bytes(zstandard.compress(jsonl())),
    "rows.csv": lambda path: path.write_bytes(csv_rows()),
    "rows.tsv.gz": lambda path: path.write_bytes(gzip.compress(csv_rows(delimiter="\t"))),
    "table.parquet": _parquet,
    "folder_text": lambda path: _folder(path, ".txt", [a["text"].encode() for a in ARTICLES]),
    "folder_html": lambda path: _folder(path, ".html", [page(a) for a in ARTICLES]),
    "crawl.warc": lambda path: path.write_bytes(warc(packed=False)),
    "crawl.warc.gz": lambda path: path.write_bytes(warc()),
    "whole.warc.gz": lambda path: path.write_bytes(gzip.compress(warc(packed=False))),
    "crawl.wacz": _wacz,
}


def write_archive(folder: Path, name: str) -> Path:
    WRITERS[name](folder / name)
    return folder / name


Read = Record | BadRecord


def read_all(path: str | Path, **options: Any) -> list[Read]:
    """All records of all inputs that ``path`` means."""
    reading = ReadOptions(**options)
    found: list[Read] = []
    for file in find_inputs([str(path)], options=reading):
        with open_input(file, options=reading) as reader:
            count = sum(1 for _ in reader.sizes())
            records = list(reader.read(0, count + 1))
        assert [record.ref.record for record in records] == list(range(count))
        found += records
    return found


def read_bytes(path: Path, data: bytes, **options: Any) -> list[Read]:
    path.write_bytes(data)
    return read_all(path, **options)


def articles_of(records: Sequence[Read]) -> list[Article]:
    return [record.article for record in records if isinstance(record, Record)]


def bad_of(records: Sequence[Read]) -> list[BadRecord]:
    return [record for record in records if isinstance(record, BadRecord)]


def ids_of(records: Sequence[Read]) -> list[str | None]:
    return [r.article.id if isinstance(r, Record) else r.article_id for r in records]
