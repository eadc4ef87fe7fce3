"""The compiled loop that takes rows into cells (callgauge_streams.detect.cell_links says what its matrices are)."""

from __future__ import annotations

from typing import Any

from callgauge_streams.detect import cell_links as links
from callgauge_streams.detect.pairs import enter, find
from callgauge_windows.compiled import compiled

__all__ = ["merge"]


@compiled
def merge(
    slot_of: Any, ids: Any, starts: Any, values: Any, group: int, seq: int, added: int, rings: Any,
    row_keys: Any, row_numbers: Any, slots: Any, cells: Any, sums: Any, rows: Any, row_values: Any, free_cells: Any,
    free_rows: Any, counters: Any, changed: Any,
) -> None:  # fmt: skip
    """Take rows of one group; `slot_of` is -1 for those that are left out. `changed` gets the row's number where
    something has changed, else -1: a row with as many events is known."""
    for i in range(len(slot_of)):
        changed[i] = -1
        slot = slot_of[i]
        if slot < 0:
            continue
        start = _cell_start(starts[i], rings)
        cell = links.cell_before(slots, cells, slot, start)
        if cell < 0 or cells[cell, links.START] < start:
            older, cell = cell, links.new_line(free_cells, counters, links.USED_CELLS, links.FREE_CELLS)
            sums[cell, :] = 0
            links.link_cell(slots, cells, slot, cell, start, older)
        cells[cell, links.LAST_START] = max(cells[cell, links.LAST_START], starts[i])
        key = links.id_in_cell(ids[i], starts[i], start)
        row = find(row_keys, row_numbers, group << links.GROUP_BITS | cell, key)
        if row < 0:
            row = links.new_line(free_rows, counters, links.USED_ROWS, links.FREE_ROWS)
            enter(row_keys, row_numbers, group << links.GROUP_BITS | cell, key, row)
            row_values[row, :] = 0
            rows[row, links.GROUP], rows[row, links.ID] = group, ids[i]
            rows[row, links.SEQ], rows[row, links.ROW_START] = seq + i, starts[i]
            links.link_row(cells, rows, cell, row)
        elif row_values[row, 0] >= values[i, 0]:
            continue
        for at in range(added):
            sums[cell, at] += values[i, at] - row_values[row, at]
        for at in range(added, values.shape[1]):
            before, row_values[row, at] = row_values[row, at], values[i, at]
            if values[i, at] >= sums[cell, at]:
                sums[cell, at] = values[i, at]
            elif before == sums[cell, at]:
                links.find_largest(cells, sums, rows, row_values, cell, at)
        row_values[row, :added] = values[i, :added]
        changed[i] = row


@compiled
def _cell_start(start: int, rings: Any) -> int:
    """Where the cell of a window begins. Of `rings` each line says before when cells are so wide, the finest first."""
    for at in range(len(rings) - 1, -1, -1):
        if start < rings[at, 0]:
            return int(start // rings[at, 1] * rings[at, 1])
    return start
