"""Numbered, forward-only migrations: `migrations/NNNN_what.sql`, statements ended by a semicolon at the end of a line.

Several sinks may start at once, ClickHouse has no lock that would keep them apart, and a process may die between any
two statements. So each statement must be harmless when it is run twice (`IF NOT EXISTS`, `OR REPLACE`); the table
`migrations` only records what was done. A statement that is not harmless has a line `-- when: SELECT ...` before it,
and is run only if that query gives something other than zero. What fails is tried again for two seconds: another
process may be between two of its steps. If the query then gives zero, it has done what was to do.

Numbers may have gaps: people who work beside each other take numbers from ranges of their own. A migration is due when
its number is not recorded, also if a higher one is. A recorded number that this version does not have says that a newer
version has changed the schema; this one then refuses, since it might store what the newer one does not expect.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from callgauge.errors import StoreError
from callgauge_history.cluster import on_cluster
from callgauge_history.store import Store, StoreUnavailable

__all__ = ["Migration", "Statement", "all_migrations", "migrate", "pending", "statements_of"]

_WHEN = "-- when: "
_TRIES, _PAUSE_S = 5, 0.5
_MOVES_CALLS = re.compile(r"DROP TABLE IF EXISTS calls_\d+")

_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    number UInt32,
    name String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree
ORDER BY number
"""


@dataclass(frozen=True)
class Statement:
    """One statement. If its query `when` gives zero, there is nothing to do."""

    sql: str
    when: str | None = None


@dataclass(frozen=True)
class Migration:
    """One migration file."""

    number: int
    name: str
    statements: tuple[Statement, ...]


def migrate(store: Store, cluster: str = "") -> list[Migration]:
    """Bring the store to the newest schema. Returns the migrations that were applied now.

    Args:
        cluster: the cluster that the tables are made on (`callgauge_history.cluster`); "" for a single server.

    Raises:
        StoreError: a newer version of callgauge has changed the schema, or a statement failed.
    """
    missing = pending(store)
    for sql in on_cluster(_TABLE, cluster) if cluster else [_TABLE]:
        store.command(sql)
    for migration in missing:
        for statement in statements_of(migration, cluster):
            _run(store, statement)
        # Both values come from a file name of this package, so they need no escaping.
        store.command(f"INSERT INTO migrations (number, name) VALUES ({migration.number}, '{migration.name}')")  # noqa: S608
    return missing


def statements_of(migration: Migration, cluster: str = "") -> Iterator[Statement]:
    """What a migration runs, on a single server or on a cluster."""
    for statement in migration.statements:
        if not cluster:
            yield statement
        elif statement.when is None and not _MOVES_CALLS.match(statement.sql):
            yield from (Statement(sql) for sql in on_cluster(statement.sql, cluster))


def pending(store: Store) -> list[Migration]:
    """The migrations that the store lacks.

    Raises:
        StoreError: a newer version of callgauge has changed the schema.
    """
    known = all_migrations()
    has_any = store.query("EXISTS TABLE migrations").rows[0][0]
    rows = store.query("SELECT number, name FROM migrations FINAL").rows if has_any else []
    done = {int(number): str(name) for number, name in rows}
    if unknown := sorted(done.keys() - {migration.number for migration in known}):
        newer = ", ".join(f"{number:04} {done[number]}" for number in unknown)
        raise StoreError(
            f"the store's schema is newer than this callgauge: it has migration {newer}, which this version does not "
            "know; install the version that the other processes run"
        )
    return [migration for migration in known if migration.number not in done]


def _run(store: Store, statement: Statement) -> None:
    """Run what is due. What fails is tried again: another process may be between two steps, with a table away."""
    for left in reversed(range(_TRIES)):
        try:
            if _is_due(store, statement):
                store.command(statement.sql)
            return
        except StoreUnavailable:
            raise
        except StoreError:
            if not left:
                raise
        time.sleep(_PAUSE_S)


def _is_due(store: Store, statement: Statement) -> bool:
    return statement.when is None or bool(store.query(statement.when).rows[0][0])


def all_migrations() -> list[Migration]:
    """The package's migrations in order."""
    files = resources.files("callgauge_history") / "migrations"
    texts = {file.name: file.read_text("utf-8") for file in files.iterdir() if file.name.endswith(".sql")}
    return [_parse(name, texts[name]) for name in sorted(texts)]


def _parse(name: str, text: str) -> Migration:
    number, _, what = name.removesuffix(".sql").partition("_")
    parts = [_statement(part) for part in f"{text}\n".split(";\n")]
    return Migration(int(number), what, tuple(part for part in parts if part.sql))


def _statement(part: str) -> Statement:
    lines = part.splitlines()
    when = next((line.removeprefix(_WHEN) for line in lines if line.startswith(_WHEN)), None)
    return Statement("\n".join(line for line in lines if not line.startswith("--")).strip(), when)
