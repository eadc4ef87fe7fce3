"""`with gauge.call()` measures, and leaves the host's exceptions alone."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from callgauge.testing import ManualClock
from callgauge.timing import TimedCall


class Emitted:
    """Stands for Gauge.emit: keeps the fields."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}

    def __call__(self, **fields: Any) -> str:
        self.fields = fields
        return "id"


class SlowAnswer(TimeoutError):
    """A host's own timeout."""


def test_latency_and_first_token_are_measured() -> None:
    """ts is the start by the clock; latency and time to first token are by the timer; the first token counts once.

    timer  0 ------ 0.2 ------ 0.5 ---- 0.8
           enter    token      token    exit
    """
    emitted, timer = Emitted(), ManualClock(0.0)
    with TimedCall(emitted, {"model": "m"}, ManualClock(50.0), timer) as call:
        timer.advance(0.2)
        call.first_token()
        timer.advance(0.3)
        call.first_token()
        timer.advance(0.3)
        call.set(output_tokens=9)
    assert emitted.fields == {
        "model": "m",
        "ts": 50.0,
        "latency_ms": pytest.approx(800.0),
        "time_to_first_token_ms": pytest.approx(200.0),
        "stream": True,
        "output_tokens": 9,
    }
    assert call.event_id == "id"


def test_a_call_that_is_made_again_is_another() -> None:
    """One context manager in a loop of retries: nothing of the first attempt is in the second."""
    emitted, timer, clock = Emitted(), ManualClock(0.0), ManualClock(50.0)
    call = TimedCall(emitted, {"model": "m"}, clock, timer)
    with contextlib.suppress(TimeoutError), call:
        timer.advance(9.0)
        call.first_token()
        raise TimeoutError
    clock.advance(9.0)
    with call:
        timer.advance(0.5)
    assert emitted.fields == {"model": "m", "ts": 59.0, "latency_ms": pytest.approx(500.0)}


@pytest.mark.parametrize(
    ("error", "error_type"), [(TimeoutError(), "timeout"), (SlowAnswer(), "timeout"), (ValueError("a prompt"), "other")]
)
def test_exceptions_are_recorded_and_go_on(error: Exception, error_type: str) -> None:
    """The host's exception makes the call an error of its type, and reaches the host; its text is not sent."""
    emitted = Emitted()
    with pytest.raises(type(error)) as caught, TimedCall(emitted, {}, ManualClock(), ManualClock()):
        raise error
    assert caught.value is error
    assert emitted.fields["status"] == "error"
    assert emitted.fields["error_type"] == error_type
    assert emitted.fields["error_message"] == type(error).__name__


def test_what_the_host_sets_counts() -> None:
    """error_type, status and latency of the host are not overwritten; an error_type alone makes it an error."""
    emitted = Emitted()
    call = TimedCall(emitted, {}, ManualClock(), ManualClock())
    call.set(error_type="rate_limit", latency_ms=5.0)
    with pytest.raises(ValueError, match="x"), call:
        raise ValueError("x")
    assert (emitted.fields["error_type"], emitted.fields["status"], emitted.fields["latency_ms"]) == (
        "rate_limit",
        "error",
        5.0,
    )
    with TimedCall(emitted, {}, ManualClock(), ManualClock()) as other:
        other.set(error_type="timeout", status="fallback")
    assert emitted.fields["status"] == "fallback"


def test_a_clock_that_goes_back_gives_no_negative_latency() -> None:
    """Latency is never below 0."""
    emitted, timer = Emitted(), ManualClock(10.0)
    with TimedCall(emitted, {}, ManualClock(), timer):
        timer.advance(-1.0)
    assert emitted.fields["latency_ms"] == 0.0
