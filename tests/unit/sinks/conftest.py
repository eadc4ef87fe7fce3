"""One embedded store for all these tests: a process can hold one chDB folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callgauge_sinks.migrate import migrate
from callgauge_sinks.store import Store, open_store


@pytest.fixture(scope="session")
def open_session_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(f"chdb://{tmp_path_factory.mktemp('store')}")
    migrate(store)
    yield store
    store.close()


@pytest.fixture
def store(open_session_store: Store) -> Store:
    """The store with empty tables."""
    events = ("calls", "scores", "state_changes")
    for table in (
        *events, "windows", "score_windows", "block_summaries", "epochs", "alerts", "dead_letters", "stored_offsets"
    ):  # fmt: skip
        open_session_store.command(f"TRUNCATE TABLE {table}")
    return open_session_store
