"""How soon a silence can be known: when it is longer than the service's calls leave by chance once a day.

    gaps between calls     Gamma with shape k = 1 / cv², mean 1 / rate (callgauge_load.made.arrivals)
    silence                g with 86,400 rate P(gap > g) = 1;   P(gap > g) = Q(k, k rate g)
    known after            g + mean latency of the calls that do not come, if those under way still end

So it is asked of somebody who knows the service's rate at that time and how bursty it is, sees each call as it ends,
and gives one false alarm a day. Nobody who gives fewer can be sooner. 13 calls a second that come one by one are
missed after a second, three an hour after an hour and a half; at one a second in bursts (cv 4.2) after two minutes.

>>> [round(silence_s(rate, cv)) for rate, cv in ((13.0, 1.0), (1.0, 1.0), (3 / 3_600, 1.0), (1.0, 4.23))]
[1, 11, 5132, 118]

Source: Q is the regularised upper incomplete gamma function, DLMF 8.2.4.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["FALSE_ALARMS_PER_DAY", "silence_s"]

FALSE_ALARMS_PER_DAY = 1.0
_DAY_S = 86_400.0
# Q is integrated over so much: beyond e^-40 nothing is left.
_GRID = np.linspace(0.0, 40.0, 4_001)


def silence_s(per_s: float, gap_cv: float) -> float:
    """The silence that comes by chance FALSE_ALARMS_PER_DAY times a day, seconds; infinite without calls.

    Args:
        per_s: calls a second.
        gap_cv: coefficient of variation of the times between them.
    """
    if per_s <= 0:
        return math.inf
    shape = 1.0 / gap_cv**2
    chance = FALSE_ALARMS_PER_DAY / (_DAY_S * per_s)
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _upper(shape, middle) > chance else (low, middle)
    return high / (shape * per_s)


def _upper(shape: float, x: float) -> float:
    """Q(shape, x), with a shape of at most about 1."""
    if x <= 0:
        return 1.0
    integrand = (x + _GRID) ** (shape - 1) * np.exp(-_GRID)
    return float(np.trapezoid(integrand, _GRID)) * math.exp(-x) / math.gamma(shape)
