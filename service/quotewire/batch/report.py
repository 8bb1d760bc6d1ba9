"""What came of a run, counted from its outputs: so it holds whatever was resumed, moved or merged.

All counting is DuckDB's, over the tables or lines on disk, with bounded memory (it spills to a
temporary folder), so that a run of 100 million articles can be reported on from a laptop.
"""

from __future__ import annotations

import glob
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from quotewire.batch.extras import needed_for
from quotewire.batch.job import Duplicates, Places
from quotewire.batch.records import ShardCounts
from quotewire.errors import QuotewireError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "1GB"
_THREADS = 4
_LINE_BYTES, _LETTER_BYTES = 1 << 26, 1 << 20
# Statements of one article are counted up to so many; more count as this.
MANY_STATEMENTS = 30
CONFIDENCE_BINS = 10


@dataclass(frozen=True, slots=True)
class Speaker:
    """``type`` is the one they have most often."""

    name: str
    type: str | None
    statements: int
    articles: int


@dataclass(frozen=True, slots=True)
class Outlet:
    """A publisher of articles, by what they named it."""

    name: str
    articles: int
    statements: int


@dataclass(frozen=True, slots=True)
class Channel:
    """An intermediary: through whom statements reached the articles; ``statements`` of so many
    different ``speakers``."""

    name: str
    kind: str
    statements: int
    speakers: int


@dataclass(frozen=True, slots=True)
class Printing:
    """A quotation that several articles print, and all the speakers that they give it to."""

    text: str
    articles: int
    outlets: int
    speakers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    file: str
    line: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """Figures of a run; lists hold the ``top`` largest, largest first.

    ``records`` = ``answered`` + ``copies_passed`` + the sum of ``dead_letters``.
    ``worker_seconds``, ``tokens`` and ``characters`` are of the receipts of its shards: 0 where
    these are gone.
    ``statements_per_article[n]`` counts answered articles with n statements (the last: that many or
    more); ``confidences[n]`` statements with a confidence in tenth n.  ``published`` counts
    statements by year, ``2024``, or by month, ``2024-03``, if those are few.
    """

    name: str
    finished: bool
    models: tuple[str, ...]
    records: int
    answered: int
    copies_passed: int
    exact_copies: int
    near_copies: int
    dead_letters: dict[str, int]
    dead_examples: tuple[DeadLetter, ...]
    passed_over: dict[str, int]
    statements: int
    without_statements: int
    by_kind: dict[str, int]
    by_act: dict[str, int]
    by_speaker_type: dict[str, int]
    unnamed: int
    nested: int
    languages: dict[str, int]
    speakers: tuple[Speaker, ...]
    outlets: tuple[Outlet, ...]
    channels: tuple[Channel, ...]
    printings: tuple[Printing, ...]
    published: dict[str, int]
    confidences: tuple[int, ...]
    statements_per_article: tuple[int, ...]
    characters: int
    tokens: int
    worker_seconds: float

    @property
    def dead(self) -> int:
        return sum(self.dead_letters.values())

    @property
    def articles_per_second(self) -> float | None:
        """Of one worker; None where nothing was measured."""
        return self.answered / self.worker_seconds if self.worker_seconds else None

    @property
    def tokens_per_second(self) -> float | None:
        return self.tokens / self.worker_seconds if self.worker_seconds else None


def report_on(out: str | Path, *, top: int = 15) -> RunReport:
    """The figures of the run whose output is ``out`` (a folder or a .jsonl file), as far as it got.

    Raises QuotewireError where there is no output of a run, or DuckDB is not installed.
    """
    places = Places(Path(out))
    receipts = _receipts(places)
    with _database() as db:
        manifest = _manifest(places)
        once = manifest.get("settings", {}).get("--duplicates") == Duplicates.ONCE
        _views(db, places, once=once)
        return RunReport(
            name=places.out.name,
            finished=places.finished.exists(),
            passed_over=manifest.get("passed_over", {}),
            characters=receipts.characters,
            tokens=receipts.tokens,
            worker_seconds=receipts.seconds,
            **_articles(db),
            **_dead_letters(db),
            **_statements(db),
            **_tops(db, top),
        )


@contextmanager
def _database() -> Iterator[DuckDBPyConnection]:
    with needed_for("reports"):
        import duckdb
    with tempfile.TemporaryDirectory(prefix="quotewire-report-") as folder:
        db = duckdb.connect(
            config={
                "memory_limit": MEMORY,
                "threads": _THREADS,
                "temp_directory": folder,
                "preserve_insertion_order": False,
            }
        )
        with db:
            try:
                yield db
            except duckdb.Error as error:
                raise QuotewireError(f"cannot count: {error}") from error


_SPAN = 'STRUCT(start INTEGER, "end" INTEGER)'
_SPAN_TEXT = 'STRUCT(start INTEGER, "end" INTEGER, text VARCHAR)'
_LINE_COLUMNS = {
    "id": "VARCHAR",
    "model": "VARCHAR",
    "language": "VARCHAR",
    "error": "VARCHAR",
    "duplicate_of": "VARCHAR",
    "similarity": "FLOAT",
    "statements": "STRUCT(id VARCHAR, act VARCHAR, confidence FLOAT, reported_in VARCHAR, "
    f"quote STRUCT(text VARCHAR, kind VARCHAR, spans {_SPAN}[], verbatim {_SPAN}[]), "
    f"speaker STRUCT(name VARCHAR, type VARCHAR, mention {_SPAN_TEXT}), cue {_SPAN_TEXT}, "
    f"intermediaries STRUCT(name VARCHAR, kind VARCHAR, mention {_SPAN_TEXT})[])[]",
}
_LETTER_COLUMNS = {"file": "VARCHAR", "line": "BIGINT", "reason": "VARCHAR", "detail": "VARCHAR"}


def _views(db: DuckDBPyConnection, places: Places, *, once: bool) -> None:
    """Views ``articles``, ``answered``, ``statements`` and ``letters``, whatever the output's kind;
    ``once``: copies were not scored."""
    if places.is_file:
        lines = [str(places.out)] if places.out.exists() else _parts(places.run / "lines", "jsonl")
        if not lines:
            raise _no_run(places)
        _json_view(db, "lines", lines, _LINE_COLUMNS, longest=_LINE_BYTES)
        db.execute("""
            CREATE VIEW articles AS SELECT
              row_number() OVER () AS article_row, model, language, error, duplicate_of, similarity,
              len(statements) AS statements, NULL::VARCHAR AS publisher,
              NULL::VARCHAR AS published, statements AS list
            FROM lines""")
        db.execute("""
            CREATE VIEW statements AS SELECT
              article_row, s.act, s.confidence, s.reported_in, s.quote.kind AS quote_kind,
              s.quote.text AS quote_text, NULL::VARCHAR AS quote_key,
              s.speaker.name AS speaker_name, s.speaker.type AS speaker_type,
              s.intermediaries AS intermediaries
            FROM (SELECT article_row, unnest(list) AS s FROM articles)""")
    else:
        for table in ("articles", "statements"):
            parts = _parts(places.out / table, "parquet")
            if not parts:
                raise _no_run(places)
            db.read_parquet(parts).create_view(table)
    passed = "duplicate_of IS NOT NULL" if once else "false"
    db.execute(f"CREATE VIEW answered AS FROM articles WHERE error IS NULL AND NOT ({passed})")
    letters = [str(places.dead_letters)] if places.dead_letters.exists() else []
    letters = letters or _parts(places.run / "dead_letters", "jsonl")
    if letters:
        _json_view(db, "letters", letters, _LETTER_COLUMNS, longest=_LETTER_BYTES)
    else:
        columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in _LETTER_COLUMNS.items())
        db.execute(f"CREATE VIEW letters AS SELECT {columns} WHERE false")


def _json_view(
    db: DuckDBPyConnection, name: str, paths: list[str], columns: dict[str, str], *, longest: int
) -> None:
    """``longest``: bytes of a line; DuckDB takes twice as much memory for each thread."""
    db.read_json(
        cast(str, paths),  # its type stub forgets lists
        columns=columns,
        format="newline_delimited",
        maximum_object_size=longest,
    ).create_view(name)


def _parts(folder: Path, suffix: str) -> list[str]:
    return sorted(glob.glob(f"{glob.escape(str(folder))}/part-*.{suffix}"))


def _no_run(places: Places) -> QuotewireError:
    return QuotewireError(f"{places.out}: no output of `quotewire score` is there")


def _manifest(places: Places) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(places.manifest.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return manifest


def _receipts(places: Places) -> ShardCounts:
    known = {field.name for field in fields(ShardCounts)}
    total = ShardCounts()
    for path in (places.run / "receipts").glob("part-??????.json"):
        counts = json.loads(path.read_bytes())["counts"]
        total += ShardCounts(**{name: counts[name] for name in counts if name in known})
    return total


def _articles(db: DuckDBPyConnection) -> dict[str, Any]:
    records, good, exact, near = _row(
        db,
        """SELECT count(*), count(*) FILTER (error IS NULL),
          count(*) FILTER (duplicate_of IS NOT NULL AND similarity >= 1),
          count(*) FILTER (duplicate_of IS NOT NULL AND similarity < 1) FROM articles""",
    )
    query = f"SELECT least(statements, {MANY_STATEMENTS}), count(*) FROM answered GROUP BY 1"
    per_article = [0] * (MANY_STATEMENTS + 1)
    for number, count in db.execute(query).fetchall():
        per_article[number] = count
    return {
        "records": records,
        "answered": sum(per_article),
        "copies_passed": good - sum(per_article),
        "exact_copies": exact,
        "near_copies": near,
        "without_statements": per_article[0],
        "statements_per_article": tuple(per_article),
        "models": tuple(_counts(db, "model", "articles WHERE model IS NOT NULL")),
        "languages": _counts(db, "coalesce(language, 'unknown')", "answered"),
        "published": _published(db),
    }


def _published(db: DuckDBPyConnection) -> dict[str, int]:
    """Statements by month where those are at most three years' worth, else by year; articles whose
    date is none in ISO 8601 are left out."""
    for length in (7, 4):
        shape = "____-__%" if length == 7 else "____%"
        found: dict[str, int] = dict(
            db.execute(
                f"""SELECT left(published, {length}), sum(statements)::BIGINT FROM answered
                WHERE published LIKE '{shape}' AND try_cast(left(published, 4) AS INT) IS NOT NULL
                GROUP BY 1 ORDER BY 1"""
            ).fetchall()
        )
        if len(found) <= 36:
            return found
    return found


def _dead_letters(db: DuckDBPyConnection) -> dict[str, Any]:
    examples = db.execute("""
        SELECT file, line, reason, detail FROM
          (SELECT *, row_number() OVER (PARTITION BY reason ORDER BY file, line) AS n FROM letters)
        WHERE n <= 2 ORDER BY reason, n LIMIT 20""").fetchall()
    return {
        "dead_letters": _counts(db, "reason", "letters"),
        "dead_examples": tuple(DeadLetter(*row) for row in examples),
    }


def _statements(db: DuckDBPyConnection) -> dict[str, Any]:
    count, unnamed, nested = _row(
        db,
        """SELECT count(*), count(*) FILTER (speaker_name IS NULL),
        count(*) FILTER (reported_in IS NOT NULL) FROM statements""",
    )
    confidences = [0] * CONFIDENCE_BINS
    for tenth, number in db.execute(f"""
        SELECT least(floor(confidence * {CONFIDENCE_BINS})::INT, {CONFIDENCE_BINS - 1}), count(*)
        FROM statements GROUP BY 1""").fetchall():
        confidences[tenth] = number
    return {
        "statements": count,
        "unnamed": unnamed,
        "nested": nested,
        "by_kind": _counts(db, "quote_kind", "statements"),
        "by_act": _counts(db, "act", "statements"),
        "by_speaker_type": _counts(db, "coalesce(speaker_type, 'unknown')", "statements"),
        "confidences": tuple(confidences),
    }


def _tops(db: DuckDBPyConnection, top: int) -> dict[str, Any]:
    speakers = db.execute(
        """SELECT speaker_name, mode(speaker_type), count(*) AS n, count(DISTINCT article_row)
        FROM statements WHERE speaker_name IS NOT NULL
        GROUP BY 1 ORDER BY n DESC, 1 LIMIT ?""",
        [top],
    ).fetchall()
    outlets = db.execute(
        """SELECT publisher, count(*) AS n, sum(statements)::BIGINT
        FROM articles WHERE publisher IS NOT NULL AND error IS NULL
        GROUP BY 1 ORDER BY n DESC, 1 LIMIT ?""",
        [top],
    ).fetchall()
    channels = db.execute(
        """SELECT via.name, mode(via.kind), count(*) AS n, count(DISTINCT speaker_name)
        FROM (SELECT speaker_name, unnest(intermediaries) AS via FROM statements)
        WHERE via.name IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1 LIMIT ?""",
        [top],
    ).fetchall()
    # Names are gathered for the few that are shown only.
    printings = db.execute(
        """WITH most AS (
            SELECT quote_key, count(DISTINCT article_row) AS n, min(quote_text) AS words
            FROM statements WHERE quote_key IS NOT NULL
            GROUP BY 1 HAVING n > 1 ORDER BY n DESC, 1 LIMIT ?)
        SELECT words, n, count(DISTINCT publisher),
          list_sort(list_distinct(list(speaker_name)))[:5]
        FROM most JOIN statements USING (quote_key) JOIN articles USING (article_row)
        GROUP BY quote_key, words, n ORDER BY n DESC, quote_key""",
        [top],
    ).fetchall()
    return {
        "speakers": tuple(Speaker(*row) for row in speakers),
        "outlets": tuple(Outlet(*row) for row in outlets),
        "channels": tuple(Channel(*row) for row in channels),
        "printings": tuple(
            Printing(text, n, outlets, tuple(name for name in names if name))
            for text, n, outlets, names in printings
        ),
    }


def _counts(db: DuckDBPyConnection, what: str, where: str) -> dict[str, int]:
    """How often each value is there, most frequent first."""
    query = f"SELECT {what} AS value, count(*) AS n FROM {where} GROUP BY 1 ORDER BY n DESC, 1"
    return dict(db.execute(query).fetchall())


def _row(db: DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    [row] = db.execute(query).fetchall()
    return tuple(row)
