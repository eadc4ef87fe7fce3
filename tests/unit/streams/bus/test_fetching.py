"""How much is fetched at once does not grow with the partitions."""

from __future__ import annotations

from callgauge_streams.bus.fetching import share_of_fetch


def test_all_partitions_share_one_response() -> None:
    """16 MB for all together; each gets at least 64 KB, at most 1 MB; without partitions nothing is divided by zero."""
    assert [share_of_fetch(n) >> 10 for n in (0, 1, 8, 16)] == [1_024] * 4
    assert [share_of_fetch(n) * n >> 20 for n in (32, 64, 256)] == [16, 16, 16]
    assert [share_of_fetch(n) >> 10 for n in (256, 1_000)] == [64, 64]
