"""Which incidents happen in a simulated stretch of days: every kind once, at a time of its own, drawn from the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from callgauge.groupings import GroupingSet
from callgauge_load.incidents.catalogue import KINDS
from callgauge_load.incidents.spec import incident_of
from callgauge_load.made.arrivals import paced_to
from callgauge_load.made.world import make_world
from callgauge_load.made_load import MadeLoad
from tests.bench.detection.side_by_side import named

__all__ = ["HELD_OUT_FROM", "JUDGING_FROM", "START_S", "Size", "load_of", "seed_of", "seeds_of"]

START_S = 1_700_006_400.0  # an hour's beginning
#: Seeds below are for tuning, from there on held out. Those from JUDGING_FROM on are for whoever judges detectors in
#: the end: nobody who works on rules or detectors looks at them.
HELD_OUT_FROM, JUDGING_FROM = 600_000, 900_000
# Nothing happens before: what learns has so long to learn, two days if the stretch is long enough.
_QUIET_SHARE, _QUIET_S, _MOST_QUIET_SHARE = 0.15, 172_800.0, 0.35


@dataclass(frozen=True)
class Size:
    """How large a simulated stretch is."""

    services: int
    per_s: float
    days: float


def seeds_of(count: int, held_out_from: int = HELD_OUT_FROM) -> tuple[list[int], list[int]]:
    """(seeds for tuning, seeds held out): two thirds and one third."""
    held_out = max(1, count // 3)
    return [1_000 + at for at in range(count - held_out)], [held_out_from + at for at in range(held_out)]


def load_of(seed: int, size: Size, groupings: tuple[GroupingSet, ...]) -> MadeLoad:
    """The load of a seed."""
    seconds = size.days * 86_400.0
    world = paced_to(make_world(size.services, size.per_s, seed), size.per_s, START_S, seconds)
    world = named(world, f"{seed}-")
    rng = np.random.default_rng([seed, 5])
    quiet_s = max(seconds * _QUIET_SHARE, min(_QUIET_S, seconds * _MOST_QUIET_SHARE))
    place_s = (seconds - quiet_s) / len(KINDS)
    incidents = []
    for place, number in enumerate(rng.permutation(len(KINDS)).tolist()):
        kind = list(KINDS.values())[number]
        longest_s = 21_600.0 if kind.slow else 1_800.0
        length_s = min(longest_s * rng.uniform(0.6, 1.0), 0.55 * place_s)
        start_s = quiet_s + place * place_s + rng.uniform(0.0, 0.4 * place_s)
        spec = f"{kind.name}@{int(start_s)}s+{int(length_s)}s"
        incidents.append(incident_of(spec, world, seconds, place))
    return MadeLoad(world, START_S, seconds, incidents, groupings)


def seed_of(labels: Mapping[str, str]) -> int:
    """Of which seed's load a series is."""
    return int(next(iter(labels.values())).partition("-")[0])
