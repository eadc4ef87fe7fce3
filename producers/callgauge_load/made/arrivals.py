"""When a service's calls begin: a renewal process with Gamma gaps, in a time that runs as fast as the traffic.

Gaps of coefficient of variation cv have shape 1/cv² (ServeGen models clients so: Xiang et al., "ServeGen: workload
characterization and generation of large language model serving in production", 2025). cv = 1 is Poisson's process, more
is burstier. Each slot starts in the stationary state (its first gap is the residual life of one that is under way: a
gap weighted by its length, times a uniform share), so the mean number of calls is exact whatever the slots' length.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from callgauge_load.made.batch import Array
from callgauge_load.made.weather import wavering
from callgauge_load.made.world import Service, World

__all__ = ["arrivals", "paced_to", "traffic_at"]

_WEEK_S = 604_800.0
# How much the traffic of a service wavers, quickly and slowly, without a reason: as ServeGen's does.
_QUICK, _SLOW = 0.15, 0.2


def traffic_at(service: Service, at_s: Array) -> Array:
    """Calls per second at times (epoch seconds): the hours' means, linear between the middles of hours, wavering."""
    hours = np.array(service.hours)
    place = (np.asarray(at_s) % _WEEK_S) / 3_600 - 0.5
    usual = service.per_s * np.interp(place, np.arange(168), hours, period=168)
    return usual * wavering(service.noise, np.asarray(at_s), _QUICK, _SLOW)  # type: ignore[no-any-return]


def paced_to(world: World, per_s: float, start_s: float, seconds: float) -> World:
    """The world with as many calls, in the mean from `start_s` on for so many seconds, whatever the hour of the week.

    Quiet services stay as they are.
    """
    grid = start_s + (np.arange(2_000) + 0.5) / 2_000 * seconds
    means = [float(traffic_at(service, grid).mean()) for service in world.services]
    quiet = sum(mean for mean, service in zip(means, world.services, strict=True) if service.quiet)
    factor = max(per_s - quiet, 0.0) / (sum(means) - quiet)
    services = (each if each.quiet else replace(each, per_s=each.per_s * factor) for each in world.services)
    return replace(world, services=tuple(services))


def arrivals(service: Service, start_s: float, end_s: float, rng: Any) -> Array:
    """Starts of the calls in [start_s, end_s), ascending, epoch seconds."""
    grid = np.linspace(start_s, end_s, max(2, int((end_s - start_s) // 300) + 2))
    rates = traffic_at(service, grid)
    passed = np.concatenate([[0.0], np.cumsum((rates[1:] + rates[:-1]) / 2 * np.diff(grid))])
    shape = 1 / service.gap_cv**2
    at = rng.random() * rng.gamma(shape + 1, 1 / shape)
    parts = [np.array([at])]
    while at < passed[-1]:
        left = passed[-1] - at
        gaps = rng.gamma(shape, 1 / shape, int(left + 4 * service.gap_cv * left**0.5) + 8)
        parts.append(at + np.cumsum(gaps))
        at = float(parts[-1][-1])
    all_of = np.concatenate(parts)
    return np.interp(all_of[all_of < passed[-1]], passed, grid)  # type: ignore[no-any-return]
