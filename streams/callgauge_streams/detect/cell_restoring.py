"""The compiled loops that put cells and rows back as they were saved
(callgauge_streams.detect.cell_links says what their matrices are)."""

from __future__ import annotations

from typing import Any

from callgauge_streams.detect import cell_links as links
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
        cell = links.new_line(free_cells, counters, links.USED_CELLS, links.FREE_CELLS)
        sums[cell, :] = lines[i]
        older = links.cell_before(slots, cells, slot_of[i], starts[i])
        links.link_cell(slots, cells, slot_of[i], cell, starts[i], older)
        cells[cell, links.LAST_START] = last[i]
        found[i] = cell


@compiled
def restore_rows(
    cell_of: Any, groups: Any, ids: Any, seqs: Any, starts: Any, values: Any, row_keys: Any, row_numbers: Any,
    cells: Any, rows: Any, row_values: Any, free_rows: Any, counters: Any, found: Any,
) -> None:  # fmt: skip
    """Put open rows back, which are part of the sums of their cells already; their numbers are written to `found`."""
    for i in range(len(cell_of)):
        row, cell = links.new_line(free_rows, counters, links.USED_ROWS, links.FREE_ROWS), cell_of[i]
        key = links.id_in_cell(ids[i], starts[i], cells[cell, links.START])
        enter(row_keys, row_numbers, groups[i] << links.GROUP_BITS | cell, key, row)
        row_values[row, :] = values[i]
        rows[row, links.GROUP], rows[row, links.ID] = groups[i], ids[i]
        rows[row, links.SEQ], rows[row, links.ROW_START] = seqs[i], starts[i]
        links.link_row(cells, rows, cell, row)
        found[i] = row
