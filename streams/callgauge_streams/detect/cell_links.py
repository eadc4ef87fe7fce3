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

__all__ = [
    "coarsen",
    "last_starts",
    "merge",
    "remove_cells",
    "remove_rows",
    "restore_cells",
    "restore_rows",
    "rows_in",
]

NEWEST, OLDEST, CELLS, FIRST_START = range(4)
SLOT, START, OLDER, NEWER, FIRST_ROW, LAST_START = range(6)
CELL, GROUP, ID, SEQ, NEXT, PREVIOUS, ROW_START = range(7)
#: What is counted in `counters`: lines of cells and rows in use or free, free ones, entries of the tables.
USED_CELLS, FREE_CELLS, USED_ROWS, FREE_ROWS = range(4)
#: Cell and group share one number of the rows' table.
GROUP_BITS = 32
#: Odd, so that no two windows of a cell change an id in the same way.
SPREAD = 0x9E3779B97F4A7C15 - (1 << 64)


@compiled
def merge(
    slot_of: Any, ids: Any, starts: Any, values: Any, group: int, seq: int, added: int, rings: Any,
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
        start = _cell_start(starts[i], rings)
        cell = find(cell_keys, cell_numbers, slot, start)
        if cell < 0:
            cell = _new(free_cells, counters, USED_CELLS, FREE_CELLS)
            enter(cell_keys, cell_numbers, slot, start, cell)
            sums[cell, :] = 0
            _link_cell(slots, cells, slot, cell, start)
        cells[cell, LAST_START] = max(cells[cell, LAST_START], starts[i])
        id_in_cell = _id_in_cell(ids[i], starts[i], start)
        row = find(row_keys, row_numbers, group << GROUP_BITS | cell, id_in_cell)
        if row < 0:
            row = _new(free_rows, counters, USED_ROWS, FREE_ROWS)
            enter(row_keys, row_numbers, group << GROUP_BITS | cell, id_in_cell, row)
            row_values[row, :] = 0
            rows[row, GROUP], rows[row, ID], rows[row, SEQ], rows[row, ROW_START] = group, ids[i], seq + i, starts[i]
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
def _cell_start(start: int, rings: Any) -> int:
    """Where the cell of a window begins. Of `rings` each line says before when cells are so wide, the finest first."""
    for at in range(len(rings) - 1, -1, -1):
        if start < rings[at, 0]:
            return int(start // rings[at, 1] * rings[at, 1])
    return start


@compiled
def _id_in_cell(row_id: int, start: int, cell_start: int) -> int:
    """A coarse cell has rows of several windows: the same series, source and block, and so the same id."""
    return int(row_id ^ (start - cell_start) * SPREAD)


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
        _take_out_row(row_keys, row_numbers, cells, rows, row)
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
        slot = cells[cell, SLOT]
        _remove_cell(cell, cell_keys, cell_numbers, slots, cells, free_cells, counters)
        if slots[slot, CELLS] == 0:
            gone[count] = slot
            count += 1
    return count


@compiled
def _remove_cell(
    cell: int, cell_keys: Any, cell_numbers: Any, slots: Any, cells: Any, free_cells: Any, counters: Any
) -> None:
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
    cells[cell, SLOT] = -1
    free_cells[counters[FREE_CELLS]] = cell
    counters[FREE_CELLS] += 1


@compiled
def _take_out_row(row_keys: Any, row_numbers: Any, cells: Any, rows: Any, row: int) -> None:
    cell = rows[row, CELL]
    id_in_cell = _id_in_cell(rows[row, ID], rows[row, ROW_START], cells[cell, START])
    take_out(row_keys, row_numbers, rows[row, GROUP] << GROUP_BITS | cell, id_in_cell)


@compiled
def coarsen(
    which: Any, width: int, added: int, cell_keys: Any, cell_numbers: Any, row_keys: Any, row_numbers: Any, slots: Any,
    cells: Any, sums: Any, rows: Any, free_cells: Any, counters: Any, gone: Any, into: Any,
) -> int:  # fmt: skip
    """Put cells, each older one first, together to cells that are so wide. Those that are gone, and the cells that they
    are part of now, are written to `gone` and `into`; returns how many they are."""
    count = 0
    for cell in which:
        slot, start = cells[cell, SLOT], cells[cell, START]
        wide = start // width * width
        target = find(cell_keys, cell_numbers, slot, wide)
        if target == cell:
            continue
        _take_out_rows(cell, row_keys, row_numbers, cells, rows)
        if target < 0:
            take_out(cell_keys, cell_numbers, slot, start)
            enter(cell_keys, cell_numbers, slot, wide, cell)
            cells[cell, START] = wide
            _enter_rows(cell, cell, row_keys, row_numbers, cells, rows)
            continue
        for at in range(added):
            sums[target, at] += sums[cell, at]
        for at in range(added, sums.shape[1]):
            sums[target, at] = max(sums[target, at], sums[cell, at])
        cells[target, LAST_START] = max(cells[target, LAST_START], cells[cell, LAST_START])
        _enter_rows(cell, target, row_keys, row_numbers, cells, rows)
        _remove_cell(cell, cell_keys, cell_numbers, slots, cells, free_cells, counters)
        gone[count], into[count] = cell, target
        count += 1
    return count


@compiled
def _take_out_rows(cell: int, row_keys: Any, row_numbers: Any, cells: Any, rows: Any) -> None:
    row = cells[cell, FIRST_ROW]
    while row >= 0:
        _take_out_row(row_keys, row_numbers, cells, rows, row)
        row = rows[row, NEXT]


@compiled
def _enter_rows(cell: int, target: int, row_keys: Any, row_numbers: Any, cells: Any, rows: Any) -> None:
    """Make the rows of a cell those of another one, or of itself."""
    row = cells[cell, FIRST_ROW]
    while row >= 0:
        after = rows[row, NEXT]
        id_in_cell = _id_in_cell(rows[row, ID], rows[row, ROW_START], cells[target, START])
        enter(row_keys, row_numbers, rows[row, GROUP] << GROUP_BITS | target, id_in_cell, row)
        if cell != target:
            _link_row(cells, rows, target, row)
        row = after


@compiled
def restore_cells(
    slot_of: Any, starts: Any, last: Any, lines: Any, cell_keys: Any, cell_numbers: Any, slots: Any, cells: Any,
    sums: Any, free_cells: Any, counters: Any, found: Any,
) -> None:  # fmt: skip
    """Put cells back as they were, whose numbers are written to `found`."""
    for i in range(len(slot_of)):
        cell = _new(free_cells, counters, USED_CELLS, FREE_CELLS)
        enter(cell_keys, cell_numbers, slot_of[i], starts[i], cell)
        sums[cell, :] = lines[i]
        _link_cell(slots, cells, slot_of[i], cell, starts[i])
        cells[cell, LAST_START] = last[i]
        found[i] = cell


@compiled
def restore_rows(
    cell_of: Any, groups: Any, ids: Any, seqs: Any, starts: Any, values: Any, row_keys: Any, row_numbers: Any,
    cells: Any, rows: Any, row_values: Any, free_rows: Any, counters: Any, found: Any,
) -> None:  # fmt: skip
    """Put open rows back, which are part of the sums of their cells already; their numbers are written to `found`."""
    for i in range(len(cell_of)):
        row, cell = _new(free_rows, counters, USED_ROWS, FREE_ROWS), cell_of[i]
        id_in_cell = _id_in_cell(ids[i], starts[i], cells[cell, START])
        enter(row_keys, row_numbers, groups[i] << GROUP_BITS | cell, id_in_cell, row)
        row_values[row, :] = values[i]
        rows[row, GROUP], rows[row, ID], rows[row, SEQ], rows[row, ROW_START] = groups[i], ids[i], seqs[i], starts[i]
        _link_row(cells, rows, cell, row)
        found[i] = row


@compiled
def last_starts(which: Any, at_ms: int, slots: Any, cells: Any, found: Any) -> None:
    """Write the start of the newest window before `at_ms` of each slot to `found`; -1: there is none."""
    for i in range(len(which)):
        cell = slots[which[i], NEWEST]
        while cell >= 0 and cells[cell, START] >= at_ms:
            cell = cells[cell, OLDER]
        found[i] = cells[cell, LAST_START] if cell >= 0 else -1
