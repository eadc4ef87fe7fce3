"""When a service's calls begin: a renewal process with Gamma gaps, in a time that runs as fast as the traffic.

Gaps of coefficient of variation cv have shape 1/cv² (ServeGen models clients so: Xiang et al., "ServeGen: workload
characterization and generation of large language model serving in production", 2025). cv = 1 is Poisson's process, more
is burstier. Each slot starts in the stationary state (its first gap is the residual life of one that is under way: a
gap weighted by its length, times a uniform share), so the mean number of calls is exact whatever the slots' length.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from callgauge_load.made.batch import Array
from callgauge_load.made.world import Service

__all__ = ["arrivals", "traffic_at"]

_WEEK_S = 604_800.0


def traffic_at(service: Service, at_s: Array) -> Array:
    """Calls per second at times (epoch seconds): the hours' means, linear between the middles of hours."""
    hours = np.array(service.hours)
    place = (np.asarray(at_s) % _WEEK_S) / 3_600 - 0.5
    return service.per_s * np.interp(place, np.arange(168), hours, period=168)  # type: ignore[no-any-return]


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
