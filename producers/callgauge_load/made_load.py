"""The calls of all services in the order in which they are sent, with incidents, and the truth about those."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from callgauge.groupings import GroupingSet, parse_groupings
from callgauge_load.incidents.breakers import breaker_changes
from callgauge_load.incidents.kind import Hit
from callgauge_load.incidents.spec import Incident
from callgauge_load.incidents.touched import Touched
from callgauge_load.made.batch import Batch, priced
from callgauge_load.made.calls import calls_of
from callgauge_load.made.world import World

__all__ = ["MadeLoad"]

# Calls drawn at once, about, and the longest slot of time.
_SLOT_CALLS, _SLOT_S = 50_000, 3_600.0
# A steady load draws calls from so long before its beginning, or about so many.
_WARM_UP_S, _WARM_UP_CALLS = 60.0, 500_000


@dataclass(frozen=True)
class MadeLoad:
    """A load that was asked for. The same arguments give the same calls.

    Args:
        start_s: its beginning, epoch seconds.
        seconds: how long it is.
        steady: the calls are those that end in the load, some of which began before; those that are under way at its
            end are left out. Otherwise the calls are those that begin in it, and the last end later.
    """

    world: World
    start_s: float
    seconds: float
    incidents: Sequence[Incident] = ()
    groupings: Sequence[GroupingSet] = ()
    """Whose series the truth names."""
    steady: bool = False

    @property
    def warm_up_s(self) -> float:
        """Calls begin so long before the load's beginning."""
        return min(_WARM_UP_S, _WARM_UP_CALLS / self.world.per_s) if self.steady else 0.0

    @property
    def slot_s(self) -> float:
        """The calls of a service are drawn for so many seconds at once."""
        return min(_SLOT_S, _SLOT_CALLS / self.world.per_s, self.seconds)

    def play(self) -> Play:
        """The calls from the beginning."""
        return Play(self)

    def changes(self) -> list[dict[str, Any]]:
        """The changes of circuit breakers, in order of time."""
        return breaker_changes(self.world, self.incidents, self.start_s)


class Play:
    """One run through a load: iterate over `batches`, then ask for the `truth`."""

    def __init__(self, load: MadeLoad) -> None:
        self._load = load
        self._run = f"{load.world.seed} {load.start_s!r}"
        groupings = load.groupings or parse_groupings("service@60s")
        self._touched = [Touched(load.world, incident, groupings) for incident in load.incidents]

    def batches(self) -> Iterator[Batch]:
        """All calls, in the order of their ends; each batch holds those that end in a slot of time."""
        load, waiting, slot_s = self._load, [], self._load.slot_s
        first_s, last_s = load.start_s - load.warm_up_s, load.start_s + load.seconds
        for slot in range(int(np.ceil((last_s - first_s) / slot_s - 1e-9))):
            begin, end = first_s + slot * slot_s, min(first_s + (slot + 1) * slot_s, last_s)
            waiting += [self._calls(number, slot, begin, end) for number in range(len(load.world.services))]
            drawn = Batch.joined(waiting)
            sent_s = drawn.sent_s
            waiting = [drawn.take(sent_s >= end)]
            yield self._in_order(drawn.take((load.start_s <= sent_s) & (sent_s < end)))
        if not load.steady:
            yield self._in_order(waiting[0])

    def _in_order(self, batch: Batch) -> Batch:
        return priced(batch.take(np.argsort(batch.sent_s, kind="stable")), self._load.world)

    def _calls(self, number: int, slot: int, begin: float, end: float) -> Batch:
        world = self._load.world
        batch = calls_of(world, number, slot, begin, end, self._run)
        for touched in self._touched:
            batch = self._hit(touched, batch, number, slot)
        return batch

    def _hit(self, touched: Touched, batch: Batch, number: int, slot: int) -> Batch:
        """What an incident makes of the calls of a service in a slot."""
        incident, world = touched.incident, self._load.world
        at_s = (batch.sent_s if incident.kind.at_end else batch.start_s) - self._load.start_s
        mask = (incident.start_s <= at_s) & (at_s < incident.end_s)
        if mask.any():
            mask &= incident.scope.hits(world, batch)
        if not mask.any():
            return batch
        before = batch.take(mask)
        length_s, left_s = incident.end_s - incident.start_s, incident.end_s - at_s[mask]
        rng = np.random.default_rng([world.seed, 4, incident.number, number, slot])
        after = incident.kind.effect(
            Hit(world, before, incident.severity, 1 - left_s / length_s, left_s, rng, incident.number)
        )
        touched.note(before, after)
        return Batch.joined([batch.take(~mask), after])

    def truth(self) -> list[dict[str, Any]]:
        """What went wrong in the batches so far, one entry per incident."""
        return [touched.truth(self._load.start_s) for touched in self._touched]
