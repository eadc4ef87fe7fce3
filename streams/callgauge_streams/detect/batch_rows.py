"""The rows of a batch one by one, as detect takes them: only what rules may ask of a row is made an object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from callgauge_windows.row_batch import RowBatch
from callgauge_windows.totals import Totals

__all__ = ["BatchRow", "row_of", "rows_of"]


class BatchRow:
    """One row: its identity and version, and its totals."""

    __slots__ = ("_at", "_batch", "block", "epoch", "grouping", "n", "series_id", "source", "totals", "window_ms",
                 "window_start_ms")  # fmt: skip

    def __init__(self, batch: RowBatch, at: int, series_id: int, window_start_ms: int, n: int, totals: Totals) -> None:
        self._batch, self._at = batch, at
        self.grouping, self.window_ms = batch.grouping, batch.window_ms
        self.source, self.block, self.epoch = batch.source, batch.block, batch.epoch
        self.series_id, self.window_start_ms, self.n, self.totals = series_id, window_start_ms, n, totals

    @property
    def labels(self) -> dict[str, str]:
        """Made when they are asked for: of a series that is known they are not."""
        batch = self._batch
        return {
            name: values[int(batch.column(f"label.{name}")[self._at])] for name, values in batch.label_values.items()
        }


def rows_of(batch: RowBatch, measures: frozenset[str]) -> Iterator[BatchRow]:
    """Its rows, in order.

    Args:
        measures: what loaded rules ask for; the rest would only take memory.
    """
    starts, n = batch.column("window_start_ms").tolist(), batch.column("n").tolist()
    rows = zip(batch.series_id.tolist(), starts, n, Totals.of_batch(batch, measures), strict=True)
    for at, (series_id, start_ms, events, totals) in enumerate(rows):
        yield BatchRow(batch, at, series_id, start_ms, events, totals)


def row_of(row: Any, measures: frozenset[str]) -> BatchRow:
    """A single `WindowRow` struct, as if it had come in a batch."""
    [found] = rows_of(RowBatch.of_rows([row]), measures)
    return found
