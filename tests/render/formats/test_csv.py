"""CSV by RFC 4180, read back by Python's own reader and by a grammar; no cell is a formula."""

from __future__ import annotations

import csv
import io
import re

from hypothesis import given, settings

from quotewire.lines import quote_text
from quotewire.render.formats import writer
from quotewire.render.formats.csv import COLUMNS, guarded, unguarded
from quotewire.types import Article, Extraction, Span
from tests.render.make import ARTICLE, EXTRACTION, STATEMENTS, TEXT, answers

# RFC 4180, section 2, as its grammar has it (TEXTDATA widened to Unicode, RFC 7111).
FIELD = r'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
RECORD = re.compile(rf"{FIELD}(?:,{FIELD})*\r\n")


def rows(data: bytes) -> list[dict[str, str]]:
    page = io.StringIO(data.decode("utf-8"), newline="")
    return list(csv.DictReader(page, strict=True))


def spans(cell: str) -> tuple[Span, ...]:
    pairs = (piece.split("-") for piece in cell.split())
    return tuple(Span(int(start), int(end)) for start, end in pairs)


def test_a_row_a_statement() -> None:
    data = b"".join(writer("csv")([(ARTICLE, EXTRACTION)]))
    assert data.startswith(",".join(COLUMNS).encode() + b"\r\n")
    first, second, *_, last = rows(data)
    assert first["speaker"] == "Ada Brandt" and first["speaker_mention"] == "Mayor Ada Brandt"
    assert (first["intermediaries"], first["intermediary_kinds"]) == ("Reuters", "outlet")
    assert (first["confidence"], first["model"]) == ("0.9375", "quotewire-base@1.0.0")
    assert second["quote"] == "“We asked eleven firms,” … “Three answered 🚢.”"
    assert last["act"] == "attitude" and last["speaker"] == "Voters"
    assert [row["reported_in"] for row in rows(data)] == ["", "", "", "s3", ""]
    assert [spans(row["quote_spans"]) for row in rows(data)] == [s.quote.spans for s in STATEMENTS]
    assert TEXT[slice(*map(int, first["quote_spans"].split("-")))] == first["quote"]


def test_no_cell_is_a_formula_and_none_is_lost() -> None:
    for cell in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\n@x", "\x00=1"):
        assert guarded(cell) == f"'{cell}" and unguarded(guarded(cell)) == cell
    for cell in ("", "a=1", "“=1”", "Ann", "1-2"):
        assert guarded(cell) == cell == unguarded(cell)
    assert unguarded(guarded("'twas")) == "'twas"


@settings(max_examples=30, deadline=None)
@given(answers(surrogates=False))
def test_whatever_the_words_the_file_is_well_formed_and_gives_them_back(
    answer: tuple[Article, Extraction],
) -> None:
    article, extraction = answer
    data = b"".join(writer("csv")([answer]))
    text = data.decode("utf-8")
    assert "".join(RECORD.findall(text)) == text
    read = rows(data)
    assert len(read) == len(extraction.statements)
    for row, statement in zip(read, extraction.statements, strict=True):
        assert unguarded(row["article"]) == article.id
        assert unguarded(row["quote"]) == quote_text(article.text, statement.quote.spans)
        assert spans(row["quote_spans"]) == statement.quote.spans
        assert unguarded(row["cue"]) == statement.cue.slice(article.text)
        # What a spreadsheet looks at: the first character, or the first that is no space.
        assert not any(
            cell.lstrip()[:1] in tuple("=+-@＝＋－＠") for cell in row.values() if cell.strip()
        )
