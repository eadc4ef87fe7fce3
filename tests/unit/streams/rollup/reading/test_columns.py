"""A value's histogram item is that of its bucket, at every bound of a bucket and beside it."""

from __future__ import annotations

import numpy as np

from callgauge.counted import COUNTED_NUMBERS
from callgauge_streams.rollup.reading.columns import MEASURE_NAMES, columns_of
from callgauge_windows.histogram import bucket_of, upper_bounds


def test_items_are_buckets() -> None:
    """Costs of all sizes in nano-dollars; 0 and what is not given have items of their own."""
    bounds = upper_bounds()
    values = np.unique(np.concatenate([bounds - 1, bounds, bounds + 1, np.arange(3_000)]))
    values = values[(values >= 0) & (values <= 10**11)]
    numbers = np.full((len(values) + 1, len(COUNTED_NUMBERS)), -1.0)
    numbers[:-1, COUNTED_NUMBERS.index("cost_usd")] = values / 1e9
    columns = columns_of(numbers, np.zeros(len(numbers), dtype=np.bool_))
    items = columns.items[:, MEASURE_NAMES.index("cost")].tolist()
    expected = np.where(values > 0, bucket_of(np.maximum(values, 1)) + 2, 0)
    assert items == [*expected.tolist(), -1]
    assert columns.clamped == 0
