"""The largest values of every slot of the open block, and which events had them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.rollup.folding.slots import Union
from callgauge_streams.rollup.reading.event_ids import EventIds
from callgauge_windows.compiled import uncounted
from callgauge_windows.grown import Grown

__all__ = ["Extremes"]

Int64s = npt.NDArray[np.int64]


class Extremes:
    """The maxima of every slot (a combination of label values and finest window), and the events that had them. All
    values are positive; 0 means "nothing yet".

    Args:
        width: columns of which a maximum is taken.
        named: for so many of the columns, from the first, the event with the maximum is remembered; of several such
        events the one with the lowest offset.
    """

    def __init__(self, width: int, named: int) -> None:
        self._named = named
        self._highs = Grown(width)
        self._first = -1
        self._at = Grown(named, np.int32)
        """Offsets relative to the block's first; a block spans less than 2^31."""
        self._ids = Grown(dtype=np.uint8)
        self._id_at = Grown(2 * named, np.int32)

    @property
    def ids(self) -> npt.NDArray[np.uint8]:
        """The ids that `holders` points into, one after the other."""
        return self._ids.filled

    def add(self, size: int, slots: Int64s, values: Int64s, offsets: Int64s, ids: EventIds) -> None:
        """Take in a micro-batch.

        Args:
            size: number of slots, the batch's included.
            slots: of each event, shape (n,).
            values: shape (n, width).
            offsets: ascending, shape (n,).
        """
        if self._first < 0:
            self._first = int(offsets[0])
        winners = np.zeros((size, self._named), dtype=np.int32)
        _raise(self._highs.to(size), winners, slots, values)
        used = len(self.ids)
        room = self._ids.room(used + int((ids.at[:, 1] - ids.at[:, 0]).sum()))
        at, id_at, data = self._at.to(size), self._id_at.to(size), np.frombuffer(ids.data, dtype=np.uint8)
        self._ids.to(_name(winners, slots, offsets - self._first, ids.at, data, at, id_at, room, used))

    def highs(self, union: Union) -> Int64s:
        """The maxima of each row, shape (rows, width)."""
        return union.highs(self._highs.filled)

    def holders(self, union: Union, highs: Int64s) -> Int64s:
        """Where in `ids` the id of the event with each named maximum begins and ends, shape (rows, named, 2).

        Args:
            highs: of each row.
        """
        found = np.full((len(highs), self._named), -1, dtype=np.int64)
        _find_holders(union.row_of_slot, self._highs.filled, self._at.filled, highs, found)
        id_at = self._id_at.filled.reshape(-1, self._named, 2)
        return np.asarray(id_at[found, np.arange(self._named)], dtype=np.int64)


@uncounted
def _raise(highs: Any, winners: Any, slots: Any, values: Any) -> None:
    """Raise the maxima of slots to those of a batch. In `winners` goes 1 + the number of the event that raised a
    maximum, 0 if none did."""
    for event in range(len(slots)):
        slot = slots[event]
        for column in range(values.shape[1]):
            if values[event, column] > highs[slot, column]:
                highs[slot, column] = values[event, column]
                if column < winners.shape[1]:
                    winners[slot, column] = event + 1


@uncounted
def _name(
    winners: Any, slots: Any, offsets: Any, ids_at: Any, data: Any, at: Any, id_at: Any, ids: Any, used: int
) -> int:
    """Note offset and id of the winners; returns how many bytes of `ids` are used then."""
    for event in range(len(slots)):
        slot, begin = slots[event], -1
        for column in range(winners.shape[1]):
            if winners[slot, column] == event + 1:
                if begin < 0:
                    begin = used
                    for i in range(ids_at[event, 0], ids_at[event, 1]):
                        ids[used] = data[i]
                        used += 1
                at[slot, column] = offsets[event]
                id_at[slot, 2 * column], id_at[slot, 2 * column + 1] = begin, used
    return used


@uncounted
def _find_holders(row_of_slot: Any, highs: Any, at: Any, row_highs: Any, found: Any) -> None:
    """For each row, the slot that has the row's maximum. If several have it, the one whose event has the lowest
    offset."""
    for slot in range(len(row_of_slot)):
        row = row_of_slot[slot]
        if row < 0:
            continue
        for column in range(found.shape[1]):
            if highs[slot, column] == row_highs[row, column] and (
                found[row, column] < 0 or at[slot, column] < at[found[row, column], column]
            ):
                found[row, column] = slot
