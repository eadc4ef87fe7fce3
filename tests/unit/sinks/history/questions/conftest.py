"""One store for all tests of the questions: filled once, never changed. A process can hold one chDB folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from callgauge.schema import Call, Score, StateChange
from callgauge_history.migrate import migrate
from callgauge_history.questions.period import Period
from callgauge_history.store import Ask, Store, open_store
from tests.unit.sinks.history.questions.filled import add_alerts, add_heartbeats, fill
from tests.unit.sinks.history.questions.real_calls import END_MS, START_MS, real_calls, real_scores


@dataclass(frozen=True)
class Filled:
    """The store, and what is in it."""

    store: Store
    calls: list[Call]
    scores: list[Score | StateChange]
    period: Period

    @property
    def ask(self) -> Ask:
        return self.store.query

    @property
    def of_models(self) -> list[Call]:
        """Without the steps around calls."""
        return [call for call in self.calls if call.operation not in ("chain", "retrieval")]


@pytest.fixture(scope="package")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    store = open_store(f"chdb://{tmp_path_factory.mktemp('history')}")
    migrate(store)
    calls = real_calls()
    scores = real_scores(calls)
    fill(store, calls, scores)
    add_alerts(store, START_MS)
    store.command("ALTER TABLE heartbeats REMOVE TTL")  # the recordings are older than what is kept
    add_heartbeats(store, START_MS)
    yield Filled(store, calls, scores, Period(START_MS, END_MS))
    store.close()
