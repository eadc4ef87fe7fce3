"""Values of a query's result are exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from callgauge_history.store import QueryResult, Store
from callgauge_history.values import column_names, typed_rows


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("toUInt64(18446744073709551615)", 18_446_744_073_709_551_615),
        ("toInt256('-57896044618658097711785492504343953926634992332820282019728792003956564819968')", -(2**255)),
        ("toDecimal128('12345678901234567890.123456789', 9)", Decimal("12345678901234567890.123456789")),
        ("[toNullable(toDecimal32(1.5, 2)), NULL]", [Decimal("1.5"), None]),
        ("inf", None),
        ("[0/0, 0.1]", [None, 0.1]),
        ("toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC')", "2026-01-02T03:04:05.678Z"),
        ("toDateTime('2026-07-02 03:04:05', 'Europe/Berlin')", "2026-07-02T03:04:05+02:00"),
        ("map('at', [toNullable(toDateTime('2026-01-02 03:04:05', 'UTC'))])", {"at": ["2026-01-02T03:04:05Z"]}),
        (
            "CAST((1, 1.5, 'x, (y'), 'Tuple(a UInt8, `b, c` Decimal(9, 2), e Enum8(\\'x, (y\\' = 1))')",
            {"a": 1, "b, c": Decimal("1.5"), "e": "x, (y"},
        ),
        ("toDate('2026-01-02')", "2026-01-02"),
        ("map('a', map('b', [1, 2]))", {"a": {"b": [1, 2]}}),
        ("true", True),
        ("NULL", None),
        ("unhex('ff41')", "\ufffdA"),
    ],
)
def test_values(store: Store, sql: str, value: Any) -> None:
    """Integers of any size, decimals, times with their offset, nested; NaN is NULL."""
    result = store.query(f"SELECT {sql} AS x")
    [[found]] = typed_rows(result)
    assert found == value
    assert type(found) is type(value)


def test_no_rows_and_no_types() -> None:
    """An empty result, and the answer of a process that does not tell types yet."""
    assert typed_rows(QueryResult(["a"], [], ["Decimal(9, 2)"])) == []
    assert typed_rows(QueryResult(["a"], [["1.5"]])) == [["1.5"]]


def test_columns_of_the_same_name() -> None:
    """An object needs different ones."""
    assert column_names(QueryResult(["a", "a", "a_2", "a"], [])) == ["a", "a_2", "a_2_2", "a_3"]
