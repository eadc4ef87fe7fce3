"""The incidents that a rule set did not see in time, one by one: whom they hit, and whether anybody could have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from callgauge_load.made.world import World
from tests.bench.detection.score import found_in, happened

if TYPE_CHECKING:
    from tests.bench.detection.played import Played

__all__ = ["missed", "shapes_of"]


def shapes_of(world: World) -> dict[str, str]:
    """Service -> what its traffic is like, and the provider that it asks."""
    return {
        each.name: f"{each.per_s:.2g}/s cv {each.gap_cv:.2g} at {world.routes[each.routes[0]].provider}"
        for each in world.services
    }


def missed(played: Sequence[Played], rule_set: str) -> list[dict[str, Any]]:
    """A row for each, those that nobody could have known in time last."""
    rows = []
    for one in played:
        truth = happened(one.truth)
        for incident, found in zip(truth, found_in(truth, one.firings[rule_set]), strict=True):
            if found.in_time:
                continue
            minutes = (incident["end_s"] - incident["start_s"]) / 60
            rows.append(
                {
                    "seed": one.seed,
                    "kind": found.kind,
                    "scope": " ".join(incident["scope"].values()),
                    "traffic": "; ".join(_hit(incident, one.services)),
                    "calls_per_min": round(incident["calls_before"] / minutes, 1),
                    "severity": incident["severity"],
                    "knowable_s": found.knowable_s,
                    "delay_s": found.delay_s,
                    "most_s": found.most_s,
                    "told_by": found.rule,
                }
            )
    return sorted(rows, key=lambda row: (row["knowable_s"] > row["most_s"], row["kind"], row["seed"]))


def _hit(incident: Any, services: dict[str, str]) -> list[str]:
    """The traffic of the service that it hits, or of those that ask the provider."""
    scope = incident["scope"]
    if scope.get("service") in services:
        return [services[scope["service"]]]
    provider = scope.get("provider") or scope.get("model", "").rpartition("-")[0]
    return [shape.partition(" at ")[0] for shape in services.values() if shape.endswith(f" at {provider}")]
