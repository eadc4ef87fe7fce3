"""A `ScoreRow` as a batch of one row, so that scores are merged, kept and judged as calls are.

A score counts under its name, and under its name and origin (`callgauge_rules.score_aggregates`). Of what is kept for
each, only what loaded rules name is looked at. The event that is told of is that of the lowest score.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from callgauge_rules.score_aggregates import BREAKER, score_measures
from callgauge_streams.detect.columns import VERSION
from callgauge_windows.row_batch import Buckets, RowBatch, Texts
from callgauge_windows.signed import signed_buckets

__all__ = ["score_batch"]


def score_batch(row: Any) -> RowBatch:
    """The batch; its rows count no calls."""
    measures = score_measures(row.name, row.origin)
    lines = {"window_start_ms": row.window_start_ms, VERSION: row.n}
    lines |= {f"label.{name}": 0 for name in row.labels}
    # Of a breaker's changes none is the lowest.
    event = 1 if row.min_event_id and measures[0] != BREAKER else 0
    for measure in measures:
        parts = {"count": row.n, "sum": row.sum, "max": -row.min, "max_event": event}
        lines |= {f"{measure}.{part}": value for part, value in parts.items()}
    pairs = sorted(signed_buckets(row.histogram).items())
    keys, counts = (np.array([pair[at] for pair in pairs], dtype=np.int64) for at in (0, 1))
    buckets = Buckets(np.array([0, len(pairs)], dtype=np.int64), keys, counts)
    return RowBatch(
        row.grouping, row.window_ms, row.source, row.block, row.epoch, np.array([row.series_id], dtype=np.uint64),
        tuple(lines), np.array(list(lines.values()), dtype=np.int64).reshape(-1, 1),
        {name: [value] for name, value in row.labels.items()}, Texts.of([row.min_event_id]),
        dict.fromkeys(measures, buckets), row_id=np.array([_row_id(row)], dtype=np.uint64),
    )  # fmt: skip


def _row_id(row: Any) -> int:
    """One series has a row for each name and origin in a window."""
    digest = blake2b(row.series_id.to_bytes(8, "big"), digest_size=8)
    for text in (row.name, row.origin):
        digest.update(len(text).to_bytes(2, "big") + text.encode())
    return int.from_bytes(digest.digest(), "big")
