"""How the lines of `callgauge_streams.detect.cells` hang together, and the compiled steps that change that.

    slot    a series                  -> its newest and oldest cell, how many it has, the start of its first one ever
    cell    a series in a window      -> slot, start, the next older and newer cell of the slot, its first open row,
                                         the start of its last window
    row     a row of an open block    -> cell, group (source, block, epoch), series id, order of coming, neighbours in
                                         its cell, the start of its window

Each is a line of a matrix; the constants name its columns. A cell is found by a walk from its slot's newest one: rows
are nearly always of one of the newest, and a slot has a hundred. `sums` holds the sums of each cell: first those that
are added up, then those of which the largest counts, then the latter once more, of folded rows only.
"""

from __future__ import annotations

from typing import Any

from callgauge_streams.detect.pairs import take_out
from callgauge_windows.compiled import compiled

__all__ = [
    "cell_before",
    "find_largest",
    "folded",
    "id_in_cell",
    "last_starts",
    "link_cell",
    "link_row",
    "new_line",
    "rows_in",
    "take_out_row",
    "unlink_cell",
]

NEWEST, OLDEST, CELLS, FIRST_START = range(4)
SLOT, START, OLDER, NEWER, FIRST_ROW, LAST_START = range(6)
CELL, GROUP, ID, SEQ, NEXT, PREVIOUS, ROW_START = range(7)
#: What is counted in `counters`: lines of cells and rows in use or free, and free ones.
USED_CELLS, FREE_CELLS, USED_ROWS, FREE_ROWS = range(4)
#: Cell and group share one number of the rows' table.
GROUP_BITS = 32
#: Odd, so that no two windows of a cell change an id in the same way.
SPREAD = 0x9E3779B97F4A7C15 - (1 << 64)


@compiled
def id_in_cell(row_id: int, start: int, cell_start: int) -> int:
    """A coarse cell has rows of several windows: the same series, source and block, and so the same id."""
    return int(row_id ^ (start - cell_start) * SPREAD)


@compiled
def new_line(free: Any, counters: Any, used: int, count: int) -> int:
    """A line that is free, or the first that was never used."""
    if counters[count] > 0:
        counters[count] -= 1
        return int(free[counters[count]])
    counters[used] += 1
    return int(counters[used] - 1)


@compiled
def link_cell(slots: Any, cells: Any, slot: int, cell: int, start: int, older: int) -> None:
    """Put a cell among those of its slot, which are ordered by their starts, after `older` (-1: as the oldest)."""
    newer = cells[older, NEWER] if older >= 0 else slots[slot, OLDEST]
    cells[cell, SLOT], cells[cell, START], cells[cell, FIRST_ROW], cells[cell, LAST_START] = slot, start, -1, start
    cells[cell, OLDER], cells[cell, NEWER] = older, newer
    if older >= 0:
        cells[older, NEWER] = cell
    else:
        slots[slot, OLDEST] = cell
    if newer >= 0:
        cells[newer, OLDER] = cell
    else:
        slots[slot, NEWEST] = cell
    if slots[slot, CELLS] == 0 or start < slots[slot, FIRST_START]:
        slots[slot, FIRST_START] = start
    slots[slot, CELLS] += 1


@compiled
def cell_before(slots: Any, cells: Any, slot: int, start: int) -> int:
    """The newest cell of a slot that begins by then, -1: there is none."""
    cell = slots[slot, NEWEST]
    while cell >= 0 and cells[cell, START] > start:
        cell = cells[cell, OLDER]
    return int(cell)


@compiled
def unlink_cell(cell: int, slots: Any, cells: Any, free_cells: Any, counters: Any) -> None:
    """Forget a cell."""
    slot, older, newer = cells[cell, SLOT], cells[cell, OLDER], cells[cell, NEWER]
    if older >= 0:
        cells[older, NEWER] = newer
    else:
        slots[slot, OLDEST] = newer
    if newer >= 0:
        cells[newer, OLDER] = older
    else:
        slots[slot, NEWEST] = older
    slots[slot, CELLS] -= 1
    cells[cell, SLOT] = -1
    free_cells[counters[FREE_CELLS]] = cell
    counters[FREE_CELLS] += 1


@compiled
def link_row(cells: Any, rows: Any, cell: int, row: int) -> None:
    """Put a row first among those of its cell."""
    first = cells[cell, FIRST_ROW]
    rows[row, CELL], rows[row, NEXT], rows[row, PREVIOUS] = cell, first, -1
    if first >= 0:
        rows[first, PREVIOUS] = row
    cells[cell, FIRST_ROW] = row


@compiled
def find_largest(cells: Any, sums: Any, rows: Any, row_values: Any, cell: int, at: int) -> None:
    """Set a cell's largest value anew, from what is folded and its open rows."""
    most = sums[cell, folded(sums, row_values, at)]
    row = cells[cell, FIRST_ROW]
    while row >= 0:
        most = max(most, row_values[row, at])
        row = rows[row, NEXT]
    sums[cell, at] = most


@compiled
def folded(sums: Any, row_values: Any, at: int) -> int:
    """The column of `sums` that has the same largest value of folded rows only."""
    return at + int(sums.shape[1] - row_values.shape[1])


@compiled
def take_out_row(row_keys: Any, row_numbers: Any, cells: Any, rows: Any, row: int) -> None:
    """Take a row out of the table."""
    cell = rows[row, CELL]
    key = id_in_cell(rows[row, ID], rows[row, ROW_START], cells[cell, START])
    take_out(row_keys, row_numbers, rows[row, GROUP] << GROUP_BITS | cell, key)


@compiled
def rows_in(which: Any, cells: Any, rows: Any, found: Any) -> int:
    """Write the open rows of cells to `found`; returns how many they are."""
    count = 0
    for cell in which:
        row = cells[cell, FIRST_ROW]
        while row >= 0:
            found[count] = row
            count += 1
            row = rows[row, NEXT]
    return count


@compiled
def last_starts(which: Any, at_ms: int, slots: Any, cells: Any, found: Any) -> None:
    """Write the start of the newest window before `at_ms` of each slot to `found`; -1: there is none."""
    for i in range(len(which)):
        cell = slots[which[i], NEWEST]
        while cell >= 0 and cells[cell, START] >= at_ms:
            cell = cells[cell, OLDER]
        found[i] = cells[cell, LAST_START] if cell >= 0 else -1
