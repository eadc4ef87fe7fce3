"""The finest grain of the open block: one slot for each (code of label values, finest window).

A micro-batch is grouped by one stable sort; then every sum and maximum is one `reduceat` over the sorted events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from callgauge_streams.rollup.grown import Grown

__all__ = ["Batch", "Extremes", "Slots", "Union"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Ids = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Batch:
    """A micro-batch of n events, grouped into k slots."""

    slots: Int64s
    """Slot of each event, shape (n,)."""
    order: Int64s
    """The events in slot order, log order inside a slot, shape (n,)."""
    starts: Int64s
    """Where each slot begins in `order`, shape (k,)."""
    of: Int64s
    """Each of these slots, shape (k,)."""


class Slots:
    """Numbers slots from 0 in order of appearance.

    Args:
        window_ms: the finest window, which all grouping sets' windows are multiples of.
    """

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._slots: dict[tuple[int, int], int] = {}
        self.series_of: list[int] = []
        """Code of each slot's label values."""
        self.starts_ms: list[int] = []
        """Start of each slot's window."""

    @property
    def size(self) -> int:
        """Number of slots."""
        return len(self.series_of)

    def group(self, codes: Int64s, event_ms: Int64s) -> Batch:
        """Find the slots of a micro-batch.

        Args:
            codes: of each event's label values, shape (n,).
            event_ms: event times, shape (n,).
        """
        windows = event_ms // self._window_ms
        first = int(windows.min())
        keys = codes * (int(windows.max()) - first + 1) + (windows - first)
        # Short keys are sorted by radix, seven times as fast.
        order = np.argsort(keys.astype(np.uint16) if keys.max() < 1 << 16 else keys, kind="stable")
        ordered = keys[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        heads = order[starts]
        of = np.array([self._slot(*key) for key in zip(codes[heads].tolist(), windows[heads].tolist(), strict=True)])
        slots = np.empty(len(codes), dtype=np.int64)
        slots[order] = np.repeat(of, np.diff(np.r_[starts, len(codes)]))
        return Batch(slots, order, starts, of)

    def _slot(self, code: int, window: int) -> int:
        slot = self._slots.setdefault((code, window), self.size)
        if slot == self.size:
            self.series_of.append(code)
            self.starts_ms.append(window * self._window_ms)
        return slot


@dataclass(frozen=True, slots=True)
class Union:
    """Which slots make which row: `slots` ordered by row, each row's beginning at `starts`."""

    row_of_slot: Int64s
    """Row of every slot, -1 for none."""
    slots: Int64s
    rows: Int64s
    """Row of each of `slots`."""
    starts: Int64s

    @classmethod
    def of(cls, row_of_slot: Int64s) -> Union:
        """From the row of every slot; no row is empty."""
        slots = np.flatnonzero(row_of_slot >= 0)
        slots = slots[np.argsort(row_of_slot[slots], kind="stable")]
        rows = row_of_slot[slots]
        return cls(row_of_slot, slots, rows, np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]]))


class Extremes:
    """Maxima of every slot, and which event had them. All values are positive: 0 means "nothing yet".

    Args:
        width: columns of which a maximum is taken.
        named: of so many of them, the first, the event is remembered: of several the one with the lowest offset.
    """

    def __init__(self, width: int, named: int) -> None:
        self._named = named
        self._highs = Grown(width)
        self._at = Grown(named)
        self._ids: dict[tuple[int, int], str] = {}

    def add(self, size: int, batch: Batch, values: Int64s, offsets: Int64s, ids: Ids) -> None:
        """Take in a micro-batch.

        Args:
            size: number of slots, the batch's included.
            values: shape (n, width).
            offsets: shape (n,).
            ids: the id of an event, by its place in the batch.
        """
        highs = np.maximum.reduceat(values[batch.order], batch.starts, axis=0)
        known = self._highs.to(size)
        self._note(size, batch, values, highs, highs > known[batch.of], offsets, ids)
        known[batch.of] = np.maximum(known[batch.of], highs)

    def _note(
        self, size: int, batch: Batch, values: Int64s, highs: Int64s, larger: Bools, offsets: Int64s, ids: Ids
    ) -> None:
        """Remember the event where this batch has a larger value than all before."""
        at = self._at.to(size)
        group = np.repeat(np.arange(len(batch.starts)), np.diff(np.r_[batch.starts, len(offsets)]))
        for column in range(self._named):
            own = np.where(larger[group, column], values[batch.order, column], -1)
            hits = np.flatnonzero(own == highs[group, column])
            hits = hits[np.r_[True, group[hits[1:]] != group[hits[:-1]]][: len(hits)]]  # the first of equal ones
            events, of_hits = batch.order[hits], batch.of[group[hits]]
            at[of_hits, column] = offsets[events]
            for slot, event in zip(of_hits.tolist(), events.tolist(), strict=True):
                self._ids[slot, column] = ids(event)

    def highs(self, union: Union) -> Int64s:
        """The maxima of each row, shape (rows, width)."""
        return np.asarray(np.maximum.reduceat(self._highs.filled[union.slots], union.starts, axis=0))

    def ids_of(self, union: Union, highs: Int64s, column: int) -> dict[int, str]:
        """Row -> the event that had its maximum; rows without one are left out.

        Args:
            highs: of each row, in this column.
        """
        own = self._highs.filled[union.slots, column]
        holds = (own == highs[union.rows]) & (own > 0)
        offsets = np.where(holds, self._at.filled[union.slots, column], np.iinfo(np.int64).max)
        lowest = np.minimum.reduceat(offsets, union.starts)
        chosen = np.flatnonzero(holds & (offsets == lowest[union.rows]))
        of = zip(union.rows[chosen].tolist(), union.slots[chosen].tolist(), strict=True)
        return {row: self._ids[slot, column] for row, slot in of}
