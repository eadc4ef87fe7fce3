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


@dataclass(frozen=True)
class MadeLoad:
    """A load that was asked for. The same arguments give the same calls.

    Args:
        start_s: its beginning, epoch seconds.
        seconds: how long calls begin. The last end later.
    """

    world: World
    start_s: float
    seconds: float
    incidents: Sequence[Incident] = ()
    groupings: Sequence[GroupingSet] = ()
    """Whose series the truth names."""

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
        for slot in range(int(np.ceil(load.seconds / slot_s - 1e-9))):
            begin, end = load.start_s + slot * slot_s, load.start_s + min((slot + 1) * slot_s, load.seconds)
            waiting += [self._calls(number, slot, begin, end) for number in range(len(load.world.services))]
            drawn = Batch.joined(waiting)
            ended = drawn.sent_s < end
            waiting = [drawn.take(~ended)]
            yield self._in_order(drawn.take(ended))
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
        progress = ((at_s - incident.start_s) / (incident.end_s - incident.start_s))[mask]
        rng = np.random.default_rng([world.seed, 4, incident.number, number, slot])
        after = incident.kind.effect(Hit(world, before, incident.severity, progress, rng, incident.number))
        touched.note(before, after)
        return Batch.joined([batch.take(~mask), after])

    def truth(self) -> list[dict[str, Any]]:
        """What went wrong in the batches so far, one entry per incident."""
        return [touched.truth(self._load.start_s) for touched in self._touched]
