"""The open block's aggregates of one grouping set, columnar: one slot for each (series, window).

A micro-batch is grouped by one stable sort; after it every quantity is one `reduceat` over the sorted columns, added to
the slots' arrays. All arithmetic is on integers, so the result is the same however the block was cut into batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.codec import struct_of
from callgauge.schema import MEASURES, WindowRow
from callgauge.units import SQUARE_UNITS
from callgauge_streams.rollup.columns import COUNTS, ERROR_TYPES, Columns
from callgauge_streams.rollup.grouping import GroupingSet, series_id
from callgauge_streams.rollup.grown import Grown
from callgauge_streams.rollup.measures import MeasureSlots
from callgauge_streams.rollup.sparse import SparseCounts

__all__ = ["Accumulator"]

Int64s = npt.NDArray[np.int64]

_Row = struct_of(WindowRow)
# Distinct finish reasons of a block that are told apart, in log order; an emitter that puts ids there must not make a
# row too large for the broker.
_REASONS = 100
_OTHER = "__other__"
_REASON_BITS = 7


class Accumulator:
    """Rows of one grouping set in one block.

    `source`, `block` and `epoch` go into every row's identity.
    """

    def __init__(self, grouping: GroupingSet, *, source: str, block: int, epoch: str) -> None:
        self._grouping = grouping
        self._identity = {"grouping": grouping.name, "source": source, "block": block, "epoch": epoch}
        self._label_values = _values_of(grouping)
        self._series: dict[tuple[str, ...], int] = {}
        self._slots: dict[tuple[int, int], int] = {}
        self._keys: list[tuple[tuple[str, ...], int]] = []
        self._counts = Grown(len(COUNTS) + len(ERROR_TYPES))
        self._n = Grown()
        self._sent_n = Grown()
        self._window_end_ms = Grown()
        self._rate_limit_used = Grown()
        self._measures = {name: MeasureSlots(SQUARE_UNITS[name]) for name in MEASURES}
        self._reason_codes: dict[str, int] = {_OTHER: 0}
        self._reasons = SparseCounts(_REASON_BITS)

    def add(self, columns: Columns) -> None:
        """Count a micro-batch's events."""
        slots, order, starts = self._group(columns)
        group_slots = slots[order[starts]]
        size = len(self._keys)
        lengths = np.diff(np.r_[starts, columns.n])
        self._n.to(size)[group_slots] += lengths
        self._sent_n.to(size)
        self._counts.to(size)[group_slots] += np.add.reduceat(columns.counts[order], starts, axis=0)
        used = np.maximum.reduceat(columns.rate_limit_used_ppm[order], starts)
        slot_used = self._rate_limit_used.to(size)
        slot_used[group_slots] = np.maximum(slot_used[group_slots], used)
        for name, column in columns.measures.items():
            self._measures[name].add(column, slots, order, columns.event_ids, size)
        self._add_reasons(columns.finish_reasons, slots)

    def _group(self, columns: Columns) -> tuple[Int64s, Int64s, Int64s]:
        """Slot of each event, the events in slot order (log order inside a slot), and where each slot starts in it."""
        series = self._series
        codes = np.fromiter(
            (series.setdefault(values, len(series)) for values in map(self._label_values, columns.calls)),
            dtype=np.int64,
            count=columns.n,
        )
        windows = columns.event_ms // self._grouping.window_ms
        first = windows.min()
        keys = codes * (windows.max() - first + 1) + (windows - first)
        order = np.argsort(keys, kind="stable")
        sorted_keys = keys[order]
        starts = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]])
        slots = np.empty(columns.n, dtype=np.int64)
        group_slots = [
            self._slot(code, window, columns.calls[event])
            for code, window, event in zip(
                codes[order[starts]].tolist(), windows[order[starts]].tolist(), order[starts].tolist(), strict=True
            )
        ]
        slots[order] = np.repeat(group_slots, np.diff(np.r_[starts, columns.n]))
        return slots, order, starts

    def _slot(self, code: int, window: int, call: Any) -> int:
        slot = self._slots.setdefault((code, window), len(self._slots))
        if slot == len(self._keys):
            self._keys.append((self._label_values(call), window * self._grouping.window_ms))
            self._window_end_ms.to(slot + 1)[slot] = (window + 1) * self._grouping.window_ms
        return slot

    def _add_reasons(self, reasons: Sequence[str], slots: Int64s) -> None:
        items = np.fromiter(map(self._reason_code, reasons), dtype=np.int64, count=len(reasons))
        self._reasons.add(slots, items)

    def _reason_code(self, reason: str) -> int:
        codes = self._reason_codes
        if reason in codes or len(codes) <= _REASONS:
            return codes.setdefault(reason, len(codes))
        return codes[_OTHER]

    def take_grown(self, watermark_ms: int | None = None, first_time_only: bool = False) -> Iterator[Any]:
        """Rows that grew since they were last taken.

        Args:
            watermark_ms: only rows of windows that end by it.
            first_time_only: only rows that were never taken.
        """
        grown = self._n.filled > self._sent_n.filled
        if watermark_ms is not None:
            grown &= self._window_end_ms.filled <= watermark_ms
        if first_time_only:
            grown &= self._sent_n.filled == 0
        for slot in np.flatnonzero(grown).tolist():
            self._sent_n.filled[slot] = self._n.filled[slot]
            yield self._row(slot)

    def _row(self, slot: int) -> Any:
        values, window_start_ms = self._keys[slot]
        counts = self._counts.filled[slot].tolist()
        reasons = list(self._reason_codes)
        errors = zip(ERROR_TYPES, counts[len(COUNTS) :], strict=True)
        return _Row(
            **self._identity,
            series_id=series_id(self._grouping, values),
            window_start_ms=window_start_ms,
            window_ms=self._grouping.window_ms,
            n=int(self._n.filled[slot]),
            labels=dict(zip(self._grouping.labels, values, strict=True)),
            errors={name: count for name, count in errors if count},
            finish_reasons={reasons[code]: count for code, count in self._reasons.of(slot).items() if reasons[code]},
            rate_limit_used_max_ppm=int(self._rate_limit_used.filled[slot]),
            measures={name: row for name, slots in self._measures.items() if (row := slots.measure(slot))},
            **dict(zip(COUNTS, counts, strict=False)),
        )


def _values_of(grouping: GroupingSet) -> Any:
    """A function from a call to the tuple of its label values."""
    if not grouping.labels:
        return lambda call: ()
    get = attrgetter(*grouping.labels)
    return get if len(grouping.labels) > 1 else lambda call: (get(call),)
