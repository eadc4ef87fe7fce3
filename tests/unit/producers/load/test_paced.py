"""Re-timing is a shift, in the order of the calls' ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge import Call, TraceError
from callgauge_load import due_times, retime
from callgauge_load.paced import end_s

calls = st.lists(
    st.builds(
        Call,
        event_id=st.uuids().map(str),
        service=st.just("s"),
        ts=st.floats(1e9, 1e9 + 1e4),
        latency_ms=st.floats(0, 1e6),
    ),
    max_size=8,
)


@given(calls)
def test_last_end_lands_and_distances_stay(trace: list[Call]) -> None:
    """The last call ends at the time given; ts changes by the same amount for all, and with it the ids."""
    moved = retime(trace, 1.7e9)
    ends = [end_s(call) for call in moved]
    assert ends == sorted(ends)
    if trace:
        assert ends[-1] == pytest.approx(1.7e9, abs=1e-5)
        before = sorted(trace, key=end_s)
        shifts = [after.ts - call.ts for after, call in zip(moved, before, strict=True)]
        assert max(shifts) - min(shifts) < 1e-5
        assert [call.latency_ms for call in moved] == [call.latency_ms for call in before]
        assert len({call.event_id for call in moved}) == len({call.event_id for call in trace})


def test_a_trace_that_is_played_at_another_time_is_other_calls() -> None:
    """They would be stored beside the first and left out of windows as duplicates; the same time gives the same ids."""
    trace = [Call(event_id=str(n), ts=1e9 + n, service="s") for n in range(10)]
    first, again, later = ({call.event_id for call in retime(trace, end)} for end in (1.70000e9, 1.70000e9, 1.70001e9))
    assert first == again
    assert not first & later


def test_a_time_before_1970_is_refused() -> None:
    """A call cannot start before the epoch."""
    with pytest.raises(TraceError, match="before 1970"):
        retime([Call(event_id="a", ts=5.0, service="s", latency_ms=2_000.0)], end_at=1.0)


def test_calls_are_due_when_they_end() -> None:
    """At twice the speed a call that ends 3 s after the first is due after 1.5 s; at speed 0 all are due at once.

    end    10 ------ 13
    due    0 -- 1.5
    """
    trace = [Call(event_id=str(ts), ts=ts, service="s", latency_ms=1_000.0) for ts in (9.0, 12.0)]
    assert [due for due, _ in due_times(trace, 2.0)] == [0.0, 1.5]
    assert [due for due, _ in due_times(trace, 0.0)] == [0.0, 0.0]
    with pytest.raises(ValueError, match="speed is -1"):
        list(due_times(trace, -1))
