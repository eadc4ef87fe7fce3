"""What each worker of a group did."""

import pytest

from tests.bench.reading import Reading
from tests.bench.shares import Told, Work, all_read, shares, together, work_of


def test_what_was_read_before_the_rebalance_is_not_counted() -> None:
    """From the first word with the final partitions and events, to the last before it was through.

    held    {0 1}  {0 1}  {0}  {0}   {0}   {0}   {0}
    offset   0 0   50 40   0   100   300   400   400
    """
    told = [
        Told(1.0, 1.0, {0: 0, 1: 0}),
        Told(2.0, 2.0, {0: 50, 1: 40}),
        Told(3.0, 2.5, {0: 0}),
        Told(4.0, 3.0, {0: 100}),
        Told(5.0, 4.0, {0: 300}),
        Told(6.0, 4.5, {0: 400}),
        Told(7.0, 4.6, {0: 400}),
    ]
    work = work_of(told, 64.0)
    assert work == Work(Reading(events=200, seconds=1.0, cpu_seconds=1.0, peak_mb=64.0), {0: 400})


def test_a_partition_that_goes_back_was_taken_over_again() -> None:
    """What lies before is of another time, though the partitions are the same."""
    told = [Told(1.0, 1.0, {0: 90}), Told(2.0, 2.0, {0: 10}), Told(3.0, 3.0, {0: 60}), Told(4.0, 4.0, {0: 70})]
    assert work_of(told).events == {0: 60}


def test_the_last_second_counts_where_there_is_no_other() -> None:
    """Two words are the least; one is no measurement."""
    assert work_of([Told(1.0, 1.0, {0: 10}), Told(2.0, 2.0, {0: 60})]).events == {0: 50}
    with pytest.raises(ValueError, match="too few"):
        work_of([Told(1.0, 1.0, {0: 10})])
    with pytest.raises(ValueError, match="too few"):
        work_of([])


def test_all_is_read_when_every_partition_is_held_once() -> None:
    """And their ends are reached; the word of before the rebalance does not count."""
    assert all_read([{0: 5}, {1: 6}], partitions=2, count=11)
    assert not all_read([{0: 5}, {1: 5}], partitions=2, count=11)
    assert not all_read([{0: 5, 1: 6}, {}], partitions=2, count=11)
    assert not all_read([{0: 5, 1: 6}, {1: 6}], partitions=2, count=11)


def test_two_workers_are_added_up() -> None:
    """Events and CPU seconds; a partition's share is of all events."""
    works = [Work(Reading(60, 2.0, 3.0, 10.0), {0: 20, 2: 40}), Work(Reading(40, 1.0, 1.0, 20.0), {1: 40})]
    assert together(works) == Reading(100, 2.0, 4.0, 30.0)
    assert shares(works) == {0: 0.2, 1: 0.4, 2: 0.4}
