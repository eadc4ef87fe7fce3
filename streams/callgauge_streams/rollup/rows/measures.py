"""The measured quantities of calls' rows, as JSON: counts, sums, extremes and histograms of unions of slots.

A row has some hundred buckets. Written by compiled code they cost a tenth of what a dictionary and its encoding did.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Raw

from callgauge.counted import TOKEN_SUMS
from callgauge_streams.rollup.folding.accumulator import Accumulator
from callgauge_streams.rollup.folding.slots import Union
from callgauge_streams.rollup.reading.columns import LARGEST, MEASURE_NAMES
from callgauge_windows.compiled import compiled
from callgauge_windows.histogram import SCALE

__all__ = ["FIRST_BUCKET", "measures_of"]

Int64s = npt.NDArray[np.int64]

#: Bucket of the histogram item 0; see `columns.BUCKET_BITS`.
FIRST_BUCKET = -2
_FIRST_SUM = 1 + len(TOKEN_SUMS)
_MEASURES = len(MEASURE_NAMES)

# What stands between the numbers: the beginning of each measure, then what follows each of its parts.
_PIECES = [
    *(f'"{name}":{{"count":'.encode() for name in MEASURE_NAMES),
    b',"sum":',
    b',"sum_sq":',
    b',"min":',
    b',"max":',
    b',"max_event_id":"',
    f'","histogram":{{"scale":{SCALE},"zero_count":'.encode(),
    b',"buckets":{',
    b"}}}",
]
_SUM, _SUM_SQ, _MIN, _MAX, _ID, _ZEROS, _BUCKETS, _END = range(_MEASURES, len(_PIECES))
_TEXT = np.frombuffer(b"".join(_PIECES), dtype=np.uint8)
_PIECE_AT = np.cumsum([0, *map(len, _PIECES)])
_QUOTE, _COLON, _COMMA, _MINUS, _ZERO, _OPEN, _CLOSE = b'":,-0{}'
# Digits of an int64 and its sign; a bucket with its quotes, colon, comma and at most four digits.
_NUMBER, _BUCKET = 20, 8 + 20
_MEASURE = 8 * max(map(len, _PIECES)) + 6 * _NUMBER


def measures_of(slots: Accumulator, union: Union, sums: Int64s, extremes: Int64s) -> list[Raw]:
    """Each row's measures by name; a quantity that no event carried is left out.

    Args:
        sums, extremes: of each row, as in `Columns`.
    """
    rows = len(sums)
    id_at = slots.extremes.holders(union, extremes)
    counted = [buckets.of_rows(union.row_of_slot, rows) for buckets in slots.buckets]
    begins = np.cumsum([0, *(len(pairs.items) for pairs in counted)])
    starts = np.column_stack([pairs.starts + begin for pairs, begin in zip(counted, begins, strict=False)])
    items, counts = (np.concatenate([getattr(pairs, name) for pairs in counted]) for name in ("items", "counts"))
    ids = int((id_at[:, :, 1] - id_at[:, :, 0]).sum())
    out = np.empty(rows * (2 + _MEASURES * _MEASURE) + ids + len(items) * _BUCKET, dtype=np.uint8)
    ends = np.zeros(rows + 1, dtype=np.int64)
    _write(out, ends, sums, extremes, slots.extremes.ids, id_at, starts, items, counts)
    data = out[: ends[-1]].tobytes()
    return [Raw(data[begin:end]) for begin, end in pairwise(ends.tolist())]


@compiled
def _put_piece(out: Any, at: int, piece: int) -> int:
    for i in range(_PIECE_AT[piece], _PIECE_AT[piece + 1]):
        out[at] = _TEXT[i]
        at += 1
    return at


@compiled
def _put_number(out: Any, at: int, number: int) -> int:
    if number < 0:
        out[at] = _MINUS
        at, number = at + 1, -number
    end, rest = at + 1, number // 10
    while rest:
        end, rest = end + 1, rest // 10
    for place in range(end - 1, at - 1, -1):
        out[place] = _ZERO + number % 10
        number //= 10
    return end


@compiled
def _write(
    out: Any, ends: Any, sums: Any, extremes: Any, ids: Any, id_at: Any, starts: Any, items: Any, counts: Any
) -> None:
    """Write the rows' measures into `out`, row i from ends[i] to ends[i + 1].

    Args:
        ids, id_at: `Extremes.ids`, and where in it the event of each maximum is; shape (rows, measures, 2).
        starts: where in `items` and `counts` each row's histograms begin; shape (rows + 1, measures).
    """
    at = 0
    for row in range(len(sums)):
        out[at] = _OPEN
        at += 1
        first = True
        for measure in range(_MEASURES):
            part = _FIRST_SUM + 3 * measure
            if sums[row, part] == 0:
                continue
            if not first:
                out[at] = _COMMA
                at += 1
            first = False
            at = _put_number(out, _put_piece(out, at, measure), sums[row, part])
            at = _put_number(out, _put_piece(out, at, _SUM), sums[row, part + 1])
            at = _put_number(out, _put_piece(out, at, _SUM_SQ), sums[row, part + 2])
            at = _put_number(out, _put_piece(out, at, _MIN), LARGEST - extremes[row, _MEASURES + measure])
            at = _put_number(out, _put_piece(out, at, _MAX), extremes[row, measure] - 1)
            at = _put_piece(out, at, _ID)
            for i in range(id_at[row, measure, 0], id_at[row, measure, 1]):
                out[at] = ids[i]
                at += 1
            bucket, end = starts[row, measure], starts[row + 1, measure]
            at = _put_piece(out, at, _ZEROS)
            if bucket < end and items[bucket] == 0:
                at = _put_number(out, at, counts[bucket])
                bucket += 1
            else:
                at = _put_number(out, at, 0)
            at = _put_piece(out, at, _BUCKETS)
            for i in range(bucket, end):
                if i > bucket:
                    out[at] = _COMMA
                    at += 1
                out[at] = _QUOTE
                at = _put_number(out, at + 1, items[i] + FIRST_BUCKET)
                out[at], out[at + 1] = _QUOTE, _COLON
                at = _put_number(out, at + 2, counts[i])
            at = _put_piece(out, at, _END)
        out[at] = _CLOSE
        at += 1
        ends[row + 1] = at
