"""How traffic, speed and failures waver without anything being wrong: a smooth noise, as a function of time alone.

It is a sum of sine waves with periods and phases drawn from a key: quick ones of 20 minutes to 3 hours, slow ones of 6
hours to 3 days. ServeGen's rates, each 10 minutes, lie about 15 % (one standard deviation) around their mean of 6
hours, half of which is gone after 20 minutes, and about 25 % around those of the day before; so does this.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from callgauge_load.made.batch import Array

__all__ = ["wavering"]

_QUICK_S, _SLOW_S = (1_200.0, 10_800.0), (21_600.0, 259_200.0)
_WAVES = 8
# Between these points it is linear.
_STEP_S = 60.0


def wavering(key: int, at_s: Array, quick: float, slow: float = 0.0) -> Array:
    """Factors with mean 1 at these times, epoch seconds.

    Args:
        key: another one, another noise.
        quick, slow: standard deviations of ln of the two parts.
    """
    if not len(at_s):
        return np.ones(0)
    first, last = int(at_s.min() // _STEP_S), int(at_s.max() // _STEP_S) + 1
    grid = np.arange(first, last + 1) * _STEP_S
    waves = _waves(key)
    noise = sum(
        sigma * np.sin(2 * np.pi * (grid[:, None] / periods + phases)).sum(axis=1) * (2 / _WAVES) ** 0.5
        for sigma, periods, phases in ((quick, *waves[0]), (slow, *waves[1]))
        if sigma
    )
    factors: Array = np.interp(at_s, grid, np.exp(noise - (quick**2 + slow**2) / 2))
    return factors


@lru_cache(maxsize=4_096)
def _waves(key: int) -> tuple[tuple[Array, Array], ...]:
    """Periods and phases of the quick and of the slow waves."""
    rng: Any = np.random.default_rng([key, 6])
    return tuple(
        (np.exp(rng.uniform(np.log(least), np.log(most), _WAVES)), rng.random(_WAVES))
        for least, most in (_QUICK_S, _SLOW_S)
    )
