"""When a watermark is too far ahead.

offset    0     1     2     3        bound 2 s
append   10 s  11 s  12 s  13 s
event    10 s  99 s   3 s  12 s      1: a fast clock; 2: late; 0 and 3: on time
"""

from __future__ import annotations

import pytest

from tests.chaos.log_clock import LogClock, Told


@pytest.fixture
def clock() -> LogClock:
    """The log above."""
    clock = LogClock(2_000)
    for offset, (append_s, event_s) in enumerate([(10, 10), (11, 99), (12, 3), (13, 12)]):
        clock.add(0, offset, append_s * 1000, event_s * 1000)
    return clock


@pytest.mark.parametrize(
    ("next_offset", "watermark_s", "early"),
    [
        (0, 0, False),  # nothing was read
        (0, 1, True),
        (1, 8, False),  # append time less the bound
        (1, 8.001, True),
        (2, 9, False),
        (2, 97, True),  # a rollup that trusts the fast clock
        (4, 11, False),
        (4, 3, False),  # behind is never wrong
    ],
)
def test_no_watermark_ahead_of_the_log(clock: LogClock, next_offset: int, watermark_s: float, early: bool) -> None:
    """However fast the emitters' clocks are."""
    told = Told(0, next_offset, round(watermark_s * 1000))
    assert clock.early([told]) == ([told] if early else [])


def test_a_window_that_is_judged_has_all_its_events_that_are_on_time() -> None:
    """Append times that go back (a broker that does not stamp them): the log's clock alone would not show it."""
    clock = LogClock(2_000)
    clock.add(0, 0, 20_000, 20_000)
    clock.add(0, 1, 15_000, 14_000)  # on time, by its own append time
    told = [Told(0, 1, 14_000), Told(0, 1, 14_001)]
    assert clock.early(told) == told[1:]


def test_a_partition_without_records_has_no_watermark(clock: LogClock) -> None:
    """0 is what a worker says of it."""
    assert clock.early([Told(1, 0, 0)]) == []
    assert clock.early([Told(1, 0, 5)]) == [Told(1, 0, 5)]
