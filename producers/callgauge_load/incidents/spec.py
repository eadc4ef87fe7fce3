"""Reads incidents as they are asked for: KIND@START+LENGTH[:scope], e.g. provider_down@10m+5m:provider=alder."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from callgauge.durations import duration_ms
from callgauge.errors import SettingError
from callgauge.line_texts import shown
from callgauge.near_names import nearest
from callgauge_load.incidents.catalogue import KINDS
from callgauge_load.incidents.kind import Kind
from callgauge_load.incidents.scope import Scope, known_values, scope_of
from callgauge_load.made.world import World

__all__ = ["Incident", "incident_of"]

_FORM = re.compile(r"(?P<kind>[^@]*)@(?P<start>[^+:]*)\+(?P<length>[^:]*)(?::(?P<scope>.*))?", re.DOTALL)
_HOW = "write KIND@START+LENGTH[:scope], e.g. provider_down@10m+5m:provider=alder,severity=0.8"


@dataclass(frozen=True)
class Incident:
    """A kind of incident, when and for whom. Times are seconds after the beginning of the load."""

    kind: Kind
    start_s: float
    end_s: float
    scope: Scope
    severity: float
    number: int
    """Its place among the incidents of a run."""

    @property
    def told(self) -> str:
        """What an engineer should be told."""
        return self.kind.tell.format(
            scope=self.scope, severity=abs(self.severity) if self.severity > 0 else self.severity,
            percent=f"{100 * self.severity:.0f} %",
        )  # fmt: skip


def incident_of(text: str, world: World, seconds: float, number: int = 0) -> Incident:
    """The incident that is meant. What its scope leaves out is drawn, from the world's seed, its kind and its number.

    Args:
        seconds: how long the load is.

    Raises:
        SettingError: one line that says what cannot be read, or does not exist, and what is near.
    """
    where = f"--incident {shown(text)}"
    found = _FORM.fullmatch(text)
    if not found:
        raise SettingError(f"{where}: {_HOW}")
    name = found["kind"]
    if name not in KINDS:
        guess = nearest(name, KINDS)
        instead = f"did you mean {guess}?" if guess else f"there are {', '.join(KINDS)}"
        raise SettingError(f"{where}: no kind of incident {shown(name)}; {instead}")
    kind = KINDS[name]
    start_s, length_s = (_seconds(found[part], where, part) for part in ("start", "length"))
    if length_s <= 0:
        raise SettingError(f"{where}: it has no length; {_HOW}")
    if start_s + length_s > seconds:
        raise SettingError(
            f"{where}: it ends {start_s + length_s:g} s after the beginning, but the load is {seconds:g} s long;"
            " begin it earlier, or make the load longer"
        )
    pairs = _pairs(found["scope"] or "", where)
    severity = _severity(pairs.pop("severity", None), kind, where)
    scope = scope_of(world, pairs, where) if pairs else _drawn(kind, world, number)
    return Incident(kind, start_s, start_s + length_s, scope, severity, number)


def _seconds(text: str, where: str, what: str) -> float:
    try:
        return duration_ms(text) / 1e3
    except ValueError as error:
        raise SettingError(f"{where}: its {what}: {error}") from None


def _pairs(text: str, where: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.split(",") if text else []:
        key, equals, value = part.strip().partition("=")
        if not equals or not value:
            raise SettingError(f"{where}: {shown(part)} in its scope is not like service=chat-01; {_HOW}")
        if key in pairs:
            raise SettingError(f"{where}: its scope names {shown(key)} twice; name it once")
        pairs[key] = value
    return pairs


def _severity(text: str | None, kind: Kind, where: str) -> float:
    if text is None:
        return kind.severity
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not kind.least <= value <= kind.most:
        raise SettingError(
            f"{where}: severity of {kind.name} ({kind.unit}) is {shown(text)};"
            f" it can be {kind.least:g} to {kind.most:g}"
        )
    return value


def _drawn(kind: Kind, world: World, number: int) -> Scope:
    """One of the services with traffic, and of it what else the kind names."""
    rng = np.random.default_rng([world.seed, 3, list(KINDS).index(kind.name), number])
    busy = [service for service in world.services if not service.quiet] or list(world.services)
    service = busy[rng.integers(len(busy))]
    route = world.routes[service.routes[rng.integers(len(service.routes))]]
    of = {
        "service": service.name,
        "provider": route.provider,
        "model": route.model,
        "region": route.region,
        "feature": service.features[0],
        "prompt_version": service.versions[-1],
        "user": known_values(world, "user")[0],
    }
    return Scope({key: of[key] for key in kind.scope})
