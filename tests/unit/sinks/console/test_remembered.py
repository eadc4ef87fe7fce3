"""Answers that are given again for a moment."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from callgauge.errors import StoreError
from callgauge_console.remembered import Remembered
from callgauge_history.store import Parameters, QueryResult


class Asked:
    """A store that answers with how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.now = 0.0
        self.fails = False

    def __call__(self, sql: str, parameters: Parameters | None = None) -> QueryResult:
        self.asked.append((sql, parameters))
        if self.fails:
            raise StoreError("away")
        return QueryResult(columns=["n"], types=["UInt8"], rows=[[len(self.asked)]])


def test_an_answer_holds_for_a_while() -> None:
    """The same statement with the same parameters; others are asked for."""
    store = Asked()
    ask = Remembered(store, 0.5, lambda: store.now)
    assert ask("a", {"x": 1}).rows == [[1]]
    store.now = 0.4
    assert ask("a", {"x": 1}).rows == [[1]]
    assert ask("a", {"x": 2}).rows == [[2]]
    assert ask("a").rows == [[3]]
    store.now = 0.5
    assert ask("a", {"x": 1}).rows == [[4]]


def test_errors_are_not_kept() -> None:
    """The next one who asks has another try."""
    store = Asked()
    ask = Remembered(store, 10.0, lambda: store.now)
    store.fails = True
    with pytest.raises(StoreError):
        ask("a")
    store.fails = False
    assert ask("a").rows == [[2]]


def test_nobody_asks_what_is_being_answered() -> None:
    """Who comes meanwhile waits for the answer of the first."""
    begun, go_on = threading.Event(), threading.Event()
    store = Asked()

    def slow(sql: str, parameters: Parameters | None = None) -> QueryResult:
        begun.set()
        assert go_on.wait(60)
        return store(sql, parameters)

    ask = Remembered(slow, 0.0)  # however long the answer takes
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(ask("a").rows)) for _ in range(3)]
    threads[0].start()
    assert begun.wait(60)
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert found == [[[1]]] * 3


def test_old_answers_make_room() -> None:
    """However many questions there are, few answers are kept."""
    store = Asked()
    ask = Remembered(store, 1e9, lambda: store.now)
    for number in range(2_000):
        ask(f"q{number}")
    assert ask("q1999").rows == [[2_000]]
    assert ask("q0").rows == [[2_001]]
