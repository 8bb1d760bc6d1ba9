"""Both logs in a real PostgreSQL."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from quotewire.errors import ConfigError
from quotewire.experiments.exposures import ExposureLog
from quotewire.experiments.logs import open_feedback, open_sink, read_exposures, read_feedback
from tests.experiments.rows import TEXT, exposure, feedback
from tests.experiments.test_exposures import PATIENCE_S, until
from tests.experiments.test_feedback import check_a_store
from tests.postgres import Postgres, running_postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres(server: Postgres) -> Postgres:
    with psycopg.connect(server.dsn) as connection:
        connection.execute("DROP TABLE IF EXISTS quotewire_exposures, quotewire_feedback")
    return server


def test_exposures_come_back_and_are_there_once(postgres: Postgres) -> None:
    sink = open_sink(postgres.dsn, max_file_bytes=1)
    rows = [exposure(n, text=TEXT, min_confidence=0.25) for n in range(5)]
    rows.append(exposure(9, statements=(), error="INTERNAL", publisher=None, section=None))
    assert sink.write(rows[:3]) == 0
    assert sink.write(rows) == 0, "what may have been written comes again"
    sink.close()
    assert list(read_exposures(postgres.dsn)) == rows


def test_one_row_that_cannot_be_stored_does_not_stop_the_others(postgres: Postgres) -> None:
    sink = open_sink(postgres.dsn, max_file_bytes=1)
    too_large = exposure(1, bucket=2**40)
    assert sink.write([exposure(0), too_large, exposure(2)]) == 1
    sink.close()
    assert [row.article_id for row in read_exposures(postgres.dsn)] == ["a0", "a2"]


def test_nul_is_replaced(postgres: Postgres) -> None:
    sink = open_sink(postgres.dsn, max_file_bytes=1)
    assert sink.write([exposure(1, article_id="a\x00b", text="\x00 said x.", statements=())]) == 0
    sink.close()
    [row] = read_exposures(postgres.dsn)
    assert (row.article_id, row.text) == ("a\ufffdb", "\ufffd said x.")
    store = open_feedback(postgres.dsn)
    bad = feedback("k\x00", article_id="a\x00b")
    assert store.record([bad]) == [False]
    assert store.record([bad]) == [True]
    store.close()
    assert [row.article_id for row in read_feedback(postgres.dsn)] == ["a\ufffdb"]


def test_feedback_is_kept(postgres: Postgres) -> None:
    check_a_store(postgres.dsn)


def test_servers_that_bring_the_same_keys_record_each_once(postgres: Postgres) -> None:
    def bring(_: int) -> list[bool]:
        store = open_feedback(postgres.dsn)
        try:
            return [store.record([feedback(f"k{number}")])[0] for number in range(20)]
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        known = list(pool.map(bring, range(4)))
    assert sum(not before for one in known for before in one) == 20
    assert len(list(read_feedback(postgres.dsn))) == 20


def test_exposures_and_feedback_join(postgres: Postgres) -> None:
    sink, store = open_sink(postgres.dsn, max_file_bytes=1), open_feedback(postgres.dsn)
    sink.write([exposure(1), replace(exposure(2), article_id="a1", variant="base")])
    store.record([feedback("k1")])
    with psycopg.connect(postgres.dsn) as connection:
        rows = connection.execute(
            "SELECT e.variant, f.verdict FROM quotewire_exposures e, "
            "jsonb_array_elements(e.statements) s JOIN quotewire_feedback f "
            "ON f.statement_id = s->>'id' WHERE f.article_id = e.article_id ORDER BY 1"
        ).fetchall()
    sink.close()
    store.close()
    assert rows == [("base", "accepted"), ("small", "accepted")]


def test_a_server_that_went_away_is_found_again(postgres: Postgres) -> None:
    counts: Counter[str] = Counter()
    log = ExposureLog(
        open_sink(postgres.dsn, max_file_bytes=1),
        max_rows=100,
        count=lambda outcome, rows: counts.update({outcome: rows}),
    )
    store = open_feedback(postgres.dsn)
    log.put(exposure(1))
    until(lambda: not log.waiting)
    store.record([feedback("k1")])
    postgres.stop()
    try:
        log.put(exposure(2))
        until(lambda: log.failing)
        with pytest.raises(psycopg.OperationalError):
            store.record([feedback("k2")])
    finally:
        postgres.start()
    assert store.record([feedback("k1"), feedback("k2")]) == [True, False]
    until(lambda: not log.waiting)
    log.close(timeout_s=PATIENCE_S)
    store.close()
    assert counts == {"written": 2}
    assert [row.article_id for row in read_exposures(postgres.dsn)] == ["a1", "a2"]


def test_a_server_that_hangs_costs_rows_only(postgres: Postgres) -> None:
    counts: Counter[str] = Counter()
    log = ExposureLog(
        open_sink(postgres.dsn, max_file_bytes=1),
        max_rows=5,
        count=lambda outcome, rows: counts.update({outcome: rows}),
    )
    log.put(exposure(0))
    until(lambda: not log.waiting)
    with psycopg.connect(postgres.dsn) as connection:
        connection.execute("LOCK TABLE quotewire_exposures IN ACCESS EXCLUSIVE MODE")
        taken = [log.put(exposure(n)) for n in range(1, 20)]
        assert taken == [True] * 5 + [False] * 14
        time.sleep(0.2)
        assert log.waiting == 5
    until(lambda: not log.waiting)
    log.close(timeout_s=PATIENCE_S)
    assert counts == {"written": 6, "dropped": 14}


@pytest.mark.parametrize("dsn", ["postgresql://:secret@[", "postgresql://u:secret@h/d?nonsense=1"])
def test_a_connection_string_that_is_none_is_refused_without_its_password(dsn: str) -> None:
    with pytest.raises(ConfigError, match="experiments_log: got no connection string") as caught:
        open_sink(dsn, max_file_bytes=1)
    assert "secret" not in str(caught.value)
