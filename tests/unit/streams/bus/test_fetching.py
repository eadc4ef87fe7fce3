"""How much is fetched at once does not grow with the partitions."""

from __future__ import annotations

from callgauge_streams.bus.fetching import share_of_fetch


def test_all_partitions_share_one_response() -> None:
    """Two megabytes for all together, as long as each gets 64 KB; without partitions nothing is divided by zero."""
    assert [share_of_fetch(n) * n >> 10 for n in (1, 4, 32)] == [2_048, 2_048, 2_048]
    assert [share_of_fetch(n) >> 10 for n in (64, 1_000)] == [64, 64]
    assert share_of_fetch(0) == 2 << 20
