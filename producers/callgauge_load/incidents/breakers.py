"""The circuit breakers that an incident opens: they let a call through now and then, and close when it is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from callgauge_load.incidents.spec import Incident
from callgauge_load.made.world import World

__all__ = ["breaker_changes"]

# So long a breaker waits before it lets a call through, and that call takes, seconds.
_WAIT_S, _TRIAL_S = 30.0, 1.0


def breaker_changes(world: World, incidents: Sequence[Incident], start_s: float) -> list[dict[str, Any]]:
    """The `StateChange`s, as the fields of their messages, in order of time.

    Args:
        start_s: beginning of the load, epoch seconds.
    """
    found = [
        _change(world, incident, number, start_s + at_s, states)
        for incident in incidents
        if incident.kind.opens_breakers
        for number in incident.scope.services(world)
        for at_s, states in _states(incident)
    ]
    return sorted(found, key=lambda change: change["ts"])


def _states(incident: Incident) -> Iterator[tuple[float, tuple[str, str]]]:
    at_s = incident.start_s
    yield at_s, ("closed", "open")
    while (at_s := at_s + _WAIT_S) < incident.end_s:
        yield at_s, ("open", "half_open")
        yield at_s + _TRIAL_S, ("half_open", "open")
    yield at_s, ("open", "half_open")
    yield at_s + _TRIAL_S, ("half_open", "closed")


def _change(world: World, incident: Incident, number: int, ts: float, states: tuple[str, str]) -> dict[str, Any]:
    service = world.services[number]
    provider = world.routes[service.routes[0]].provider
    return {
        "kind": "state_change",
        "event_id": str(uuid5(NAMESPACE_URL, f"callgauge:load:{world.seed}:{incident.number}:{number}:{ts!r}")),
        "ts": ts,
        "service": service.name,
        "breaker": provider,
        "from_state": states[0],
        "to_state": states[1],
        "reason": incident.kind.name,
        "labels": {"provider": provider},
    }
