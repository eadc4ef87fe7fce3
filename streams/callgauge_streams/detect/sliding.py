"""The sums over a lookback, of each series, that slide along with event time.

Windows that end are added, those that leave the lookback are taken out again, so a judgement costs as much as has
changed since the one before, not as much as the lookback is long. Where a late row has changed a window inside, or the
largest value leaves, the sums are made anew from the cells.

    windows    . . a . b . c d . .        sums over [from, to):  a + b + c
                   |         |            next change: the end of d, or one lookback after the end of a
                  from       to

`from` is where the lookback begins (`rings`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.detect.cell_links import NEWER, NEWEST, OLDER, START
from callgauge_streams.detect.rings import resolution_ms
from callgauge_windows.compiled import compiled
from callgauge_windows.grown import Grown

__all__ = ["Sliding"]

Int64s = npt.NDArray[np.int64]

_TO, _FIRST, _LAST = range(3)
_NEVER = -1


class Sliding:
    """Of one lookback.

    Args:
        columns: of the sums; the first `added` are added up, of the others the largest counts.
    """

    def __init__(self, lookback_ms: int, window_ms: int, columns: int, added: int) -> None:
        self.lookback_ms = lookback_ms
        self._window_ms, self._width_ms = window_ms, resolution_ms(lookback_ms, window_ms)
        self._added = added
        self._sums = Grown(columns)
        self._ranges = Grown(3)
        """Of each slot: up to when the sums are (_NEVER: make them anew), the first and the last cell in them."""

    def _begin_ms(self, at_ms: Any) -> Any:
        """`rings.begin_ms`, whose width is looked up once."""
        return (at_ms - self.lookback_ms) // self._width_ms * self._width_ms

    def upset(self, slots: Int64s, starts: Int64s) -> None:
        """Windows of these slots have changed, have come or gone: where they are in the sums, those are made anew."""
        ranges = self._ranges.to(int(slots.max(initial=-1)) + 1)
        to_ms = ranges[slots, _TO]
        inside = (starts < to_ms) & (starts >= self._begin_ms(to_ms))
        ranges[slots[inside], _TO] = _NEVER

    def forget(self, slots: Int64s) -> None:
        """The sums of these slots are to be made anew."""
        self._ranges.to(int(slots.max(initial=-1)) + 1)[slots, _TO] = _NEVER

    def to(self, at_ms: int, which: Int64s, slots: Int64s, cells: Int64s, sums: Int64s) -> Int64s:
        """The sums of these slots up to a window's end; shape (slots, columns), of all slots.

        Args:
            slots, cells, sums: see callgauge_streams.detect.cell_links.
        """
        ranges, mine = self._ranges.to(len(slots)), self._sums.to(len(slots))
        _slide(which, at_ms, self._begin_ms(at_ms), self._added, slots, cells, sums, ranges, mine)
        return mine

    def next_change(self, at_ms: int, which: Int64s, slots: Int64s, cells: Int64s, none_ms: int) -> Int64s:
        """For each slot, whose sums must be those up to `at_ms`: the first window end after it at which other windows
        are in the lookback; `none_ms` if there is none, since no window is in it or comes later."""
        found = np.full(len(which), none_ms)
        widths = self.lookback_ms, self._window_ms, self._width_ms
        _next_change(which, at_ms, *widths, slots, cells, self._ranges.filled, found)
        return found


@compiled
def _slide(
    which: Any, at_ms: int, from_ms: int, added: int, slots: Any, cells: Any, sums: Any, ranges: Any, mine: Any
) -> None:
    for slot in which:
        to_ms = ranges[slot, _TO]
        if to_ms == at_ms:
            continue
        if not (to_ms != _NEVER and from_ms < to_ms < at_ms and ranges[slot, _LAST] >= 0):
            _add_up(slot, from_ms, at_ms, added, slots, cells, sums, ranges, mine)
        else:
            _enter(slot, at_ms, added, cells, sums, ranges, mine)
            if not _leave(slot, from_ms, added, cells, sums, ranges, mine):
                _add_up(slot, from_ms, at_ms, added, slots, cells, sums, ranges, mine)
        ranges[slot, _TO] = at_ms


@compiled
def _enter(slot: int, at_ms: int, added: int, cells: Any, sums: Any, ranges: Any, mine: Any) -> None:
    cell = cells[ranges[slot, _LAST], NEWER]
    while cell >= 0 and cells[cell, START] < at_ms:
        _add(mine, slot, sums, cell, added)
        ranges[slot, _LAST] = cell
        cell = cells[cell, NEWER]


@compiled
def _leave(slot: int, from_ms: int, added: int, cells: Any, sums: Any, ranges: Any, mine: Any) -> bool:
    """Take out what is before `from_ms`; returns False if the sums must be made anew."""
    cell = ranges[slot, _FIRST]
    while cells[cell, START] < from_ms:
        for at in range(added):
            mine[slot, at] -= sums[cell, at]
        for at in range(added, mine.shape[1]):
            if sums[cell, at] > 0 and sums[cell, at] == mine[slot, at]:
                return False
        if cell == ranges[slot, _LAST]:
            return False
        cell = cells[cell, NEWER]
        ranges[slot, _FIRST] = cell
    return True


@compiled
def _add(mine: Any, slot: int, sums: Any, cell: int, added: int) -> None:
    for at in range(added):
        mine[slot, at] += sums[cell, at]
    for at in range(added, mine.shape[1]):
        mine[slot, at] = max(mine[slot, at], sums[cell, at])


@compiled
def _add_up(
    slot: int, from_ms: int, at_ms: int, added: int, slots: Any, cells: Any, sums: Any, ranges: Any, mine: Any
) -> None:
    mine[slot, :] = 0
    ranges[slot, _FIRST] = ranges[slot, _LAST] = -1
    cell = slots[slot, NEWEST]
    while cell >= 0 and cells[cell, START] >= at_ms:
        cell = cells[cell, OLDER]
    while cell >= 0 and cells[cell, START] >= from_ms:
        if ranges[slot, _LAST] < 0:
            ranges[slot, _LAST] = cell
        ranges[slot, _FIRST] = cell
        _add(mine, slot, sums, cell, added)
        cell = cells[cell, OLDER]


@compiled
def _next_change(
    which: Any, at_ms: int, lookback_ms: int, window_ms: int, width_ms: int, slots: Any, cells: Any, ranges: Any,
    found: Any,
) -> None:  # fmt: skip
    for i in range(len(which)):
        slot = which[i]
        first, last = ranges[slot, _FIRST], ranges[slot, _LAST]
        if last >= 0:
            enters = cells[last, NEWER]
        else:
            enters, cell = -1, slots[slot, NEWEST]
            while cell >= 0 and cells[cell, START] >= at_ms:
                enters, cell = cell, cells[cell, OLDER]
        if first >= 0:
            leaves_ms = (cells[first, START] // width_ms + 1) * width_ms + lookback_ms
            found[i] = (leaves_ms + window_ms - 1) // window_ms * window_ms
        if enters >= 0 and (first < 0 or cells[enters, START] + window_ms < found[i]):
            found[i] = cells[enters, START] + window_ms
