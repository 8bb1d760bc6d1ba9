"""The Parquet tables answer questions in DuckDB and pandas as they are."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from quotewire.batch.schema import ARTICLES, STATEMENTS
from quotewire.lines import article_from_line
from tests.cli.conftest import Run
from tests.cli.conftest import run as run
from tests.conftest import ROOT
from tests.fakes import fake_extractor

LINES = [
    {
        "id": "shut",
        "publisher": "The Harbour Post",
        "text": "Ann Lee told Reuters “the road is shut”.\n\nBob said nothing moves.",
    },
    {"id": "quiet", "text": "Nothing happened.", "published": "2024-01-02", "desk": {"n": 1}},
    {"id": "again", "publisher": "Daily", "text": "Eve told Reuters “The road is shut!”"},
    {"id": "broken", "text": 5},
    {"id": "odd\ud800", "text": "Ann\ud800 said the \ud800 road is shut."},
]


@pytest.fixture
def out(run: Run, tmp_path: Path) -> Path:
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in LINES) + "{broken\n")
    result = run(
        "score", source, "--out", tmp_path / "out", "--workers", "0", "--shard-articles", "2"
    )
    assert result.exit_code == 3, result.output
    return tmp_path / "out"


def test_duckdb_knows_who_told_reuters_what(out: Path) -> None:
    rows = duckdb.sql(
        f"""
        select article_id, publisher, speaker_name, quote_text
        from '{out}/statements/*.parquet'
             join '{out}/articles/*.parquet' using (article_row, article_id),
             unnest(intermediaries) as via(intermediary)
        where intermediary.name = 'Reuters' and intermediary.kind = 'outlet'
        order by article_row
        """
    ).fetchall()
    assert rows == [
        ("shut", "The Harbour Post", "Ann Lee", "“the road is shut”"),
        ("again", "Daily", "Eve", "“The road is shut!”"),
    ]


def test_every_printing_of_a_quote_is_one_query(out: Path) -> None:
    rows = duckdb.sql(
        f"""
        select list(speaker_name order by article_row) from '{out}/statements/*.parquet'
        where quote_key is not null group by quote_key
        """
    ).fetchall()
    assert rows == [(["Ann Lee", "Eve"],)]


def test_every_record_has_its_row_in_articles(out: Path) -> None:
    table = pd.read_parquet(out / "articles").sort_values("article_row")
    assert table["article_row"].tolist() == [0, 1, 2, 3, 4, 5]
    assert table["article_id"].tolist()[:5] == ["shut", "quiet", "again", "broken", "odd\ufffd"]
    assert table["article_id"].isna().tolist() == [False] * 5 + [True]
    assert table["statements"].tolist() == [2, 0, 1, 0, 1, 0]
    assert table["error_reason"].tolist()[3:] == ["type", None, "syntax"] or (
        table["error_reason"].fillna("").tolist()[3:] == ["type", "", "syntax"]
    )
    assert table["source_line"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["published"].tolist()[1] == "2024-01-02"
    assert json.loads(table["meta"].tolist()[1]) == {"desk": {"n": 1}}
    assert table["text"].isna().all()


def test_statements_say_what_the_json_line_says(out: Path) -> None:
    rows = pq.read_table(out / "statements").sort_by("article_row").to_pylist()
    extractor = fake_extractor()
    first = article_from_line(LINES[0])
    told, said = extractor.extract(first).statements
    assert [row["statement_id"] for row in rows[:2]] == [told.id, said.id]
    [via] = rows[0]["intermediaries"]
    assert via["mention"]["text"] == "Reuters"
    assert [(s["start"], s["end"]) for s in rows[0]["quote_spans"]] == [
        (s.start, s.end) for s in told.quote.spans
    ]
    assert rows[0]["speaker_mention"]["text"] == "Lee" and rows[1]["intermediaries"] == []


def test_a_lone_surrogate_keeps_its_place(out: Path) -> None:
    [row] = [r for r in pq.read_table(out / "statements").to_pylist() if r["article_row"] == 4]
    [span] = row["quote_spans"]
    assert row["quote_text"] == "the \ufffd road is shut"
    assert LINES[4]["text"][span["start"] : span["end"]] == "the \ud800 road is shut"  # type: ignore[index]


def test_the_schema_is_the_same_in_every_part_and_documented(out: Path) -> None:
    page = (ROOT / "docs" / "archives.md").read_text(encoding="utf-8")
    for name, schema in (("statements", STATEMENTS), ("articles", ARTICLES)):
        parts = sorted((out / name).glob("*.parquet"))
        assert len(parts) == 3
        assert all(pq.read_schema(part).equals(schema) for part in parts)
        assert {column for column in schema.names if f"`{column}`" not in page} == set()


def test_texts_are_kept_on_request(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps(LINES[1]) + "\n")
    result = run("score", source, "--out", tmp_path / "o", "--workers", "0", "--with-text")
    assert result.exit_code == 0, result.output
    assert pd.read_parquet(tmp_path / "o" / "articles")["text"].tolist() == ["Nothing happened."]
