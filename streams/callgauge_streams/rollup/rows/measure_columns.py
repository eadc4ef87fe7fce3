"""The measured quantities of calls' rows, as columns: counts, sums, extremes and histograms of unions of slots."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import json

from callgauge.counted import TOKEN_SUMS
from callgauge_streams.rollup.folding.accumulator import Accumulator
from callgauge_streams.rollup.folding.slots import Union
from callgauge_streams.rollup.reading.columns import LARGEST, MEASURE_NAMES
from callgauge_streams.rollup.tables.sparse import PairCounts
from callgauge_windows.compiled import uncounted
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
        zeros, buckets[name] = _histograms(slots.buckets[at].of_rows(union.row_of_slot, rows))
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


def _histograms(pairs: PairCounts) -> tuple[Int64s, Buckets]:
    """How many zeros each row has, and its buckets."""
    zeros = np.zeros(len(pairs.starts) - 1, dtype=np.int64)
    left = _take_zeros(pairs.starts, pairs.items, pairs.counts, zeros)
    return zeros, Buckets(pairs.starts, pairs.items[:left], pairs.counts[:left])


@uncounted
def _take_zeros(starts: Any, items: Any, counts: Any, zeros: Any) -> int:
    """Take item 0 out of each row, and make buckets of the other items, in place; returns how many are left."""
    left = 0
    for row in range(len(zeros)):
        begin, end = starts[row], starts[row + 1]
        starts[row] = left
        for at in range(begin, end):
            if items[at] == 0:
                zeros[row] = counts[at]
            else:
                items[left], counts[left] = items[at] + FIRST_BUCKET, counts[at]
                left += 1
    starts[len(zeros)] = left
    return left


def _event_ids(slots: Accumulator, union: Union, sums: Int64s, extremes: Int64s) -> tuple[Texts, Int64s]:
    """The ids of the events with the largest values, and 1 + the number of each row's and measure's, 0 where no event
    has the measure; shape (rows, measures)."""
    id_at = slots.extremes.holders(union, extremes)
    counted = sums[:, _FIRST_SUM::3] > 0
    lengths = np.where(counted, id_at[:, :, 1] - id_at[:, :, 0], 0)
    numbers, ends = np.zeros(counted.shape, dtype=np.int64), np.zeros(counted.size + 1, dtype=np.int64)
    data = np.empty(int(lengths.sum()), dtype=np.uint8)
    found = _number_ids(id_at, counted, slots.extremes.ids, numbers, ends, data)
    at = ends[: found + 1]
    return _unescaped(Texts(data[: at[-1]].tobytes(), at)), numbers


@uncounted
def _number_ids(id_at: Any, counted: Any, ids: Any, numbers: Any, ends: Any, data: Any) -> int:
    """Copy the ids one after the other, each once: several measures of a row may have the same event as their largest,
    two rows never have. Returns how many there are."""
    found = 0
    for row in range(len(counted)):
        for measure in range(counted.shape[1]):
            if not counted[row, measure]:
                continue
            begin, end = id_at[row, measure]
            for before in range(measure):
                if counted[row, before] and id_at[row, before, 0] == begin:
                    numbers[row, measure] = numbers[row, before]
            if numbers[row, measure] == 0:
                to = ends[found]
                for at in range(begin, end):
                    data[to] = ids[at]
                    to += 1
                found += 1
                ends[found], numbers[row, measure] = to, found
    return found


def _unescaped(in_json: Texts) -> Texts:
    """The ids are kept as they stand in JSON strings; hardly any has an escape."""
    if b"\\" not in in_json.data:
        return in_json
    pieces = [in_json.data[begin:end] for begin, end in pairwise(in_json.at.tolist())]
    return Texts.of([json.decode(b'"%b"' % piece, type=str) for piece in pieces])
