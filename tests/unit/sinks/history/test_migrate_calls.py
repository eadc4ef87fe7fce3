"""Migration 0005 gives `calls` another engine: with every row kept, wherever it is interrupted."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest

from callgauge.errors import StoreError
from callgauge_history import migrate as module
from callgauge_history.migrate import all_migrations, migrate
from callgauge_history.store import QueryResult, Store, StoreUnavailable
from callgauge_sinks.rows import call_rows
from tests.examples import examples
from tests.random_calls import random_calls
from tests.unit.sinks.test_rows import call_record

STATEMENTS = len(all_migrations()[4].statements)
CALLS = list(random_calls(400, seed=11))


def old_rows(first: int, end: int) -> pa.Table:
    """What a sink of before wrote: no source."""
    records = [call_record(CALLS[offset], offset=offset) for offset in range(first, end)]
    return call_rows(records)["calls"].drop_columns("source")


@pytest.fixture
def old_store(module_store: Store) -> Store:
    """A store as 0004 left it, with 300 calls."""
    make_old(module_store)
    return module_store


@pytest.fixture
def up_to_0005(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that follow are not repeated for each way in which 0005 may be interrupted."""
    monkeypatch.setattr(module, "all_migrations", lambda: all_migrations()[:5])


def make_old(store: Store) -> None:
    tables = store.query("SELECT name FROM system.tables WHERE database = currentDatabase()").rows
    for (name,) in tables:
        store.command(f"DROP TABLE {name}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "all_migrations", lambda: all_migrations()[:4])
        migrate(store)
    store.insert("calls", old_rows(0, 200))
    store.insert("calls", old_rows(150, 300))


def check_new(store: Store, calls: int = 300, later: tuple[str, ...] = ("calls_priced",)) -> None:
    """`later`: what later migrations add to it."""
    expected = sorted([call.event_id, offset, ""] for offset, call in enumerate(CALLS[:calls]))
    assert store.query("SELECT event_id, kafka_offset, source FROM calls_final ORDER BY event_id").rows == expected
    tables = (
        "SELECT name, engine_full LIKE '%(version)%' FROM system.tables "
        "WHERE name LIKE 'calls%' AND name != 'calls_1h' ORDER BY name"  # of hours, and no copy of calls
    )
    assert store.query(tables).rows == [["calls", 1], ["calls_final", 0], *([name, 0] for name in later)]


class DyingStore:
    """Ends the process before the statement number `left`."""

    def __init__(self, store: Store, left: int) -> None:
        self._store, self._left = store, left

    def command(self, sql: str) -> None:
        if not self._left:
            raise StoreUnavailable("killed")
        self._left -= 1
        self._store.command(sql)

    def query(self, sql: str) -> QueryResult:
        return self._store.query(sql)


def test_old_rows_are_kept(old_store: Store) -> None:
    """Each is there once, without a source, and views show the new columns."""
    migrate(old_store)
    check_new(old_store)
    assert old_store.query("SELECT sum(folded) FROM blocks_final").rows == [[0]]


@pytest.mark.usefixtures("up_to_0005")
@pytest.mark.parametrize("left", range(1, STATEMENTS + 3))
def test_a_process_that_dies(old_store: Store, left: int) -> None:
    """Before whichever statement: the next run ends with the same store."""
    try:
        migrate(DyingStore(old_store, left))  # type: ignore[arg-type]
    except StoreUnavailable:
        migrate(old_store)
    check_new(old_store, later=())


def test_a_server_that_dies_between_the_renames(old_store: Store) -> None:
    """The old table has its new name, the new one not yet."""
    with pytest.raises(StoreUnavailable):
        migrate(DyingStore(old_store, 9))  # type: ignore[arg-type]
    assert old_store.query("SELECT count() > 0 FROM calls_0005").rows == [[1]]
    old_store.command("RENAME TABLE calls TO calls_0004")
    migrate(old_store)
    check_new(old_store)


def test_rows_written_after_the_copy(old_store: Store) -> None:
    """A sink of before that still runs loses nothing."""

    class Busy(DyingStore):
        def command(self, sql: str) -> None:
            if sql.startswith("RENAME TABLE calls TO"):
                old_store.insert("calls", old_rows(300, 400))
            super().command(sql)

    migrate(Busy(old_store, 1_000))  # type: ignore[arg-type]
    check_new(old_store, 400)


def test_a_table_that_is_away_for_a_moment(old_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that renames tables, between its two steps, ends nobody."""
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    missed: list[str] = []

    class Renamed(DyingStore):
        def command(self, sql: str) -> None:
            if sql.startswith("CREATE OR REPLACE VIEW calls_final") and len(missed) < 2:
                missed.append(sql)
                raise StoreError("Unknown table expression identifier 'default.calls'")
            super().command(sql)

    migrate(Renamed(old_store, 1_000))  # type: ignore[arg-type]
    assert len(missed) == 2
    check_new(old_store)


@pytest.mark.parametrize("attempt", range(examples(1, long=3)))
def test_two_runners_at_once(old_store: Store, attempt: int) -> None:
    """Both end well, whatever the order of their steps."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            migrate(old_store)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    check_new(old_store)
