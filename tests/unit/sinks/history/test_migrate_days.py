"""Migration 0063 gives `windows_1d` another key: with every row kept, wherever it is interrupted."""

from __future__ import annotations

import pytest

from callgauge_history import migrate as module
from callgauge_history.migrate import Migration, all_migrations, migrate
from callgauge_history.store import Store, StoreUnavailable
from tests.unit.sinks.history.test_migrate_calls import DyingStore

[BY_SERIES] = [migration for migration in all_migrations() if migration.number == 63]
#: As 0012 made it.
[OLD_TABLE] = [
    statement.sql
    for migration in all_migrations()
    if migration.number == 12
    for statement in migration.statements
    if statement.sql.startswith("CREATE TABLE IF NOT EXISTS windows_1d ")
]
KEY = "SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = 'windows_1d'"
ROWS = "SELECT grouping, series_id, toUnixTimestamp64Milli(window_start), n FROM windows_1d FINAL ORDER BY ALL"
TABLES = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'windows_1d%'"


def add(store: Store, table: str, n: int) -> None:
    """Two series of three days, each copy of a day with n calls."""
    store.command(
        f"INSERT INTO {table} (grouping, series_id, window_start, n, version) "
        "SELECT 'model@10s', number % 2, toDateTime64('2026-10-01 00:00:00', 3, 'UTC') + INTERVAL intDiv(number, 2) "
        f"DAY, {n}, {n} FROM numbers(6)"
    )


@pytest.fixture
def old_store(module_store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store in which 0063 is still to be done, with rows of which each has a newer copy."""
    before: list[Migration] = [BY_SERIES]
    monkeypatch.setattr(module, "all_migrations", lambda: before)
    for table in ("windows_1d", "windows_1d_0062", "windows_1d_0063", "migrations"):
        module_store.command(f"DROP TABLE IF EXISTS {table}")
    module_store.command(OLD_TABLE)
    add(module_store, "windows_1d", 1)
    add(module_store, "windows_1d", 2)
    return module_store


def check(store: Store, n: int = 2) -> None:
    days = [1_790_812_800_000 + day * 86_400_000 for day in range(3)]
    assert store.query(ROWS).rows == [["model@10s", series, day, n] for series in (0, 1) for day in days]
    assert store.query(KEY).rows == [["grouping, series_id, window_start"]]
    assert store.query(TABLES).rows == [["windows_1d"]]


@pytest.mark.parametrize("left", range(len(BY_SERIES.statements) + 3))
def test_a_process_that_dies(old_store: Store, left: int) -> None:
    """Before whichever statement: the next run ends with the same store."""
    try:
        migrate(DyingStore(old_store, left))  # type: ignore[arg-type]
    except StoreUnavailable:
        migrate(old_store)
    check(old_store)


def test_a_server_that_dies_between_the_renames(old_store: Store) -> None:
    """The old table has its new name, the new one not yet."""
    with pytest.raises(StoreUnavailable):
        migrate(DyingStore(old_store, 3))  # type: ignore[arg-type]
    old_store.command("RENAME TABLE windows_1d TO windows_1d_0062")
    migrate(old_store)
    check(old_store)


def test_what_is_derived_after_the_copy(old_store: Store) -> None:
    """Another process may derive days again while they are copied."""
    with pytest.raises(StoreUnavailable):
        migrate(DyingStore(old_store, 3))  # type: ignore[arg-type]
    add(old_store, "windows_1d", 3)
    migrate(old_store)
    check(old_store, n=3)
