"""One row of a batch, for what looks at single rows: the cap asks for the labels of series that are not known."""

from __future__ import annotations

from functools import cached_property

from callgauge_windows.row_batch import RowBatch

__all__ = ["BatchRow"]


class BatchRow:
    """A row's series; made only for rows of series that are not known."""

    def __init__(self, batch: RowBatch, at: int) -> None:
        self._batch, self._at = batch, at
        self.grouping, self.window_ms = batch.grouping, batch.window_ms
        self.series_id = int(batch.series_id[at])

    @cached_property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        batch = self._batch
        return {
            name: values[int(batch.column(f"label.{name}")[self._at])] for name, values in batch.label_values.items()
        }
