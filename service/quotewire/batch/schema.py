"""The Parquet tables: one row a statement, one row a record.  docs/archives.md describes them; the
columns are a contract (columns may be added, none is renamed, retyped or removed).

Rows are made of the JSON line (:mod:`quotewire.lines`), so that the two outputs cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from quotewire.batch.quote_keys import quote_key, quote_prints
from quotewire.batch.records import Record
from quotewire.batch.scoring import Scored

_STRING, _LONG, _INT = pa.string(), pa.int64(), pa.int32()
_SPAN = pa.struct([("start", _INT), ("end", _INT)])
_SPAN_TEXT = pa.struct([("start", _INT), ("end", _INT), ("text", _STRING)])
_VERSION = {b"quotewire.schema": b"1"}

STATEMENTS = pa.schema(
    [
        ("article_id", _STRING),
        ("article_row", _LONG),
        ("statement_id", _STRING),
        ("act", _STRING),
        ("confidence", pa.float32()),
        ("reported_in", _STRING),
        ("quote_text", _STRING),
        ("quote_kind", _STRING),
        ("quote_spans", pa.list_(_SPAN)),
        ("quote_verbatim", pa.list_(_SPAN)),
        ("quote_key", _STRING),
        ("quote_prints", pa.list_(_LONG)),
        ("speaker_name", _STRING),
        ("speaker_type", _STRING),
        ("speaker_mention", _SPAN_TEXT),
        ("cue", _SPAN_TEXT),
        (
            "intermediaries",
            pa.list_(pa.struct([("name", _STRING), ("kind", _STRING), ("mention", _SPAN_TEXT)])),
        ),
        ("addressee", _SPAN_TEXT),
    ],
    metadata=_VERSION,
)

ARTICLES = pa.schema(
    [
        ("article_id", _STRING),
        ("article_row", _LONG),
        ("title", _STRING),
        ("publisher", _STRING),
        ("published", _STRING),
        ("language", _STRING),
        ("characters", _INT),
        ("statements", _INT),
        ("model", _STRING),
        ("warnings", pa.list_(_STRING)),
        ("error", _STRING),
        ("error_reason", _STRING),
        ("duplicate_of", _STRING),
        ("similarity", pa.float32()),
        ("source_file", _STRING),
        ("source_line", _LONG),
        ("meta", _STRING),
        ("text", _STRING),
    ],
    metadata=_VERSION,
)

Row = dict[str, Any]


def article_row(scored: Scored, *, row: int, with_text: bool) -> Row:
    """The record's row of ``articles``; ``row`` is its number in the whole run, from 0."""
    record, line = scored.record, scored.line
    article = record.article if isinstance(record, Record) else None
    return {
        "article_id": line["id"],
        "article_row": row,
        "title": article and article.title,
        "publisher": article and article.publisher,
        "published": article and article.published,
        "language": line.get("language"),
        "characters": len(article.text) if article else None,
        "statements": len(line["statements"]),
        "model": line["model"],
        "warnings": line.get("warnings", []),
        "error": line["error"],
        "error_reason": scored.bad.reason.value if scored.bad else None,
        "duplicate_of": line.get("duplicate_of"),
        "similarity": line.get("similarity"),
        "source_file": record.ref.file,
        "source_line": record.ref.line,
        "meta": json.dumps(dict(article.meta)) if article and article.meta else None,
        "text": article.text if article and with_text else None,
    }


def statement_rows(scored: Scored, *, row: int) -> Iterator[Row]:
    """The rows of ``statements`` of one record."""
    line = scored.line
    for statement in line["statements"]:
        quote, speaker = statement["quote"], statement["speaker"] or {}
        yield {
            "article_id": line["id"],
            "article_row": row,
            "statement_id": statement["id"],
            "act": statement["act"],
            "confidence": statement["confidence"],
            "reported_in": statement["reported_in"],
            "quote_text": quote["text"],
            "quote_kind": quote["kind"],
            "quote_spans": quote["spans"],
            "quote_verbatim": quote["verbatim"],
            "quote_key": quote_key(verbatim := _verbatim(scored.record, quote)),
            "quote_prints": quote_prints(verbatim),
            "speaker_name": speaker.get("name"),
            "speaker_type": speaker.get("type"),
            "speaker_mention": speaker.get("mention"),
            "cue": statement["cue"],
            "intermediaries": statement["intermediaries"],
            "addressee": statement["addressee"],
        }


def to_table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    """Lone surrogates, which UTF-8 cannot carry, become U+FFFD: still one code point each, so that
    spans stay right."""
    try:
        return pa.Table.from_pylist(rows, schema=schema)
    except UnicodeEncodeError:
        return pa.Table.from_pylist([_clean(row) for row in rows], schema=schema)


def _verbatim(record: Any, quote: Mapping[str, Any]) -> list[str]:
    text = record.article.text
    return [text[span["start"] : span["end"]] for span in quote["verbatim"]]


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return value
