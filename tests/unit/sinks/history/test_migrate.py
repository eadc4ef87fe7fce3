"""Migrations: in order, once, and harmless when two sinks start together."""

from __future__ import annotations

import re
import threading

import pytest

from callgauge.errors import StoreError
from callgauge_history.migrate import all_migrations, migrate
from callgauge_history.store import Store

HARMLESS = re.compile(
    r"CREATE (TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS|CREATE OR REPLACE (FUNCTION|VIEW)|"
    r"ALTER TABLE \w+ ADD (COLUMN|INDEX|PROJECTION) IF NOT EXISTS|"
    r"ALTER TABLE \w+\s+(MODIFY|MATERIALIZE) (COLUMN|INDEX|SETTING|TTL)|"
    r"DROP (TABLE|VIEW) IF EXISTS"
)
#: Harmless only behind a condition that ceases to hold, or when they copy what replaces itself.
HARMLESS_WHEN = re.compile(r"RENAME TABLE|INSERT INTO (calls(_0005)?|trace_days|usage_1h|windows_1d(_0063)?) SELECT ")


def test_no_number_is_taken_twice() -> None:
    """They may have gaps, and begin at 1."""
    numbers = [migration.number for migration in all_migrations()]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1


def test_one_below_the_newest_is_caught_up(store: Store) -> None:
    """A migration from another range of numbers is applied although a higher one was."""
    store.command("ALTER TABLE migrations DELETE WHERE number = 9 SETTINGS mutations_sync = 2")
    assert [migration.number for migration in migrate(store)] == [9]


def test_a_newer_schema_is_refused(store: Store) -> None:
    """An old process does not write into tables that a newer version has changed."""
    store.command("INSERT INTO migrations (number, name) VALUES (9999, 'of_tomorrow')")
    try:
        with pytest.raises(StoreError, match=r"newer than this callgauge: it has migration 9999 of_tomorrow"):
            migrate(store)
    finally:
        store.command("ALTER TABLE migrations DELETE WHERE number = 9999 SETTINGS mutations_sync = 2")


@pytest.mark.parametrize("migration", all_migrations(), ids=lambda migration: migration.name)
def test_each_statement_may_run_twice(migration) -> None:  # type: ignore[no-untyped-def]
    """Nothing locks a ClickHouse, so each statement is harmless when repeated."""
    assert migration.statements
    for statement in migration.statements:
        harmless = HARMLESS.match(statement.sql) or (statement.when and HARMLESS_WHEN.match(statement.sql))
        assert harmless, statement.sql.splitlines()[0]


def test_a_second_run_does_nothing(store: Store) -> None:
    """What is recorded is not run again."""
    assert migrate(store) == []
    recorded = store.query("SELECT number FROM migrations FINAL ORDER BY number").rows
    assert [[migration.number] for migration in all_migrations()] == recorded


def test_two_at_once(store: Store) -> None:
    """Two sinks that both find nothing recorded end with the same store."""
    store.command("TRUNCATE TABLE migrations")
    errors: list[BaseException] = []

    def run() -> None:
        try:
            migrate(store)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert store.query("SELECT count() FROM migrations FINAL").rows == [[len(all_migrations())]]
