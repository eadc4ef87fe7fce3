"""What an hour's samples of memory come to."""

from __future__ import annotations

from tests.bench.hour import by_ten_minutes


def test_samples_are_put_into_ten_minutes_of_event_time() -> None:
    """Each slot has the median and the largest of its own."""
    rows = by_ten_minutes([(0.0, 100.0), (599.9, 140.0), (10.0, 110.0), (600.0, 90.0), (3_599.0, 95.0)])
    assert [(row["minutes"], row["median_rss_mb"], row["most_rss_mb"]) for row in rows] == [
        ("0-10", 110.0, 140.0),
        ("10-20", 90.0, 90.0),
        ("50-60", 95.0, 95.0),
    ]
