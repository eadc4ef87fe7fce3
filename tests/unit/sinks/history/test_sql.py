"""Which statements of others are run."""

from __future__ import annotations

import pytest

from callgauge_history.sql import refusal_of


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        " -- why\nWITH 1 AS x SELECT x",
        "/* a */ (SELECT 1)",
        "SHOW TABLES",
        "describe calls",
        "EXPLAIN SELECT 1",
    ],
)
def test_reading_is_allowed(sql: str) -> None:
    """Comments and parentheses in front are fine."""
    assert refusal_of(sql) is None


@pytest.mark.parametrize(
    "sql", ["", "  -- nothing", "INSERT INTO calls VALUES (1)", "/* SELECT */ DROP TABLE calls", "SELECTED"]
)
def test_the_rest_is_not(sql: str) -> None:
    """Empty, or any other verb."""
    assert refusal_of(sql)
