"""The compiled loops that take rows and cells out, and that put cells together to wider ones
(callgauge_streams.detect.cell_links says what their matrices are)."""

from __future__ import annotations

from typing import Any

from callgauge_streams.detect.cell_links import (
    CELL,
    CELLS,
    FIRST_ROW,
    FREE_ROWS,
    GROUP,
    GROUP_BITS,
    ID,
    LAST_START,
    NEXT,
    OLDER,
    PREVIOUS,
    ROW_START,
    SLOT,
    START,
    find_largest,
    folded,
    id_in_cell,
    link_row,
    take_out_row,
    unlink_cell,
)
from callgauge_streams.detect.pairs import enter
from callgauge_windows.compiled import compiled

__all__ = ["coarsen", "remove_cells", "remove_rows"]


@compiled
def remove_rows(
    which: Any, folds: bool, added: int, row_keys: Any, row_numbers: Any, cells: Any, sums: Any, rows: Any,
    row_values: Any, free_rows: Any, counters: Any,
) -> None:  # fmt: skip
    """Forget rows. What they count stays in their cells if they are folded, else it is taken out."""
    for row in which:
        cell = rows[row, CELL]
        take_out_row(row_keys, row_numbers, cells, rows, row)
        after, before = rows[row, NEXT], rows[row, PREVIOUS]
        if after >= 0:
            rows[after, PREVIOUS] = before
        if before >= 0:
            rows[before, NEXT] = after
        else:
            cells[cell, FIRST_ROW] = after
        for at in range(added, row_values.shape[1]):
            if folds:
                at_folded = folded(sums, row_values, at)
                sums[cell, at_folded] = max(sums[cell, at_folded], row_values[row, at])
            elif row_values[row, at] == sums[cell, at]:
                find_largest(cells, sums, rows, row_values, cell, at)
        if not folds:
            for at in range(added):
                sums[cell, at] -= row_values[row, at]
        rows[row, GROUP] = -1
        free_rows[counters[FREE_ROWS]] = row
        counters[FREE_ROWS] += 1


@compiled
def remove_cells(which: Any, slots: Any, cells: Any, free_cells: Any, counters: Any, gone: Any) -> int:
    """Forget cells that have no open rows. Slots that have no cell left are written to `gone`; returns their number."""
    count = 0
    for cell in which:
        slot = cells[cell, SLOT]
        unlink_cell(cell, slots, cells, free_cells, counters)
        if slots[slot, CELLS] == 0:
            gone[count] = slot
            count += 1
    return count


@compiled
def coarsen(
    which: Any, width: int, added: int, row_keys: Any, row_numbers: Any, slots: Any,
    cells: Any, sums: Any, rows: Any, free_cells: Any, counters: Any, gone: Any, into: Any,
) -> int:  # fmt: skip
    """Put cells, each older one first, together to cells that are so wide. Those that are gone, and the cells that they
    are part of now, are written to `gone` and `into`; returns how many they are."""
    count = 0
    for cell in which:
        start = cells[cell, START]
        wide = start // width * width
        if start == wide:
            continue
        target = cells[cell, OLDER]  # what is older is as wide already
        _take_out_rows(cell, row_keys, row_numbers, cells, rows)
        if target < 0 or cells[target, START] < wide:
            cells[cell, START] = wide
            _enter_rows(cell, cell, row_keys, row_numbers, cells, rows)
            continue
        for at in range(added):
            sums[target, at] += sums[cell, at]
        for at in range(added, sums.shape[1]):
            sums[target, at] = max(sums[target, at], sums[cell, at])
        cells[target, LAST_START] = max(cells[target, LAST_START], cells[cell, LAST_START])
        _enter_rows(cell, target, row_keys, row_numbers, cells, rows)
        unlink_cell(cell, slots, cells, free_cells, counters)
        gone[count], into[count] = cell, target
        count += 1
    return count


@compiled
def _take_out_rows(cell: int, row_keys: Any, row_numbers: Any, cells: Any, rows: Any) -> None:
    row = cells[cell, FIRST_ROW]
    while row >= 0:
        take_out_row(row_keys, row_numbers, cells, rows, row)
        row = rows[row, NEXT]


@compiled
def _enter_rows(cell: int, target: int, row_keys: Any, row_numbers: Any, cells: Any, rows: Any) -> None:
    """Make the rows of a cell those of another one, or of itself."""
    row = cells[cell, FIRST_ROW]
    while row >= 0:
        after = rows[row, NEXT]
        key = id_in_cell(rows[row, ID], rows[row, ROW_START], cells[target, START])
        enter(row_keys, row_numbers, rows[row, GROUP] << GROUP_BITS | target, key, row)
        if cell != target:
            link_row(cells, rows, target, row)
        row = after
