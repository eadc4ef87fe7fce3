"""Numbered, forward-only migrations: `migrations/NNNN_what.sql`, statements ended by a semicolon at the end of a line.

Several sinks may start at once, ClickHouse has no lock that would keep them apart, and a process may die between any
two statements. So each statement must be harmless when it is run twice (`IF NOT EXISTS`, `OR REPLACE`); the table
`migrations` only records what was done. A statement that is not harmless has a line `-- when: SELECT ...` before it,
and is run only if that query gives something other than zero. If the statement fails and the query then gives zero,
another process has done it, and the failure is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from callgauge.errors import StoreError
from callgauge_history.store import Store

__all__ = ["Migration", "Statement", "all_migrations", "migrate"]

_WHEN = "-- when: "

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


def migrate(store: Store) -> list[Migration]:
    """Bring the store to the newest schema. Returns the migrations that were applied now."""
    store.command(_TABLE)
    done = {int(row[0]) for row in store.query("SELECT number FROM migrations FINAL").rows}
    missing = [migration for migration in all_migrations() if migration.number not in done]
    for migration in missing:
        for statement in migration.statements:
            _run(store, statement)
        # Both values come from a file name of this package, so they need no escaping.
        store.command(f"INSERT INTO migrations (number, name) VALUES ({migration.number}, '{migration.name}')")  # noqa: S608
    return missing


def _run(store: Store, statement: Statement) -> None:
    if not _is_due(store, statement):
        return
    try:
        store.command(statement.sql)
    except StoreError:
        if statement.when is None or _is_due(store, statement):
            raise


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
