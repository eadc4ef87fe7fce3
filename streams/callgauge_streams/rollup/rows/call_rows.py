"""Builds the rows of calls, a batch at a time: each row adds up some slots of the accumulator."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from callgauge.counted import OUTCOME_COUNTS, TOKEN_SUMS
from callgauge_streams.rollup.folding.accumulator import Accumulator
from callgauge_streams.rollup.folding.outcomes import ERROR_TYPES
from callgauge_streams.rollup.folding.row_unions import RowKeys
from callgauge_streams.rollup.folding.slots import Union
from callgauge_streams.rollup.rows.measure_columns import measure_columns
from callgauge_windows.row_batch import RowBatch

__all__ = ["call_rows"]

Int64s = npt.NDArray[np.int64]

_SUMS = ("n", *TOKEN_SUMS)
_OUTCOMES = tuple(count.name for count in OUTCOME_COUNTS)
_ERRORS = tuple(f"error.{kind}" for kind in ERROR_TYPES)


def call_rows(slots: Accumulator, union: Union, keys: RowKeys) -> Iterator[RowBatch]:
    """The rows of calls, as one batch."""
    index = keys.index
    sums, extremes = union.sums(slots.sums.filled), slots.extremes.highs(union)
    totals = slots.outcomes.totals(slots.outcome_counts.of_rows(union.row_of_slot, union.rows))
    named = [at for at, name in enumerate(totals.reason_names) if name]
    measures = measure_columns(slots, union, sums, extremes)
    labels = index.grouping.labels
    lines: list[tuple[tuple[str, ...], Int64s]] = [
        (("window_start_ms",), keys.starts_ms[None]),
        (_SUMS, sums[:, : len(_SUMS)].T),
        (_OUTCOMES, totals.counts.T),
        (("rate_limit_used_max_ppm",), extremes[None, :, -1]),
        (tuple(f"label.{name}" for name in labels), index.label_at[keys.series, : len(labels)].T.astype(np.int64)),
        (_ERRORS, totals.errors.T),
        (tuple(f"finish.{totals.reason_names[at]}" for at in named), totals.reasons[:, named].T),
        (measures.names, measures.numbers),
    ]
    yield RowBatch(
        grouping=index.grouping.name,
        window_ms=index.grouping.window_ms,
        **keys.identity,
        series_id=index.ids[keys.series],
        names=tuple(name for names, _ in lines for name in names),
        numbers=np.concatenate([numbers for _, numbers in lines]),
        label_values=index.label_values,
        event_ids=measures.event_ids,
        buckets=measures.buckets,
    )
