"""The scenarios, each in the full form of `make chaos` and in the short form of the test suite."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.chaos.crash_worker import POINTS
from tests.chaos.faults import Fault, crash_at, freeze, freeze_at, join_and_leave, kill, kill_broker
from tests.chaos.run import Plan
from tests.chaos.traffic import Dirt

__all__ = ["FULL", "KAFKA_ONLY", "MANY", "SHORT", "Size", "faults", "plan"]

_WORKERS = [["rollup0"], ["rollup1"], ["rollup0", "rollup1"]]
_EVERYTHING = [*_WORKERS, ["sinks"], ["rollup0", "rollup1", "sinks"]]

#: The others lose their log with the broker.
KAFKA_ONLY = ("broker",)


@dataclass(frozen=True)
class Size:
    """How long and how much."""

    per_s: float
    calls: int
    """At least so many; more while faults are still to be done."""
    kills: int
    rounds: int
    """Of every crash point."""
    freezes_s: tuple[float, ...]
    freeze_points: tuple[str, ...]
    freeze_at_s: float
    cycles: int
    broker_kills: int
    dedup_s: float
    recovers_within_s: float
    settings: dict[str, object]


FULL = Size(
    per_s=3_000,
    calls=300_000,
    kills=10,
    rounds=3,
    freezes_s=(90.0, 12.0, 12.0),
    freeze_points=("sent", "stored", "confirmed", "taken over"),
    freeze_at_s=12.0,
    cycles=50,
    broker_kills=3,
    dedup_s=60.0,
    recovers_within_s=30.0,
    settings={"block_offsets": 2_048},
)
# The session timeout of these runs is 3 s.
SHORT = Size(
    per_s=200,
    calls=3_000,
    kills=3,
    rounds=1,
    freezes_s=(6.0,),
    freeze_points=("stored", "taken over"),
    freeze_at_s=6.0,
    cycles=2,
    broker_kills=1,
    dedup_s=6.0,
    recovers_within_s=90.0,  # three tests at a time on two cores: that it recovers is asked here, how fast is not
    settings={"block_offsets": 128, "dedup_offsets": 1_000, "sink_batch_s": 0.6},
)
#: A kill and what follows take about ten seconds.
MANY = replace(SHORT, per_s=4_000, calls=200_000, kills=5, settings={"block_offsets": 8_192})


def faults(size: Size) -> dict[str, Fault]:
    """What each scenario does."""
    return {
        "kill-rollup": kill(_WORKERS, size.kills),
        "kill-sinks": kill([["sinks"]], size.kills),
        "kill-any": kill(_EVERYTHING, size.kills),
        "crash-points": crash_at(list(POINTS), size.rounds),
        "zombie": freeze(size.freezes_s),
        "zombie-points": freeze_at(size.freeze_points, 1, size.freeze_at_s),
        "join-leave": join_and_leave(size.cycles),
        "broker": kill_broker(size.broker_kills, down_s=8.0),
    }


def plan(name: str, size: Size, *, fault: Fault | None = None, dirt: Dirt | None = None) -> Plan:
    """A scenario of this size; six partitions, two of which never get a record."""
    return Plan(
        name=name,
        fault=fault or faults(size)[name],
        per_s=size.per_s,
        calls=size.calls,
        dirt=dirt or Dirt(dedup_s=size.dedup_s, partitions=(0, 1, 2, 5)),
        partitions=6,
        recovers_within_s=size.recovers_within_s,
        settings=size.settings,
    )
