"""One embedded store for all tests of a module: a process can hold one chDB folder, and other tests open theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callgauge_history.store import Store


@pytest.fixture(scope="module")
def module_store(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], Store]) -> Iterator[Store]:
    store = new_store(tmp_path_factory.mktemp("store") / "clickhouse")
    yield store
    store.close()


@pytest.fixture
def store(module_store: Store) -> Store:
    """The store with empty tables. Most are: thirty statements for each test would take longer than some tests."""
    tables = module_store.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' "
        "AND total_rows > 0"
    ).rows
    for [table] in tables:
        if table != "migrations":
            module_store.command(f"TRUNCATE TABLE {table}")
    return module_store
