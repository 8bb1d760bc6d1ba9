"""Both logs in PostgreSQL, for teams and for several servers; needs the extra ``postgres``.

Tables are made where they are missing.  A connection that broke is opened anew at the next write.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from quotewire.errors import ConfigError
from quotewire.experiments.feedback import content_of, identity, known_before
from quotewire.experiments.records import Exposure, Feedback, exposure_to_json, feedback_to_json

if TYPE_CHECKING:
    from psycopg import Connection

SCHEMES = ("postgresql://", "postgres://")
# A server that hangs must not hold a thread for ever (seconds, milliseconds).
_CONNECT_TIMEOUT_S = 10
_STATEMENT_TIMEOUT_MS = 30_000
# Only one server at a time makes the tables ("quotewire", as a number).
_LOCK = 0x71756F7465776972

EXPOSURES = """
CREATE TABLE IF NOT EXISTS quotewire_exposures (
    id text PRIMARY KEY,
    pair text NOT NULL,
    time timestamptz NOT NULL,
    experiment text NOT NULL,
    salt text NOT NULL,
    unit text NOT NULL,
    unit_hash text NOT NULL,
    bucket integer NOT NULL,
    variant text NOT NULL,
    role text NOT NULL,
    override boolean NOT NULL,
    model text NOT NULL,
    digest text NOT NULL,
    article_id text NOT NULL,
    text_hash text NOT NULL,
    text_length integer NOT NULL,
    caller text NOT NULL,
    publisher text,
    section text,
    language text,
    all_acts boolean NOT NULL,
    min_confidence double precision,
    tokens integer NOT NULL,
    seconds double precision NOT NULL,
    queue_s double precision NOT NULL,
    error text,
    text text,
    statements jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS quotewire_exposures_by_time
    ON quotewire_exposures (experiment, time);
CREATE INDEX IF NOT EXISTS quotewire_exposures_by_article
    ON quotewire_exposures (article_id);
"""
FEEDBACK = """
CREATE TABLE IF NOT EXISTS quotewire_feedback (
    key text NOT NULL,
    time timestamptz NOT NULL,
    article_id text NOT NULL,
    statement_id text NOT NULL,
    verdict text NOT NULL,
    corrected jsonb NOT NULL,
    editor text NOT NULL,
    caller text NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (caller, key)
);
CREATE INDEX IF NOT EXISTS quotewire_feedback_by_statement
    ON quotewire_feedback (article_id, statement_id);
"""


class _Database:
    """One connection, opened when it is needed, given up when anything goes wrong."""

    def __init__(self, dsn: str, *, tables: str) -> None:
        """Raises ConfigError where the extra is missing or ``dsn`` is none."""
        try:
            import psycopg
            from psycopg.conninfo import conninfo_to_dict
        except ImportError:
            raise ConfigError(
                "experiments_log: PostgreSQL needs the extra: pip install 'quotewire[postgres]'"
            ) from None
        try:
            conninfo_to_dict(dsn)
        except psycopg.ProgrammingError:  # its message may hold the password
            raise ConfigError(
                "experiments_log: got no connection string that PostgreSQL knows; allowed: "
                "postgresql://user@host:port/database, or a folder"
            ) from None
        self._dsn = dsn
        self._tables = tables
        self._connection: Connection[Any] | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection[Any]]:
        """Committed at its end, or, where anything is raised, nothing of it."""
        connection = self._connection or self._connect()
        try:
            with connection.transaction():
                yield connection
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def _connect(self) -> Connection[Any]:
        import psycopg

        connection = psycopg.connect(
            self._dsn,
            autocommit=True,  # transaction() begins and ends them
            connect_timeout=_CONNECT_TIMEOUT_S,
            options=f"-c statement_timeout={_STATEMENT_TIMEOUT_MS}",
            application_name="quotewire",
            # A network that swallows packets: given up after as long as a statement may take.
            tcp_user_timeout=_STATEMENT_TIMEOUT_MS,
        )
        try:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
                connection.execute(self._tables)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection


class PostgresSink:
    """Exposures in the table ``quotewire_exposures``; each row once, however often it comes."""

    def __init__(self, dsn: str) -> None:
        self._database = _Database(dsn, tables=EXPOSURES)

    def write(self, rows: Sequence[Exposure]) -> int:
        import psycopg

        values = [_storable(exposure_to_json(row)) for row in rows]
        try:
            self._insert(values)
        except psycopg.DataError:
            # Something in one of them: the others must not wait behind it for ever.
            return sum(self._cannot_insert(value) for value in values)
        return 0

    def close(self) -> None:
        self._database.close()

    def _insert(self, values: Sequence[Mapping[str, Any]]) -> None:
        columns = list(values[0])
        with self._database.transaction() as connection, connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO quotewire_exposures ({', '.join(columns)}) "
                f"VALUES ({', '.join(f'%({column})s' for column in columns)}) "
                "ON CONFLICT (id) DO NOTHING",
                values,
            )

    def _cannot_insert(self, value: Mapping[str, Any]) -> bool:
        import psycopg

        try:
            self._insert([value])
        except psycopg.DataError:
            return True
        return False


class PostgresFeedback:
    """Feedback in the table ``quotewire_feedback``: committed before record() returns."""

    def __init__(self, dsn: str) -> None:
        self._database = _Database(dsn, tables=FEEDBACK)
        self._one_at_a_time = threading.Lock()

    def record(self, rows: Sequence[Feedback]) -> list[bool]:
        """See FeedbackStore; anything but InputError comes from psycopg."""
        with self._one_at_a_time, self._database.transaction() as connection:
            # One writer at a time: two that bring the same key cannot miss each other.
            connection.execute("LOCK TABLE quotewire_feedback IN SHARE ROW EXCLUSIVE MODE")
            stored = [_storable(feedback_to_json(row)) for row in rows]
            found = connection.execute(
                "SELECT caller, key, content FROM quotewire_feedback WHERE key = ANY(%s)",
                [[value["key"] for value in stored]],
            )
            known = {(caller, key): content for caller, key, content in found}
            # Known under the keys as they are stored.
            renamed = {
                identity(row): known[(value["caller"], value["key"])]
                for row, value in zip(rows, stored, strict=True)
                if (value["caller"], value["key"]) in known
            }
            before = known_before(rows, renamed)
            new = [
                value | {"content": content_of(row)}
                for row, value, old in zip(rows, stored, before, strict=True)
                if not old
            ]
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO quotewire_feedback (key, time, article_id, statement_id, verdict, "
                    "corrected, editor, caller, content) VALUES (%(key)s, %(time)s, "
                    "%(article_id)s, %(statement_id)s, %(verdict)s, %(corrected)s, %(editor)s, "
                    "%(caller)s, %(content)s)",
                    new,
                )
            return before

    def close(self) -> None:
        with self._one_at_a_time:
            self._database.close()


def read_rows(dsn: str, table: str) -> Iterator[dict[str, Any]]:
    """The rows of ``quotewire_exposures`` or ``quotewire_feedback`` in the order of their times, as
    their logs' JSON; a server-side cursor, so that memory stays flat."""
    tables = {"quotewire_exposures": EXPOSURES, "quotewire_feedback": FEEDBACK}
    from psycopg.rows import dict_row

    database = _Database(dsn, tables=tables[table])
    try:
        with (
            database.transaction() as connection,
            connection.cursor(name="quotewire", row_factory=dict_row) as cursor,
        ):
            cursor.execute(f"SELECT * FROM {table} ORDER BY time")
            for row in cursor:
                yield {**row, "time": row["time"].isoformat()}
    finally:
        database.close()


def _storable(row: Mapping[str, Any]) -> dict[str, Any]:
    """PostgreSQL's text has no NUL: U+FFFD stands in its place."""
    from psycopg.types.json import Jsonb

    def clean(value: Any) -> Any:
        match value:
            case str():
                return value.replace("\x00", "\ufffd")
            case dict():
                return {clean(key): clean(inner) for key, inner in value.items()}
            case list():
                return [clean(inner) for inner in value]
        return value

    cleaned = clean(dict(row))
    return {
        key: Jsonb(value) if isinstance(value, (dict, list)) else value
        for key, value in cleaned.items()
    }
