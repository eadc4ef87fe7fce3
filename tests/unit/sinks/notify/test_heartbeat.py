"""The dead-man's switch: what counts as life."""

from __future__ import annotations

import pytest

from callgauge.schema import Progress, SourceProgress
from callgauge_notify.heartbeat import Pulse, ReadLag


def progress(watermark_s: float, *, idle: bool = False) -> Progress:
    source = SourceProgress(
        source="c/t/0", block=0, next_offset=1, watermark_ms=round(watermark_s * 1e3), idle=idle
    )  # fmt: skip
    return Progress(worker="w", at_ms=0, sources=[source])


def pulse_of(*told: tuple[Progress, float]) -> Pulse:
    pulse = Pulse(lag_s=300.0)
    for each, at in told:
        pulse.take(each, at)
    return pulse


@pytest.mark.parametrize(
    ("pulse", "detect_lag_s", "loop_age_s", "problem"),
    [
        (pulse_of((progress(990), 999)), 2.0, 1.0, ""),
        (pulse_of((progress(0, idle=True), 999)), 2.0, 1.0, ""),
        (pulse_of(), 2.0, 1.0, "no rollup worker tells its progress"),
        (pulse_of((progress(990), 960)), 2.0, 1.0, "no rollup worker tells its progress"),
        (pulse_of((progress(600), 999)), 2.0, 1.0, "rollup is 400 s behind"),
        (pulse_of((progress(990), 999)), 301.0, 1.0, "detect is 301 s behind"),
        (pulse_of((progress(990), 999)), None, 1.0, "it is not known how far detect has read"),
        (pulse_of((progress(990), 999)), 2.0, 301.0, "the notifier's loop has not gone round for 301 s"),
    ],
)
def test_what_is_not_alive(pulse: Pulse, detect_lag_s: float | None, loop_age_s: float, problem: str) -> None:
    """At 1,000: rollup, detect and the notifier; a source without calls is no problem."""
    assert pulse.problem(1_000.0, detect_lag_s, loop_age_s) == problem


def test_the_lag_is_the_age_of_what_is_not_read() -> None:
    """Ends at 10: 5, at 20: 8; committed 5, so what came after 10 and up to 20 is not read."""
    lag = ReadLag()
    lag.end(0, 5, 10.0)
    lag.end(0, 8, 20.0)
    lag.end(1, 3, 20.0)
    lag.committed(1, 3)
    assert lag.lag_s(50.0) == 40.0
    lag.committed(0, 5)
    assert lag.lag_s(50.0) == 30.0
    lag.committed(0, 8)
    assert lag.lag_s(50.0) == 0.0
