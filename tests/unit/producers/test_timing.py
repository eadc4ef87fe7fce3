"""`with gauge.call()` measures, and leaves the host's exceptions alone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest

from callgauge.testing import ManualClock
from callgauge.timing import TimedCall, last_call


class Emitted:
    """Stands for Gauge.emit: keeps the fields of each call."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    @property
    def fields(self) -> dict[str, Any]:
        """Of the last call."""
        return self.calls[-1]

    def __call__(self, **fields: Any) -> str:
        self.calls.append(fields)
        return str(fields.get("event_id", f"id {len(self.calls)}"))


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
    assert call.event_id == "id 1"


def test_an_exception_is_not_kept() -> None:
    """A call that the host still has, as the last one of its thread, does not keep the frames of a failure alive."""

    class Heavy(Exception):
        pass

    emitted, failure = Emitted(), Heavy()
    with TimedCall(emitted, {}, ManualClock(), ManualClock()) as call:
        call.set(error_type=failure)
    assert emitted.fields["error_type"] is failure
    gone = weakref.ref(failure)
    emitted.calls.clear()
    del failure
    gc.collect()
    assert gone() is None
    assert last_call() is call


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


def test_each_attempt_is_a_call_of_its_own() -> None:
    """Two failures, then a success: three calls, of which the first alone has the id that the host gave."""
    emitted = Emitted()
    call = TimedCall(emitted, {"event_id": "mine"}, ManualClock(), ManualClock())
    ids = []
    for attempt in range(3):
        with contextlib.suppress(ValueError), call:
            if attempt < 2:
                raise ValueError
        ids.append(call.event_id)
    assert [fields.get("event_id") for fields in emitted.calls] == ["mine", None, None]
    assert ids == ["mine", "id 2", "id 3"]
    assert [fields.get("status") for fields in emitted.calls] == ["error", "error", None]


@pytest.mark.parametrize("stop", [GeneratorExit, KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_a_stop_by_the_caller_is_cancelled(stop: type[BaseException]) -> None:
    """And goes on to the host."""
    emitted = Emitted()
    with pytest.raises(stop), TimedCall(emitted, {}, ManualClock(), ManualClock()):
        raise stop
    assert (emitted.fields["status"], "error_type" in emitted.fields) == ("cancelled", False)


def test_a_stream_that_is_closed_is_cancelled() -> None:
    """A generator that its reader closes, or forgets, half way."""
    emitted = Emitted()

    def stream() -> Generator[int, None, None]:
        with TimedCall(emitted, {}, ManualClock(), ManualClock()):
            yield from range(9)

    closed, forgotten = stream(), stream()
    next(closed)
    next(forgotten)
    closed.close()
    del forgotten
    gc.collect()
    assert [fields["status"] for fields in emitted.calls] == ["cancelled", "cancelled"]


async def _asked(emitted: Emitted) -> None:
    with TimedCall(emitted, {"event_id": "e"}, ManualClock(), ManualClock()) as call:
        try:
            await asyncio.sleep(60)
        finally:
            call.set(output_tokens=3)


async def _within(emitted: Emitted) -> None:
    async with asyncio.timeout(0.001):
        await _asked(emitted)


async def _cancelled_by_user(emitted: Emitted) -> None:
    task = asyncio.create_task(_asked(emitted))
    await asyncio.sleep(0)
    task.cancel()
    await task


async def _cancelled_within_a_timeout(emitted: Emitted) -> None:
    async with asyncio.timeout(60):
        await _cancelled_by_user(emitted)


@pytest.mark.parametrize(
    ("run", "raised", "outcome"),
    [
        (_within, TimeoutError, ("error", "timeout")),
        (_cancelled_by_user, asyncio.CancelledError, ("cancelled", None)),
        (_cancelled_within_a_timeout, asyncio.CancelledError, ("cancelled", None)),
    ],
)
def test_an_expired_timeout_is_told_from_a_cancelled_task(
    run: Callable[[Emitted], Coroutine[Any, Any, None]], raised: type[BaseException], outcome: tuple[str, str | None]
) -> None:
    """Though both cancel the task: a timeout takes its cancellation back. The call is emitted once, with all it had."""
    emitted = Emitted()
    with pytest.raises(raised):
        asyncio.run(run(emitted))
    [fields] = emitted.calls
    assert (fields["status"], fields.get("error_type")) == outcome
    assert (fields["event_id"], fields["output_tokens"]) == ("e", 3)


def test_a_loop_that_ends_at_once_loses_nothing() -> None:
    """A call whose task is cancelled as the last thing that a loop does is emitted all the same."""
    emitted = Emitted()
    loop = asyncio.new_event_loop()
    task = loop.create_task(_asked(emitted))
    loop.call_soon(task.cancel)
    task.add_done_callback(lambda _: loop.stop())
    loop.run_forever()
    loop.close()
    del task
    gc.collect()
    assert [fields["status"] for fields in emitted.calls] == ["cancelled"]


def test_a_clock_that_goes_back_gives_no_negative_latency() -> None:
    """Latency is never below 0."""
    emitted, timer = Emitted(), ManualClock(10.0)
    with TimedCall(emitted, {}, ManualClock(), timer):
        timer.advance(-1.0)
    assert emitted.fields["latency_ms"] == 0.0
