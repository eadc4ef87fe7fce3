"""How long consuming stood still, from what the workers said."""

from __future__ import annotations

from tests.chaos.log_clock import Told
from tests.chaos.progress import Entry, recovery_s


def said(at: float, pid: int = 1, **offsets: int) -> Entry:
    """A progress record: p0=5 is partition 0 at offset 5."""
    return Entry(pid, at, {int(p[1:]): Told(int(p[1:]), offset, 0) for p, offset in offsets.items()})


def test_consuming_again_is_being_further_than_ever_before() -> None:
    """Reading an open block again is not yet consuming."""
    entries = [said(1, p0=10, p1=20), said(4, pid=2, p0=5, p1=15), said(6, pid=2, p0=11, p1=20), said(9, pid=2, p1=21)]
    assert recovery_s(entries, 2.0, [0]) == 4.0
    assert recovery_s(entries, 2.0, [0, 1]) == 7.0


def test_workers_share_the_partitions() -> None:
    """Each partition counts, whoever has it."""
    entries = [said(1, p0=1, p1=1), said(3, pid=1, p0=2), said(4, pid=2, p1=2)]
    assert recovery_s(entries, 2.0, [0, 1]) == 2.0


def test_a_partition_that_stands_still_has_not_recovered() -> None:
    """None, however often it is spoken of."""
    entries = [said(1, p0=1, p1=1), said(3, p0=2, p1=1), said(9, p0=3, p1=1)]
    assert recovery_s(entries, 2.0, [0, 1]) is None


def test_what_was_said_before_does_not_count() -> None:
    """Progress told before the fault was over."""
    assert recovery_s([said(1, p0=1), said(2, p0=2)], 2.0, [0]) is None
