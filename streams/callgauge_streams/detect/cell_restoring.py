"""The compiled loops that put cells and rows back as they were saved
(callgauge_streams.detect.cell_links says what their matrices are)."""

from __future__ import annotations

from typing import Any

from callgauge_streams.detect.cell_links import (
    FREE_CELLS,
    FREE_ROWS,
    GROUP,
    GROUP_BITS,
    ID,
    LAST_START,
    ROW_START,
    SEQ,
    START,
    USED_CELLS,
    USED_ROWS,
    cell_before,
    id_in_cell,
    link_cell,
    link_row,
    new_line,
)
from callgauge_streams.detect.pairs import enter
from callgauge_windows.compiled import compiled

__all__ = ["restore_cells", "restore_rows"]


@compiled
def restore_cells(
    slot_of: Any, starts: Any, last: Any, lines: Any, slots: Any, cells: Any,
    sums: Any, free_cells: Any, counters: Any, found: Any,
) -> None:  # fmt: skip
    """Put cells back as they were, whose numbers are written to `found`."""
    for i in range(len(slot_of)):
        cell = new_line(free_cells, counters, USED_CELLS, FREE_CELLS)
        sums[cell, :] = lines[i]
        older = cell_before(slots, cells, slot_of[i], starts[i])
        link_cell(slots, cells, slot_of[i], cell, starts[i], older)
        cells[cell, LAST_START] = last[i]
        found[i] = cell


@compiled
def restore_rows(
    cell_of: Any, groups: Any, ids: Any, seqs: Any, starts: Any, values: Any, row_keys: Any, row_numbers: Any,
    cells: Any, rows: Any, row_values: Any, free_rows: Any, counters: Any, found: Any,
) -> None:  # fmt: skip
    """Put open rows back, which are part of the sums of their cells already; their numbers are written to `found`."""
    for i in range(len(cell_of)):
        row, cell = new_line(free_rows, counters, USED_ROWS, FREE_ROWS), cell_of[i]
        key = id_in_cell(ids[i], starts[i], cells[cell, START])
        enter(row_keys, row_numbers, groups[i] << GROUP_BITS | cell, key, row)
        row_values[row, :] = values[i]
        rows[row, GROUP], rows[row, ID], rows[row, SEQ], rows[row, ROW_START] = groups[i], ids[i], seqs[i], starts[i]
        link_row(cells, rows, cell, row)
        found[i] = row
