"""Numbered, forward-only migrations: `migrations/NNNN_what.sql`, statements ended by a semicolon at the end of a line.

Several sinks may start at once and nothing locks a ClickHouse: each statement must itself be harmless when run twice
(`IF NOT EXISTS`, `OR REPLACE`); the table `migrations` only records what was done.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from callgauge_sinks.store import Store

__all__ = ["Migration", "all_migrations", "migrate"]

_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    number UInt32,
    name String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree
ORDER BY number
"""


@dataclass(frozen=True)
class Migration:
    """One file."""

    number: int
    name: str
    statements: tuple[str, ...]


def migrate(store: Store) -> list[Migration]:
    """Bring the store to the newest form; returns what was applied now."""
    store.command(_TABLE)
    done = {int(row[0]) for row in store.query("SELECT number FROM migrations FINAL").rows}
    missing = [migration for migration in all_migrations() if migration.number not in done]
    for migration in missing:
        for statement in migration.statements:
            store.command(statement)
        # Both values come from a file name of this package.
        store.command(f"INSERT INTO migrations (number, name) VALUES ({migration.number}, '{migration.name}')")  # noqa: S608
    return missing


def all_migrations() -> list[Migration]:
    """The package's migrations in order."""
    files = resources.files("callgauge_sinks") / "migrations"
    texts = {file.name: file.read_text("utf-8") for file in files.iterdir() if file.name.endswith(".sql")}
    return [_parse(name, texts[name]) for name in sorted(texts)]


def _parse(name: str, text: str) -> Migration:
    number, _, what = name.removesuffix(".sql").partition("_")
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    statements = tuple(part.strip() for part in code.split(";\n") if part.strip(" \n;"))
    return Migration(int(number), what, tuple(statement.rstrip(";") for statement in statements))
