"""The writer of Parquet parts."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from quotewire.batch.schema import ARTICLES, STATEMENTS, Row, article_row, statement_rows, to_table
from quotewire.batch.scoring import Scored
from quotewire.batch.writers import Files

_PYTHON_ROWS = 512
# Larger row groups are read faster and packed better.
_GROUP_BYTES = 16_000_000


class ParquetPart(Files):
    """One file of statements and one of articles (docs/archives.md)."""

    def __init__(self, statements: Path, articles: Path, *, with_text: bool) -> None:
        super().__init__(statements, articles)
        self._with_text = with_text

    def _open(self, files: list[IO[bytes]]) -> None:
        self._statements = _Table(files[0], STATEMENTS)
        self._articles = _Table(files[1], ARTICLES)

    def write(self, scored: Scored, *, row: int) -> None:
        self._articles.add(article_row(scored, row=row, with_text=self._with_text))
        for statement in statement_rows(scored, row=row):
            self._statements.add(statement)

    def _close(self) -> None:
        self._statements.close()
        self._articles.close()

    def _abandon(self) -> None:
        self._statements.abandon()
        self._articles.abandon()


class _Table:
    """Gathers rows, soon as Arrow (which holds them in a tenth of the memory), and writes them as
    row groups."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")
        self._schema = schema
        self._rows: list[Row] = []
        self._tables: list[pa.Table] = []

    def add(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) >= _PYTHON_ROWS:
            self._pack()
            if sum(table.nbytes for table in self._tables) >= _GROUP_BYTES:
                self._flush()

    def close(self) -> None:
        self._pack()
        self._flush()
        self._writer.close()

    def abandon(self) -> None:
        """The file is given up: nobody will read what this writes."""
        with suppress(Exception):
            self._writer.close()
        self._writer.is_open = False

    def _pack(self) -> None:
        if self._rows:
            self._tables.append(to_table(self._rows, self._schema))
            self._rows = []

    def _flush(self) -> None:
        if self._tables:
            self._writer.write_table(pa.concat_tables(self._tables))
            self._tables = []
