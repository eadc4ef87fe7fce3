"""Calls that are not seen, or not when they were: traffic that stops, a dead SDK, a wrong clock."""

from __future__ import annotations

from dataclasses import replace

from callgauge_load.incidents.kind import Hit, Kind
from callgauge_load.made.batch import Batch

__all__ = ["KINDS"]


def _gone(hit: Hit) -> Batch:
    return hit.batch.take(~hit.chosen(hit.severity))


def _skewed(hit: Hit) -> Batch:
    return replace(hit.batch, skew_s=hit.batch.skew_s + hit.severity)


_SHARE = "share of calls that are missing"

KINDS = (
    Kind(
        "traffic_stops", _gone, 1.0, 0.3, 1.0, _SHARE, ("service",), ("calls", "calls_per_s"),
        "{scope} makes {percent} fewer calls. Look at what is before it: gateway, queue, deploy, users.", hard=True,
        silent=True,
    ),
    Kind(
        "sdk_dead", _gone, 1.0, 0.3, 1.0, _SHARE, ("service",), ("calls", "calls_per_s"),
        "{percent} of the events of {scope} are missing, from one moment to the next, those of calls under way too: its"
        " emitter is dead, the service itself may be well. Look at its log and its way to the bus.",
        hard=True, at_end=True, silent=True,
    ),
    Kind(
        "clock_skew", _skewed, -600.0, -86_400.0, 86_400.0, "seconds that its clock is ahead", ("service",),
        ("calls", "calls_per_s", "late"),
        "the clock of {scope} is {severity:+g} s off: its calls count at a wrong time. Mend its clock (NTP).",
        at_end=True, silent=True,
    ),
)  # fmt: skip
