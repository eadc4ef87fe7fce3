"""Which calls an incident hits: all those that have the named labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from callgauge.errors import SettingError
from callgauge.line_texts import shown
from callgauge.near_names import nearest
from callgauge_load.made.batch import Array, Batch
from callgauge_load.made.world import World

__all__ = ["KEYS", "Scope", "known_values", "scope_of"]

#: What a scope can name.
KEYS = ("service", "provider", "model", "region", "feature", "prompt_version", "user")


@dataclass(frozen=True)
class Scope:
    """Label -> value, any of KEYS; empty: all calls."""

    values: Mapping[str, str]

    def __str__(self) -> str:
        return ", ".join(f"{key} {value}" for key, value in self.values.items()) or "all services"

    def hits(self, world: World, batch: Batch) -> Array:
        """The mask of the calls in it. Provider, model and region are those that were asked."""
        mask = np.ones(len(batch), dtype=np.bool_)
        for key, value in self.values.items():
            mask &= _hit(world, batch, key, value)
        return mask

    def services(self, world: World) -> list[int]:
        """Places of the services that can have calls in it."""
        return [at for at, service in enumerate(world.services) if self._can(world, service)]

    def _can(self, world: World, service: Any) -> bool:
        wanted = self.values
        if wanted.get("service", service.name) != service.name:
            return False
        if wanted.get("feature", service.features[0]) not in service.features:
            return False
        routes = [world.routes[route] for route in service.routes]
        return any(
            all(wanted.get(key, getattr(route, key)) == getattr(route, key) for key in ("provider", "model", "region"))
            for route in routes
        )


def _hit(world: World, batch: Batch, key: str, value: str) -> Array:
    match key:
        case "service":
            return np.array([service.name == value for service in world.services])[batch.service]
        case "feature":
            return batch.feature == world.features.index(value)  # type: ignore[no-any-return]
        case "prompt_version":
            return batch.version == world.versions.index(value)  # type: ignore[no-any-return]
        case "user":
            return batch.user == int(value.removeprefix("user-"))  # type: ignore[no-any-return]
    return np.array([getattr(route, key) == value for route in world.routes])[batch.route]


def known_values(world: World, key: str) -> list[str]:
    """What a key of a scope may be."""
    match key:
        case "service":
            return [service.name for service in world.services]
        case "feature":
            return list(world.features)
        case "prompt_version":
            return list(world.versions)
        case "user":
            return [f"user-{at}" for at in range(max(service.users for service in world.services))]
    return list(dict.fromkeys(getattr(route, key) for route in world.routes))


def scope_of(world: World, pairs: Mapping[str, str], where: str) -> Scope:
    """A scope whose keys and values exist.

    Raises:
        SettingError: one does not; `where` begins the message, and the nearest that does ends it.
    """
    for key, value in pairs.items():
        if key not in KEYS:
            raise SettingError(f"{where}: a scope has no {shown(key)}; {_instead(key, [*KEYS, 'severity'])}")
        known = known_values(world, key)
        if value not in known:
            raise SettingError(f"{where}: there is no {key} {shown(value)}; {_instead(value, known)}")
    scope = Scope(dict(pairs))
    if not scope.services(world):
        raise SettingError(f"{where}: no service has calls of {scope}; leave a label out")
    return scope


def _instead(name: str, known: list[str]) -> str:
    if guess := nearest(name, known):
        return f"did you mean {guess}?"
    return f"there are {', '.join(known[:12])}{', …' if len(known) > 12 else ''}"
