"""The audit sees what is wrong in a store, whatever it is: each test breaks one thing in a store that is right."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.compare import audit
from tests.chaos.expected import Expected

COLUMNS = 11 + 4 * 3


class Store:
    """Answers the audit's queries: one window of one call, one dead letter."""

    def __init__(self) -> None:
        self.calls: list[Any] = [1, 1, 500, 7]
        self.window: list[Any] = [1, *[0] * COLUMNS, {}, {}]
        self.dead: list[Any] = [[0, 1]]
        self.blocks: list[Any] = [["cluster/topic/0", 2, 1, 0, 1, 0]]

    def __call__(self, sql: str) -> list[list[Any]]:
        if "FROM calls" in sql:
            return [self.calls]
        if "FROM windows_final" in sql:
            return [["1970-01-01T00:00:10Z", 10_000, *self.window]]
        return self.dead if "FROM dead_letters" in sql else self.blocks


@pytest.fixture
def expected() -> Expected:
    """What the store above holds."""
    return Expected(
        windows={("@10s", (), 10_000): Counter({"n": 1})},
        books={0: Counter({"records": 2, "counted": 1, "dead": 1})},
        poison={(0, 1)},
        ids={"a"},
        cost_nano=500,
        tokens=7,
    )


def test_a_store_that_is_right_has_no_problems(expected: Expected) -> None:
    """Everything there, once."""
    assert audit(Store(), expected).problems() == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("calls", [0, 0, 500, 7], "missing 1"),
        ("calls", [2, 1, 500, 7], "duplicates 1"),
        ("calls", [1, 1, 501, 7], "missing 0, duplicates 0, wrong windows 0"),
        ("window", [2, *[0] * COLUMNS, {}, {}], "('@10s', (), 10000) off by {'n': 1}"),
        ("window", [1, *[0] * (COLUMNS - 1), 1, {}, {}], "wrong windows 1"),
        ("window", [1, *[0] * COLUMNS, {"timeout": 1}, {}], "wrong windows 1"),
        ("dead", [], "0 dead letters of 1"),
        ("dead", [[0, 2]], "1 dead letters of 1"),
        ("blocks", [["cluster/topic/0", 3, 2, 0, 1, 0]], "'records': 1, 'counted': 1"),
        ("blocks", [], "'records': -2"),
        ("blocks", [["c/t/0", 2, 1, 0, 1, 0], ["c/t/1", 1, 0, 0, 1, 0]], "{1: {'records': 1, 'dead': 1}}"),
    ],
)
def test_each_fault_is_seen(expected: Expected, field: str, value: list[Any], said: str) -> None:
    """And named."""
    store = Store()
    setattr(store, field, value)
    assert said in "; ".join(audit(store, expected).problems())


def test_nothing_expected_is_not_a_pass(expected: Expected) -> None:
    """A run that compared no window has shown nothing."""
    assert audit(Store(), replace(expected, windows={})).problems()
