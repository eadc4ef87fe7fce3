"""Builds the rows of calls: each adds up some slots of the accumulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from callgauge.counted import TOKEN_SUMS
from callgauge.schema import WindowRow
from callgauge.structs import struct_of
from callgauge_streams.rollup.folding.accumulator import Accumulator
from callgauge_streams.rollup.folding.slots import Union
from callgauge_streams.rollup.rows.measures import measures_of

__all__ = ["call_rows"]

_Row: Any = struct_of(WindowRow)


def call_rows(slots: Accumulator, union: Union, keys: list[dict[str, Any]]) -> Iterator[Any]:
    """WindowRows, to be encoded; `keys` are their identities and labels."""
    sums = np.add.reduceat(slots.sums.filled[union.slots], union.starts, axis=0)
    extremes = slots.extremes.highs(union)
    totals = slots.outcomes.totals(slots.outcome_counts.of_rows(union.row_of_slot, len(keys)), len(keys))
    measures = measures_of(slots, union, sums, extremes)
    added = zip(keys, sums[:, : 1 + len(TOKEN_SUMS)].tolist(), extremes[:, -1].tolist(), strict=True)
    for at, (key, (n, *tokens), used_ppm) in enumerate(added):
        yield _Row(
            **key,
            n=n,
            rate_limit_used_max_ppm=used_ppm,
            measures=measures[at],
            **dict(zip(TOKEN_SUMS, tokens, strict=True)),
            **totals.of(at),
        )
