"""A confidence sequence: an interval that may be looked at after every observation, and stopped at whenever one likes.

With an estimate of n observations whose variance is v, so that n v tends to a constant,

    radius = sqrt( v * 2 (n rho^2 + 1) / (n rho^2) * log( sqrt(n rho^2 + 1) / alpha ) )

covers the truth at all n >= n0 at once with probability 1 - alpha, as n0 grows. rho makes it tightest at n = `best_at`:

    rho^2 = (-2 log alpha + log(-2 log alpha) + 1) / best_at

An ordinary interval looked at every day misses the truth some day for sure. This one is wider, by a factor of about
1.5 at `best_at`.

Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences", Annals of Statistics 52(6), 2024. It holds for what is a mean of influences but for a small rest, as U
statistics are. Its coverage is simulated in tests/unit/sinks/history/statistics/test_sequence.py.

>>> round(radius(0.001, 1_000, best_at=1_000), 4), round(1.96 * 0.001**0.5, 4)
(0.096, 0.062)
"""

from __future__ import annotations

import math

__all__ = ["best_rho_squared", "radius"]


def best_rho_squared(best_at: float, alpha: float) -> float:
    """The parameter that makes the sequence tightest after so many observations."""
    log = -2.0 * math.log(alpha)
    return (log + math.log(log) + 1.0) / best_at


def radius(variance: float, n: int, *, best_at: float, alpha: float = 0.05) -> float:
    """Half the width of the interval after n observations.

    Args:
        variance: of the estimate, as it is known by then.
        best_at: the number of observations at which it shall be tightest, fixed before one looks.
    """
    grown = n * best_rho_squared(best_at, alpha)
    return math.sqrt(variance * 2.0 * (grown + 1.0) / grown * math.log(math.sqrt(grown + 1.0) / alpha))
