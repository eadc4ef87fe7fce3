"""The schema on a cluster: golden, valid SQL, and no table or column forgotten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callgauge.errors import SettingError
from callgauge_history.cluster import SHARDED_BY, on_cluster
from callgauge_history.migrate import all_migrations, statements_of
from callgauge_history.store import Store

GOLDEN = Path(__file__).parents[3] / "golden" / "cluster.sql"
STATEMENTS = [s.sql for migration in all_migrations() for s in statements_of(migration, "main")]


def test_golden() -> None:
    """What a cluster is told by all migrations.

    After a change on purpose: `python -m tests.unit.sinks.history.test_cluster`.
    """
    assert _golden() == GOLDEN.read_text("utf-8")


def _golden() -> str:
    return "\n\n".join(f"{sql};" for sql in STATEMENTS) + "\n"


@pytest.mark.parametrize("sql", STATEMENTS, ids=lambda sql: re.sub(r"\W+", " ", sql)[:50])
def test_each_statement_is_valid(module_store: Store, sql: str) -> None:
    """ClickHouse's own parser reads it."""
    [[formatted]] = module_store.query("SELECT formatQuerySingleLine({sql:String})", {"sql": sql}).rows
    assert "ON CLUSTER" in formatted


def test_every_table_is_replicated_and_distributed(module_store: Store) -> None:
    """Each table of a single server has its two on a cluster, and each view is there."""
    made = set(re.findall(r"CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS (\w+)", "\n".join(STATEMENTS)))
    found = module_store.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' "
        "AND name != 'migrations'"
    ).rows
    tables = {name for [name] in found}
    assert tables <= made
    assert {f"{name}_local" for name in tables} <= made
    assert all("Replicated" in sql or "Distributed" in sql for sql in STATEMENTS if sql.startswith("CREATE TABLE"))
    assert all("ON CLUSTER 'main'" in sql for sql in STATEMENTS)


def test_rows_of_one_key_lie_on_one_shard(module_store: Store) -> None:
    """What a table is sharded by is part of its key: FINAL looks at one shard alone."""
    rows = module_store.query("SELECT name, sorting_key FROM system.tables WHERE database = currentDatabase()").rows
    keys = {name: set(re.findall(r"\w+", key)) for name, key in rows}
    for table, by in ((table, SHARDED_BY[table]) for table in SHARDED_BY.keys() & keys.keys()):
        assert set(re.findall(r"\w+", re.sub("cityHash64|toUnixTimestamp", "", by))) <= keys[table]


def test_what_is_not_known_is_refused() -> None:
    """A migration that a cluster cannot run says so, rather than run on one shard."""
    with pytest.raises(SettingError, match="cannot be migrated by 'INSERT INTO calls"):
        list(on_cluster("INSERT INTO calls SELECT 1", "main"))


if __name__ == "__main__":
    GOLDEN.write_text(_golden(), "utf-8")
