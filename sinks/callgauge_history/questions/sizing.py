"""How much disk the history takes, by table, and how it grows."""

from __future__ import annotations

from dataclasses import dataclass

from callgauge.errors import QuestionError
from callgauge.near_names import unknown
from callgauge_history.questions.reading import read
from callgauge_history.store import Ask

__all__ = ["ColumnSize", "TableSize", "column_sizes", "sizing"]


@dataclass(frozen=True)
class TableSize:
    """One table, as it lies on disk: rows that replace others are gone only when ClickHouse has merged them.

    Attributes:
        bytes_per_row: None while it is empty.
        days: that it holds: its partitions, if these are days; of months those between its first row and its last.
        bytes_per_day: bytes / days: what a day more will take, if days are alike.
    """

    table: str
    rows: int
    bytes: int
    bytes_per_row: float | None
    days: int
    bytes_per_day: float | None
    parts: int


@dataclass(frozen=True)
class ColumnSize:
    """One column of a table on disk."""

    column: str
    type: str
    codec: str
    bytes: int
    raw_bytes: int
    bytes_per_row: float


def sizing(ask: Ask) -> list[TableSize]:
    """Every table, the largest first.

    Raises:
        StoreError: the store cannot be asked.
    """
    sql = """
        SELECT toString(table) AS table, toInt64(sum(p.rows)) AS rows, toInt64(sum(p.bytes_on_disk)) AS bytes,
            if(rows = 0, NULL, bytes / rows) AS bytes_per_row,
            toInt64(if(
                max(length(p.partition)) = 6,
                least(31 * uniqExact(p.partition), dateDiff('day', min(p.min_time), max(p.max_time)) + 1),
                uniqExact(p.partition)
            )) AS days,
            if(max(length(p.partition)) IN (6, 8), bytes / days, NULL) AS bytes_per_day, toInt64(count()) AS parts
        FROM system.parts AS p
        WHERE p.database = currentDatabase() AND p.active
        GROUP BY table ORDER BY bytes DESC, table"""
    return read(ask, TableSize, sql, {})


def column_sizes(ask: Ask, table: str) -> list[ColumnSize]:
    """The columns of a table, the largest first. Small parts lie in one file and are left out (`OPTIMIZE` merges them).

    Raises:
        QuestionError: there is no such table.
        StoreError: the store cannot be asked.
    """
    sql = """
        SELECT c.name AS column, c.type AS type, c.compression_codec AS codec,
            toInt64(c.data_compressed_bytes) AS bytes, toInt64(c.data_uncompressed_bytes) AS raw_bytes,
            c.data_compressed_bytes / greatest(t.total_rows, 1) AS bytes_per_row
        FROM system.columns AS c
        INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
        WHERE c.database = currentDatabase() AND c.table = {table:String}
        ORDER BY bytes DESC, column"""
    found = read(ask, ColumnSize, sql, {"table": table})
    if not found:
        known = ask("SELECT name FROM system.tables WHERE database = currentDatabase() AND total_bytes > 0").rows
        raise QuestionError(unknown(table, "table that holds something", [str(name) for [name] in known], plain=True))
    return found
