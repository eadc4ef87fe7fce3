"""The compiled loops over the cells of `callgauge_streams.detect.cells`.

    slot    a series                  -> its newest and oldest cell, how many it has, the start of its first one ever
    cell    a series in a window      -> slot, start, the next older and newer cell of the slot, its first open row
    row     a row of an open block    -> cell, group (source, block, epoch), series id, order of coming, neighbours in
                                         its cell

Each is a line of a matrix; the constants name its columns. `sums` holds the sums of each cell: first those that are
added up, then those of which the largest counts, then the latter once more, of folded rows only.
"""

from __future__ import annotations

from typing import Any

from callgauge_streams.detect.pairs import enter, find, take_out
from callgauge_windows.compiled import compiled

__all__ = ["merge", "remove_cells", "remove_rows", "rows_in"]

NEWEST, OLDEST, CELLS, FIRST_START = range(4)
SLOT, START, OLDER, NEWER, FIRST_ROW = range(5)
CELL, GROUP, ID, SEQ, NEXT, PREVIOUS = range(6)
#: What is counted in `counters`: lines of cells and rows in use or free, free ones, entries of the tables.
USED_CELLS, FREE_CELLS, USED_ROWS, FREE_ROWS = range(4)
#: Cell and group share one number of the rows' table.
GROUP_BITS = 32


@compiled
def merge(
    slot_of: Any, ids: Any, starts: Any, values: Any, group: int, seq: int, added: int,
    cell_keys: Any, cell_numbers: Any, row_keys: Any, row_numbers: Any,
    slots: Any, cells: Any, sums: Any, rows: Any, row_values: Any, free_cells: Any, free_rows: Any, counters: Any,
    changed: Any,
) -> None:  # fmt: skip
    """Take rows of one group; `slot_of` is -1 for those that are left out. `changed` gets the row's number where
    something has changed, else -1: a row with as many events is known."""
    for i in range(len(slot_of)):
        changed[i] = -1
        slot = slot_of[i]
        if slot < 0:
            continue
        cell = find(cell_keys, cell_numbers, slot, starts[i])
        if cell < 0:
            cell = _new(free_cells, counters, USED_CELLS, FREE_CELLS)
            enter(cell_keys, cell_numbers, slot, starts[i], cell)
            sums[cell, :] = 0
            _link_cell(slots, cells, slot, cell, starts[i])
        row = find(row_keys, row_numbers, group << GROUP_BITS | cell, ids[i])
        if row < 0:
            row = _new(free_rows, counters, USED_ROWS, FREE_ROWS)
            enter(row_keys, row_numbers, group << GROUP_BITS | cell, ids[i], row)
            row_values[row, :] = 0
            rows[row, GROUP], rows[row, ID], rows[row, SEQ] = group, ids[i], seq + i
            _link_row(cells, rows, cell, row)
        elif row_values[row, 0] >= values[i, 0]:
            continue
        for at in range(added):
            sums[cell, at] += values[i, at] - row_values[row, at]
        for at in range(added, values.shape[1]):
            before, row_values[row, at] = row_values[row, at], values[i, at]
            if values[i, at] >= sums[cell, at]:
                sums[cell, at] = values[i, at]
            elif before == sums[cell, at]:
                _find_largest(cells, sums, rows, row_values, cell, at)
        row_values[row, :added] = values[i, :added]
        changed[i] = row


@compiled
def _new(free: Any, counters: Any, used: int, count: int) -> int:
    """A line that is free, or the first that was never used."""
    if counters[count] > 0:
        counters[count] -= 1
        return int(free[counters[count]])
    counters[used] += 1
    return int(counters[used] - 1)


@compiled
def _link_cell(slots: Any, cells: Any, slot: int, cell: int, start: int) -> None:
    """Put a cell among those of its slot, which are ordered by their starts."""
    newer, older = -1, slots[slot, NEWEST]
    while older >= 0 and cells[older, START] > start:
        newer, older = older, cells[older, OLDER]
    cells[cell, SLOT], cells[cell, START], cells[cell, FIRST_ROW] = slot, start, -1
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
def _link_row(cells: Any, rows: Any, cell: int, row: int) -> None:
    first = cells[cell, FIRST_ROW]
    rows[row, CELL], rows[row, NEXT], rows[row, PREVIOUS] = cell, first, -1
    if first >= 0:
        rows[first, PREVIOUS] = row
    cells[cell, FIRST_ROW] = row


@compiled
def _find_largest(cells: Any, sums: Any, rows: Any, row_values: Any, cell: int, at: int) -> None:
    """Set a cell's largest value anew, from what is folded and its open rows."""
    most = sums[cell, _folded(sums, row_values, at)]
    row = cells[cell, FIRST_ROW]
    while row >= 0:
        most = max(most, row_values[row, at])
        row = rows[row, NEXT]
    sums[cell, at] = most


@compiled
def _folded(sums: Any, row_values: Any, at: int) -> int:
    """The column of `sums` that has the same largest value of folded rows only."""
    return at + int(sums.shape[1] - row_values.shape[1])


@compiled
def remove_rows(
    which: Any, folds: bool, added: int, row_keys: Any, row_numbers: Any, cells: Any, sums: Any, rows: Any,
    row_values: Any, free_rows: Any, counters: Any,
) -> None:  # fmt: skip
    """Forget rows. What they count stays in their cells if they are folded, else it is taken out."""
    for row in which:
        cell = rows[row, CELL]
        take_out(row_keys, row_numbers, rows[row, GROUP] << GROUP_BITS | cell, rows[row, ID])
        after, before = rows[row, NEXT], rows[row, PREVIOUS]
        if after >= 0:
            rows[after, PREVIOUS] = before
        if before >= 0:
            rows[before, NEXT] = after
        else:
            cells[cell, FIRST_ROW] = after
        for at in range(added, row_values.shape[1]):
            if folds:
                folded = _folded(sums, row_values, at)
                sums[cell, folded] = max(sums[cell, folded], row_values[row, at])
            elif row_values[row, at] == sums[cell, at]:
                _find_largest(cells, sums, rows, row_values, cell, at)
        if not folds:
            for at in range(added):
                sums[cell, at] -= row_values[row, at]
        rows[row, GROUP] = -1
        free_rows[counters[FREE_ROWS]] = row
        counters[FREE_ROWS] += 1


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
def remove_cells(
    which: Any, cell_keys: Any, cell_numbers: Any, slots: Any, cells: Any, free_cells: Any, counters: Any, gone: Any
) -> int:
    """Forget cells that have no open rows. Slots that have no cell left are written to `gone`; returns their number."""
    count = 0
    for cell in which:
        slot, older, newer = cells[cell, SLOT], cells[cell, OLDER], cells[cell, NEWER]
        take_out(cell_keys, cell_numbers, slot, cells[cell, START])
        if older >= 0:
            cells[older, NEWER] = newer
        else:
            slots[slot, OLDEST] = newer
        if newer >= 0:
            cells[newer, OLDER] = older
        else:
            slots[slot, NEWEST] = older
        slots[slot, CELLS] -= 1
        if slots[slot, CELLS] == 0:
            gone[count] = slot
            count += 1
        cells[cell, SLOT] = -1
        free_cells[counters[FREE_CELLS]] = cell
        counters[FREE_CELLS] += 1
    return count
