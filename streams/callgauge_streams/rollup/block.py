"""The open block: events at the finest grain, the rows of each grouping set, and the counts of its summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from callgauge.codec import struct_of
from callgauge.schema import BlockSummary
from callgauge_streams.rollup.accumulator import Accumulator
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.folding import Folding
from callgauge_streams.rollup.outcomes import Codes
from callgauge_streams.rollup.series import SeriesTable

__all__ = ["Block"]

Int64s = npt.NDArray[np.int64]

_Summary: Any = struct_of(BlockSummary)


class Block:
    """One block of one source, as far as it has been read.

    Args:
        first: offset of its first record.
        first_ts_ms: append time of that record.
    """

    def __init__(self, config: RollupConfig, source: str, first: int, first_ts_ms: int) -> None:
        self.first = first
        self._bound_ms = config.out_of_orderness_ms
        self._finest_ms = config.finest_ms
        self._labels_of = attrgetter(*config.labels)
        self._slots = Accumulator(config.finest_ms)
        identity = {"source": source, "block": first, "epoch": config.epoch}
        self._sets = [
            (
                _Pick(config.labels, grouping.labels),
                SeriesTable(grouping, config.series_cap),
                Folding(grouping, identity),
            )
            for grouping in config.groupings
        ]
        self._service_at = config.labels.index("service")
        self._codes = Codes()
        self._series: list[list[int]] = []
        """Per code of label values: the series in each grouping set."""
        self._folded: list[bool] = []
        self._summary = _Summary(
            **identity,
            last_offset=first,
            complete=False,
            records=0,
            counted=0,
            first_ts_ms=first_ts_ms,
        )

    def read(self, records: int, last_offset: int, *, dead: int, duplicates: int) -> None:
        """Take note of records, whether they are counted or not."""
        self._summary.records += records
        self._summary.last_offset = last_offset
        self._summary.dead += dead
        self._summary.duplicates += duplicates

    def count(self, calls: Sequence[Any], offsets: Int64s, timestamps_ms: Int64s) -> int:
        """Count events, in log order; returns the largest event time among them, epoch ms."""
        codes = self._codes_of(calls)
        before = self._slots.size
        columns = self._slots.add(calls, offsets, codes)
        for slot in range(before, self._slots.size):
            self._place(slot)
        self._summary.counted += columns.n
        self._summary.late += int(np.count_nonzero(timestamps_ms - columns.event_ms > self._bound_ms))
        self._summary.clamped += columns.clamped
        self._summary.token_violations += columns.token_violations
        if any(self._folded):
            self._summary.folded += int(np.count_nonzero(np.array(self._folded)[codes]))
        return int(columns.event_ms.max())

    def _codes_of(self, calls: Sequence[Any]) -> Int64s:
        labels: Iterator[Any] = map(self._labels_of, calls)
        codes = np.fromiter(map(self._codes.__getitem__, labels), dtype=np.int64, count=len(calls))
        for values in list(self._codes)[len(self._series) :]:
            self._resolve(values if isinstance(values, tuple) else (values,))
        return codes

    def _resolve(self, values: tuple[str, ...]) -> None:
        """Find the series of new label values in each grouping set."""
        service = values[self._service_at]
        found = [series.code_of(service, pick(values)) for pick, series, _ in self._sets]
        self._series.append([code for code, _ in found])
        self._folded.append(any(folded for _, folded in found))

    def _place(self, slot: int) -> None:
        start_ms = self._slots.windows[slot] * self._finest_ms
        for code, (_, series, folding) in zip(self._series[self._slots.series_of[slot]], self._sets, strict=True):
            folding.put(slot, code, series.values[code], start_ms)

    def take_grown(self, watermark_ms: int | None = None, first_time_only: bool = False) -> list[Any]:
        """Rows that grew since they were last taken; see `Folding.take_grown`."""
        return [
            row for *_, folding in self._sets for row in folding.take_grown(self._slots, watermark_ms, first_time_only)
        ]

    def summary(self, *, complete: bool) -> Any:
        """The block's summary so far."""
        return msgspec.structs.replace(self._summary, complete=complete)


class _Pick:
    """Picks a grouping set's label values out of all."""

    def __init__(self, labels: Sequence[str], wanted: Sequence[str]) -> None:
        self._at = [labels.index(label) for label in wanted]

    def __call__(self, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(values[at] for at in self._at)
