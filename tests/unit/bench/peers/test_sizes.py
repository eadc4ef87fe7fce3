"""The topics that are read."""

import json
from collections import Counter

import pytest

from tests.bench.peers.fold import series_by
from tests.bench.peers.sizes import SIZES, Size
from tests.bench.stream import DISTINCT


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.key)
def test_there_are_as_many_series_as_the_title_says(size: Size) -> None:
    """By the labels that every reader is given; the calls are as large."""
    values = [value for _, value in size.messages(DISTINCT, 20_000)]
    series = series_by(size.labels.split(","))
    counts = Counter(series(json.loads(value)) for value in values)
    assert len(counts) == size.series
    assert sum(map(len, values)) / len(values) == pytest.approx(547, rel=0.02)


def test_the_sizes_are_80_and_10_000() -> None:
    """By these names in peers.json."""
    assert [size.key for size in SIZES] == ["series_80", "series_10000"]
