"""One embedded store for all tests of a module: a process can hold one chDB folder, and other tests open theirs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callgauge_history.migrate import migrate
from callgauge_history.store import Store, open_store


@pytest.fixture(scope="module")
def module_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(f"chdb://{tmp_path_factory.mktemp('store')}")
    migrate(store)
    yield store
    store.close()


@pytest.fixture
def store(module_store: Store) -> Store:
    """The store with empty tables."""
    events = ("calls", "scores", "state_changes", "content", "heartbeats")
    for table in (
        *events, "windows", "score_windows", "block_summaries", "epochs", "alerts", "alert_actions", "dead_letters",
        "stored_offsets",
    ):  # fmt: skip
        module_store.command(f"TRUNCATE TABLE {table}")
    return module_store
