"""The open block: events at the finest grain, the rows of each grouping set, and the counts of its summary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from callgauge.schema import BlockSummary
from callgauge.structs import struct_of
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.folding.row_unions import Folding
from callgauge_streams.rollup.folding.series import SeriesTable
from callgauge_streams.rollup.kinds import CALLS, Kind
from callgauge_streams.rollup.tables.grown import Grown
from callgauge_streams.rollup.tables.interned import Renumbered
from callgauge_windows.grouping import GroupingSet

__all__ = ["Block"]

Int64s = npt.NDArray[np.int64]

_Summary: Any = struct_of(BlockSummary)


class Block:
    """One block of one source, as far as it has been read.

    Args:
        first: offset of its first record.
        first_ts_ms: append time of that record.
    """

    def __init__(self, config: RollupConfig, source: str, first: int, first_ts_ms: int, kind: Kind = CALLS) -> None:
        self.first = first
        self.minute = first_ts_ms // 60_000
        self._bound_ms = config.out_of_orderness_ms
        self._slots = kind.accumulator(config.finest_ms)
        identity = {"source": source, "block": first, "epoch": config.epoch}
        self._sets = [_Set(grouping, config, identity, kind) for grouping in config.groupings]
        self._service_at = config.labels.index("service")
        self._labels = Renumbered()
        self._folded: list[bool] = []
        self._summary = _Summary(
            **identity,
            last_offset=first,
            complete=False,
            records=0,
            counted=0,
            first_ts_ms=first_ts_ms,
        )

    def read(self, records: int, last_offset: int, *, dead: int, duplicates: int, differing: int) -> None:
        """Take note of records, whether they are counted or not."""
        self._summary.records += records
        self._summary.last_offset = last_offset
        self._summary.dead += dead
        self._summary.duplicates += duplicates
        self._summary.differing += differing

    def count(self, events: Any, offsets: Int64s, timestamps_ms: Int64s) -> int:
        """Count events (`kinds.Events`), in log order; returns the largest event time among them, epoch ms."""
        codes = self._labels.numbers_of(events.labels)
        for code in self._labels.codes[len(self._folded) :]:
            self._resolve(events.label_values[code])
        before = self._slots.size
        columns = self._slots.add(events, offsets, codes)
        labels, starts_ms = self._slots.labels_of(before)
        for grouping in self._sets:
            grouping.put(labels, starts_ms)
        self._summary.counted += columns.n
        self._summary.late += int(np.count_nonzero(timestamps_ms - columns.event_ms > self._bound_ms))
        self._summary.clamped += columns.clamped
        self._summary.token_violations += columns.token_violations
        if any(self._folded):
            self._summary.folded += int(np.count_nonzero(np.array(self._folded)[codes]))
        return int(columns.event_ms.max())

    def _resolve(self, values: tuple[str | None, ...]) -> None:
        """Find the series of new label values in each grouping set."""
        service = str(values[self._service_at])
        folded = [grouping.resolve(service, values) for grouping in self._sets]
        self._folded.append(any(folded))

    def take_grown(self, watermark_ms: int | None = None, first_time_only: bool = False) -> Iterator[Any]:
        """Rows that grew since they were last taken; see `Folding.take_grown`."""
        return chain.from_iterable(
            [each.folding.take_grown(self._slots, watermark_ms, first_time_only) for each in self._sets]
        )

    def folding(self) -> dict[tuple[str, str, str], int]:
        """Grouping set, service and label -> how many combinations of label values were folded by that label."""
        return {
            (each.name, service, label): count
            for each in self._sets
            for (service, label), count in each.overflows.items()
        }

    def summary(self, *, complete: bool) -> Any:
        """The block's summary so far."""
        return msgspec.structs.replace(self._summary, complete=complete)


class _Set:
    """A grouping set in this block."""

    def __init__(self, grouping: GroupingSet, config: RollupConfig, identity: dict[str, Any], kind: Kind) -> None:
        self.name = grouping.name
        labels, wanted = (*config.labels, *kind.beside), (*grouping.labels, *kind.beside)
        self._at = [labels.index(label) for label in wanted]
        self._table = SeriesTable(replace(grouping, labels=wanted), config.series_cap)
        self._series = Grown(dtype=np.int32)
        """Per number of label values: their series here, -1 where they lack a label of it."""
        self.folding = Folding(grouping, self._table.values, identity, kind.rows_of, kind.beside)

    @property
    def overflows(self) -> dict[tuple[str, str], int]:
        """As `SeriesTable.overflows`."""
        return self._table.overflows

    def resolve(self, service: str, values: tuple[str | None, ...]) -> bool:
        """Find the series of the next label values; returns whether they were folded."""
        picked = tuple(value for at in self._at if (value := values[at]) is not None)
        number, code, folded = len(self._series.filled), -1, False
        if len(picked) == len(self._at):
            code, folded = self._table.code_of(service, picked)
        self._series.to(number + 1)[number] = code
        return folded

    def put(self, labels: Int64s, starts_ms: Int64s) -> None:
        """Say which label values the next slots are of, and where their windows start."""
        self.folding.put(self._series.filled[labels].astype(np.int64), starts_ms)
