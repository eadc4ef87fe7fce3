"""Detectors over recorded series, with the alert lifecycle of the detect core: which alarms, when, for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from callgauge_detectors.verdict import LEVELS, Level, Verdict

__all__ = ["Alarm", "Lifecycle", "Replay", "replay"]


@dataclass(frozen=True)
class Lifecycle:
    """When verdicts become an alarm.

    Attributes:
        least: level from which on a window counts.
        for_windows: windows in a row before it fires.
        cooldown_ms: counted from firing: not fired again before.
        keep_windows: windows without before it is over.
        relearn_ms: an alarm that lasts this long is the new normal: learning resumes.
    """

    least: Level = "high"
    for_windows: int = 1
    cooldown_ms: int = 3_600_000
    keep_windows: int = 3
    relearn_ms: int = 24 * 3_600_000


@dataclass
class Alarm:
    """One episode."""

    at_ms: int
    verdict: Verdict
    end_ms: int = 0


@dataclass
class Replay:
    """What a detector said about a series."""

    at_ms: list[int] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)


def replay(detector: Any, series: Sequence[tuple[int, Any]], lifecycle: Lifecycle) -> Replay:
    """Feed (window end ms, value) in order; learning stops while an alarm is on."""
    result, held, quiet, since = Replay(), 0, 0, 0
    firing: Alarm | None = None
    for at_ms, value in series:
        learn = firing is None or at_ms - since >= lifecycle.relearn_ms
        verdict = detector.update(value, at_ms, learn=learn)
        result.at_ms.append(at_ms)
        result.verdicts.append(verdict)
        if LEVELS.index(verdict.level) >= LEVELS.index(lifecycle.least):
            held, quiet = held + 1, 0
        else:
            held, quiet = 0, quiet + 1
        if firing and quiet >= lifecycle.keep_windows:
            firing.end_ms, firing = at_ms, None
        last = result.alarms[-1].at_ms if result.alarms else -lifecycle.cooldown_ms
        if firing is None and held >= lifecycle.for_windows and at_ms - last >= lifecycle.cooldown_ms:
            firing, since = Alarm(at_ms, verdict), at_ms
            result.alarms.append(firing)
    if firing:
        firing.end_ms = result.at_ms[-1]
    return result
