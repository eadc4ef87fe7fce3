"""One store for all tests of the questions: filled once, never changed. A process can hold one chDB folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from callgauge.schema import Call, Score, StateChange
from callgauge_history.questions.period import Period
from callgauge_history.store import Ask, Store
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
def history(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], Store]) -> Iterator[Filled]:
    store = new_store(tmp_path_factory.mktemp("history") / "clickhouse")
    calls = real_calls()
    scores = real_scores(calls)
    fill(store, calls, scores)
    add_alerts(store, START_MS)
    store.command("ALTER TABLE heartbeats REMOVE TTL")  # the recordings are older than what is kept
    add_heartbeats(store, START_MS)
    yield Filled(store, calls, scores, Period(START_MS, END_MS))
    store.close()
