"""Re-timing is a shift, in the order of the calls' ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge import Call, TraceError
from callgauge.replay import due_times, retime
from callgauge.replay.paced import end_s

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
    """The last call ends at the time given; nothing but ts changes, by the same amount for all."""
    moved = retime(trace, 1.7e9)
    ends = [end_s(call) for call in moved]
    assert sorted(call.event_id for call in moved) == sorted(call.event_id for call in trace)
    assert ends == sorted(ends)
    if trace:
        assert ends[-1] == pytest.approx(1.7e9, abs=1e-5)
        before = {call.event_id: call for call in trace}
        shifts = [call.ts - before[call.event_id].ts for call in moved]
        assert max(shifts) - min(shifts) < 1e-5
        assert all(call.latency_ms == before[call.event_id].latency_ms for call in moved)


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
