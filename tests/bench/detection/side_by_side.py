"""Several loads played side by side, as one load of one world: so that one engine judges all of them at once.

What a rule costs per window is the same for one series and for a hundred, so twenty seeds take little longer than one.
The loads keep apart by the names in their labels (`named`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from callgauge_load.made.batch import Batch
from callgauge_load.made.world import Service, World
from callgauge_load.made_load import Play

__all__ = ["batches_of", "joined", "named"]


def named(world: World, prefix: str) -> World:
    """The world with names of its own."""
    services = (replace(each, name=prefix + each.name) for each in world.services)
    routes = (
        replace(
            each,
            provider=prefix + each.provider,
            model=prefix + each.model,
            response_model=prefix + each.response_model,
        )
        for each in world.routes
    )
    return replace(world, services=tuple(services), routes=tuple(routes))


def joined(worlds: Sequence[World]) -> World:
    """The services and routes of all, one after the other."""
    services: list[Service] = []
    routes = 0
    for world in worlds:
        services += (_moved(service, routes) for service in world.services)
        routes += len(world.routes)
    return replace(
        worlds[0], services=tuple(services), routes=tuple(route for world in worlds for route in world.routes)
    )


def _moved(service: Service, by: int) -> Service:
    return replace(
        service,
        routes=tuple(at + by for at in service.routes),
        fallback=tuple(at + by for at in service.fallback),
    )


def batches_of(plays: Sequence[Play], worlds: Sequence[World]) -> Iterator[Batch]:
    """The calls of all plays, in the order in which they are sent, as calls of the joined world. The plays must have
    the same beginning, length and slots."""
    services = np.cumsum([0, *(len(world.services) for world in worlds)]).tolist()
    routes = np.cumsum([0, *(len(world.routes) for world in worlds)]).tolist()
    for parts in zip_longest(*(play.batches() for play in plays)):
        moved = [
            replace(
                part,
                service=part.service + services[at],
                route=part.route + routes[at],
                answered=part.answered + routes[at],
            )
            for at, part in enumerate(parts)
            if part is not None
        ]
        batch = Batch.joined(moved)
        yield batch.take(np.argsort(batch.sent_s, kind="stable"))
