"""The open block: events at the finest grain, the rows of each grouping set, and the counts of its summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from callgauge.schema import BlockSummary
from callgauge.structs import struct_of
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import Kind
from callgauge_streams.rollup.source.block_set import BlockSet
from callgauge_streams.rollup.source.known_labels import KnownLabels
from callgauge_streams.rollup.tables.interned import Numbered
from callgauge_windows.grown import Grown

__all__ = ["Block"]

Int64s = npt.NDArray[np.int64]

_Summary: Any = struct_of(BlockSummary)


class Block:
    """One block of one source, as far as it has been read.

    Args:
        first: offset of its first record.
        first_ts_ms: append time of that record.
        known: the label values that the block's reader has met.
    """

    def __init__(
        self, config: RollupConfig, source: str, first: int, first_ts_ms: int, kind: Kind, known: KnownLabels
    ) -> None:
        self.first = first
        self.minute = first_ts_ms // 60_000
        self._bound_ms = config.out_of_orderness_ms
        self._slots = kind.accumulator(config.finest_ms)
        identity = {"source": source, "block": first, "epoch": config.epoch}
        self._known = known
        cap, services = config.series_cap, known.services
        self._sets = [BlockSet(index, services, cap, identity, kind) for index in known.indexes]
        self._labels = Numbered()
        """The reader's codes, numbered again in the order in which the block meets them: what it folds must depend on
        its own records alone."""
        self._folded = Grown(dtype=np.bool_)
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
        if len(new := self._labels.keys[len(self._folded.filled) :]):
            self._meet(new, events.label_values)
        before = self._slots.size
        columns = self._slots.add(events, offsets, codes)
        labels, starts_ms = self._slots.labels_of(before)
        for grouping in self._sets:
            grouping.put(labels, starts_ms)
        self._summary.counted += columns.n
        self._summary.late += int(np.count_nonzero(timestamps_ms - columns.event_ms > self._bound_ms))
        self._summary.clamped += columns.clamped
        self._summary.token_violations += columns.token_violations
        self._summary.folded += int(np.count_nonzero(self._folded.filled[codes]))
        return int(columns.event_ms.max())

    def _meet(self, codes: Int64s, values: Sequence[tuple[str | None, ...]]) -> None:
        """Find the series of new label values in each grouping set."""
        places, known = self._known.places_of(codes, values), len(self._folded.filled)
        folded = [each.meet(places.services, places.series[:, at]) for at, each in enumerate(self._sets)]
        self._folded.to(known + len(codes))[known:] = np.any(folded, axis=0)

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
