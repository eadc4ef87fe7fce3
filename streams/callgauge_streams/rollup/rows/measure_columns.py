"""The measured quantities of calls' rows, as columns: counts, sums, extremes and histograms of unions of slots."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from msgspec import json

from callgauge.counted import TOKEN_SUMS
from callgauge_streams.rollup.folding.accumulator import Accumulator
from callgauge_streams.rollup.folding.slots import Union
from callgauge_streams.rollup.reading.columns import LARGEST, MEASURE_NAMES
from callgauge_streams.rollup.tables.sparse import PairCounts
from callgauge_windows.histogram import SCALE
from callgauge_windows.row_batch import MEASURE_PARTS, Buckets, Texts

__all__ = ["FIRST_BUCKET", "MeasureColumns", "measure_columns"]

Int64s = npt.NDArray[np.int64]

#: Bucket of the histogram item 0; see `columns.BUCKET_BITS`.
FIRST_BUCKET = -2
_FIRST_SUM = 1 + len(TOKEN_SUMS)
_MEASURES = len(MEASURE_NAMES)


@dataclass(frozen=True, slots=True)
class MeasureColumns:
    """What `RowBatch` has of measures."""

    names: tuple[str, ...]
    numbers: Int64s
    """Shape (names, rows)."""
    event_ids: Texts
    buckets: dict[str, Buckets]


def measure_columns(slots: Accumulator, union: Union, sums: Int64s, extremes: Int64s) -> MeasureColumns:
    """The measures of each row.

    Args:
        sums, extremes: of each row, as in `Columns`.
    """
    rows = len(sums)
    event_ids, holders = _event_ids(slots, union, sums, extremes)
    names: list[str] = []
    numbers = np.zeros((_MEASURES * (len(MEASURE_PARTS) + 1), rows), dtype=np.int64)
    buckets: dict[str, Buckets] = {}
    for at, name in enumerate(MEASURE_NAMES):
        counted = sums[:, _FIRST_SUM + 3 * at] > 0
        zeros, buckets[name] = _histograms(slots.buckets[at].of_rows(union.row_of_slot, rows), rows)
        parts = {
            "count": sums[:, _FIRST_SUM + 3 * at],
            "sum": sums[:, _FIRST_SUM + 3 * at + 1],
            "sum_sq": sums[:, _FIRST_SUM + 3 * at + 2],
            "min": np.where(counted, LARGEST - extremes[:, _MEASURES + at], 0),
            "max": np.where(counted, extremes[:, at] - 1, 0),
            "zero_count": zeros,
            "scale": np.where(counted, SCALE, 0),
            "max_event": holders[:, at],
        }
        for part, column in parts.items():
            numbers[len(names)] = column
            names.append(f"{name}.{part}")
    return MeasureColumns(tuple(names), numbers, event_ids, buckets)


def _histograms(pairs: PairCounts, rows: int) -> tuple[Int64s, Buckets]:
    """How many zeros each row has, and its buckets."""
    zeros = np.zeros(rows, dtype=np.int64)
    is_zero = pairs.items == 0
    pair_rows = pairs.rows
    zeros[pair_rows[is_zero]] = pairs.counts[is_zero]
    lengths = np.diff(pairs.starts) - np.bincount(pair_rows[is_zero], minlength=rows)
    at = np.concatenate([[0], np.cumsum(lengths)])
    return zeros, Buckets(at, pairs.items[~is_zero] + FIRST_BUCKET, pairs.counts[~is_zero])


def _event_ids(slots: Accumulator, union: Union, sums: Int64s, extremes: Int64s) -> tuple[Texts, Int64s]:
    """The ids of the events with the largest values, and 1 + the number of each row's and measure's, 0 where no event
    has the measure; shape (rows, measures)."""
    id_at = slots.extremes.holders(union, extremes)
    counted = sums[:, _FIRST_SUM::3] > 0
    begins, which = np.unique(id_at[counted, 0], return_inverse=True)
    ends = np.zeros(len(begins), dtype=np.int64)
    ends[which] = id_at[counted, 1]
    numbers = np.zeros(counted.shape, dtype=np.int64)
    numbers[counted] = which + 1
    lengths = ends - begins
    at = np.concatenate([[0], np.cumsum(lengths)])
    places = np.repeat(begins - at[:-1], lengths) + np.arange(at[-1])
    return _unescaped(Texts(slots.extremes.ids[places].tobytes(), at)), numbers


def _unescaped(in_json: Texts) -> Texts:
    """The ids are kept as they stand in JSON strings; hardly any has an escape."""
    if b"\\" not in in_json.data:
        return in_json
    pieces = [in_json.data[begin:end] for begin, end in pairwise(in_json.at.tolist())]
    return Texts.of([json.decode(b'"%b"' % piece, type=str) for piece in pieces])
