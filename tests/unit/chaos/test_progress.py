"""How long consuming stood still, from what the workers said."""

from __future__ import annotations

from tests.chaos.log_clock import Told
from tests.chaos.progress import Entry, ProgressLog, recovery_s


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


def log_of(*entries: Entry) -> ProgressLog:
    """A log that has these entries, and no topic behind it."""
    log = ProgressLog.__new__(ProgressLog)
    log.entries = list(entries)
    return log


def test_a_worker_has_worked_when_a_partition_moved_on_in_its_own_words() -> None:
    """What a predecessor had reached is not its work."""
    log = log_of(said(1, pid=1, p0=5), said(2, pid=2, p0=7), said(3, pid=2, p0=7))
    assert not log.worked(2, busy=[0])
    assert log_of(*log.entries, said(4, pid=2, p0=8)).worked(2, busy=[0])


def test_a_worker_of_idle_partitions_has_nothing_to_count() -> None:
    """Once it has said what it holds."""
    assert log_of(said(1, pid=1, p3=0)).worked(1, busy=[0])
    assert not log_of().worked(1, busy=[0])


def test_a_takeover_is_told_by_somebody_else_and_afterwards() -> None:
    """A zombie's own words, and what was said before, prove nothing."""
    log = log_of(said(1, pid=2, p0=1), said(3, pid=1, p0=1, p1=1), said(4, pid=2, p1=2))
    assert log.told_by_others(1, since=2.0) == {1}
