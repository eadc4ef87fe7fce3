"""One grouping set in the open block: which series the block's label values are of, under the cap on series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.rollup.folding.row_unions import Folding
from callgauge_streams.rollup.folding.series import SeriesTable
from callgauge_streams.rollup.folding.series_index import SeriesIndex
from callgauge_streams.rollup.kinds import Kind
from callgauge_streams.rollup.tables.interned import Numbered
from callgauge_windows.grown import Grown

__all__ = ["BlockSet"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class BlockSet:
    """A grouping set in one block.

    As long as every service of the block has at most `cap` series, each combination of label values counts in its own
    series, and that is found for whole columns. Once one has more, `SeriesTable` decides for each combination in log
    order; it is given the earlier ones first, so that the outcome is the same however the block was cut.

    Args:
        index: the series of this set.
        services: names of the services, by number.
        identity: (source, block, epoch).
    """

    def __init__(
        self, index: SeriesIndex, services: Sequence[str], cap: int, identity: dict[str, Any], kind: Kind
    ) -> None:
        self.name = index.grouping.name
        self._index = index
        self._services = services
        self._cap = cap
        self._service_of = Grown(dtype=np.int32)
        """Per number of label values: their service."""
        self._series_of = Grown(dtype=np.int32)
        """... and their series here, -1 where they lack a label of it."""
        self._met = Numbered()
        """The pairs of service and series."""
        self._per_service = Grown()
        self._table: SeriesTable | None = None
        self.folding = Folding(index, identity, kind.rows_of)

    @property
    def overflows(self) -> dict[tuple[str, str], int]:
        """As `SeriesTable.overflows`."""
        return self._table.overflows if self._table else {}

    def meet(self, services: Int64s, series: Int64s) -> Bools:
        """Take the next combinations of label values, by their services and series; tells which were folded."""
        first = len(self._series_of.filled)
        if self._table is None and not self._fit(services, series):
            self._table = self._begin_cap()
        folded = np.zeros(len(series), dtype=np.bool_)
        if self._table is not None:
            series = series.copy()
            for at in np.flatnonzero(series >= 0).tolist():
                series[at], folded[at] = self._capped(self._table, int(services[at]), int(series[at]))
        self._service_of.to(first + len(series))[first:] = services
        self._series_of.to(first + len(series))[first:] = series
        return folded

    def _fit(self, services: Int64s, series: Int64s) -> bool:
        """Whether every service, these included, has at most as many series as the cap allows."""
        belongs, before = series >= 0, len(self._met.keys)
        self._met.numbers_of(services[belongs] << 32 | series[belongs])
        fresh = self._met.keys[before:] >> 32
        if len(fresh):
            np.add.at(self._per_service.to(int(fresh.max()) + 1), fresh, 1)
        counts = self._per_service.filled
        return int(counts.max(initial=0)) <= self._cap and int(np.count_nonzero(counts)) <= self._cap

    def _begin_cap(self) -> SeriesTable:
        table = SeriesTable(replace(self._index.grouping, labels=self._index.labels), self._cap)
        for service, series in zip(self._service_of.filled.tolist(), self._series_of.filled.tolist(), strict=True):
            if series >= 0:
                table.code_of(self._services[service], self._index.values[series])
        return table

    def _capped(self, table: SeriesTable, service: int, series: int) -> tuple[int, bool]:
        code, folded = table.code_of(self._services[service], self._index.values[series])
        return (self._index.number_of(table.values[code]) if folded else series), folded

    def put(self, labels: Int64s, starts_ms: Int64s) -> None:
        """Say which label values the next slots are of, and where their windows start."""
        self.folding.put(self._series_of.filled[labels].astype(np.int64), starts_ms)
