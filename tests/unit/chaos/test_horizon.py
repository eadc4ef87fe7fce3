"""The oracle's deduplication, on logs small enough to see.

one partition, horizon of 10 offsets and 5 s
"""

from __future__ import annotations

import pytest

from tests.oracle import Horizon

Record = tuple[int, float, str]


def duplicates(records: list[Record], offsets: int = 10, seconds: float = 5.0) -> list[int]:
    """Offsets of the duplicates among (offset, append time in s, id)."""
    horizon = Horizon(offsets, seconds)
    return [at for at, s, name in records if horizon.is_duplicate(0, at, int(s * 1000), name)]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([(0, 0.0, "a"), (1, 0.0, "b")], []),
        ([(0, 0.0, "a"), (1, 0.0, "a")], [1]),
        ([(0, 0.0, "a"), (10, 5.0, "a")], [10]),  # on the edge of both
        ([(0, 0.0, "a"), (11, 0.0, "a")], []),  # too many offsets
        ([(0, 0.0, "a"), (1, 5.001, "a")], []),  # too late
        ([(0, 0.0, "a"), (9, 4.0, "a"), (18, 8.0, "a")], [9, 18]),  # the latest earlier one counts, duplicate or not
        ([(0, 0.0, "a"), (1, 6.0, "a"), (2, 7.0, "a")], [2]),  # counted again, and from then on known again
    ],
)
def test_the_latest_earlier_record_decides(records: list[Record], expected: list[int]) -> None:
    """Within both bounds, edges included."""
    assert duplicates(records) == expected


def test_partitions_do_not_know_of_each_other() -> None:
    """The same id in another partition is another event."""
    horizon = Horizon(10, 5.0)
    assert not horizon.is_duplicate(0, 0, 0, "a")
    assert not horizon.is_duplicate(1, 1, 0, "a")


def test_no_horizon_no_duplicates() -> None:
    """0 offsets switch it off."""
    assert duplicates([(0, 0.0, "a"), (1, 0.0, "a")], offsets=0) == []
