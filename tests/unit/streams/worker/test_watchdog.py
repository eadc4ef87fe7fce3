"""The watchdog, with a clock of the test's own."""

from __future__ import annotations

from callgauge_streams.bus.position import Reading
from callgauge_streams.worker.watchdog import Watchdog


def reading(at: int, end: int, *, seek: int = 1, readable_to: int | None = None) -> Reading:
    return Reading(seek, at, end, end if readable_to is None else readable_to)


def first_stall(samples: list[tuple[float, dict[str, Reading]]], stall_s: float = 3.0) -> float | None:
    """When it fires, sampling as often as it does itself."""
    watchdog = Watchdog(stall_s, interval_s=1.0)
    return next((at for at, readings in samples if watchdog.sample(at, readings)), None)


def test_lag_without_progress_is_a_stall() -> None:
    assert first_stall([(100 + s, {"p": reading(5, 9)}) for s in range(10)]) == 103


def test_the_reason_says_where() -> None:
    watchdog = Watchdog(1.0, 1.0)
    watchdog.sample(0, {"calls-0": reading(5, 9)})
    assert watchdog.sample(1, {"calls-0": reading(5, 9)}) == "no progress for 1 s at offset 5 of calls-0, 4 behind"


def test_progress_is_none_and_so_is_a_caught_up_partition() -> None:
    assert first_stall([(s, {"p": reading(s, 90), "idle": reading(7, 7)}) for s in range(60)]) is None


def test_one_stuck_partition_is_enough() -> None:
    assert first_stall([(s, {"p": reading(s, 90), "stuck": reading(7, 8)}) for s in range(60)]) == 3


def test_a_stopped_process_has_not_stalled() -> None:
    """SIGSTOP, or a laptop that sleeps: an hour between two samples counts as one interval."""
    assert (
        first_stall([(0, {"p": reading(5, 9)}), (3_600, {"p": reading(5, 9)}), (3_601, {"p": reading(6, 9)})]) is None
    )


def test_a_takeover_begins_anew() -> None:
    """A partition that went away and came back, or was sought again, may take its time."""
    gone = [(float(s), {} if s % 3 == 2 else {"p": reading(5, 9)}) for s in range(60)]
    sought = [(float(s), {"p": reading(5, 9, seek=s // 2)}) for s in range(60)]
    assert first_stall(gone) is None
    assert first_stall(sought) is None


def test_what_an_open_transaction_holds_back_is_no_stall() -> None:
    assert first_stall([(s, {"p": reading(5, 9, readable_to=5)}) for s in range(60)]) is None


def takeover_stall(steps: list[tuple[float, dict[str, tuple[int, str]]]], stall_s: float = 3.0) -> str | None:
    watchdog = Watchdog(stall_s, interval_s=1.0)
    return next((f"{at}: {reason}" for at, now in steps if (reason := watchdog.sample(at, {}, now))), None)


def test_a_takeover_that_gets_no_further_is_a_stall() -> None:
    """The reason names the partition and the step, though the partition has no position and no lag yet."""
    steps = [(100.0 + s, {"llm.calls-2": (7, "reading the ids")}) for s in range(10)]
    assert takeover_stall(steps) == "103.0: the takeover of llm.calls-2 has got no further for 3 s: reading the ids"


def test_a_takeover_that_gets_ahead_may_take_its_time() -> None:
    """Each step noted has a number of its own, also when it is the same step again (a long read, a wait)."""
    assert takeover_stall([(float(s), {"p": (s // 3, "reading")}) for s in range(60)]) is None


def test_one_takeover_of_several_is_enough() -> None:
    steps = [(float(s), {"p": (2 * s, "reading"), "q": (1, "waiting")}) for s in range(60)]
    assert takeover_stall(steps) == "3.0: the takeover of q has got no further for 3 s: waiting"


def test_a_stopped_process_is_not_stuck_in_a_takeover() -> None:
    step = {"p": (1, "reading")}
    assert takeover_stall([(0.0, step), (3_600.0, step), (3_601.0, {"p": (2, "committing")})]) is None


def test_a_takeover_that_has_ended_is_forgotten() -> None:
    """The next one begins anew."""
    steps = [(float(s), {} if s % 3 == 2 else {"p": (1, "reading")}) for s in range(60)]
    assert takeover_stall(steps) is None
