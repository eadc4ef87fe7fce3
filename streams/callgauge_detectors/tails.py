"""Tails of the distributions that the tests use, each as an equivalent number of standard normal deviations.

    normal        P(Z > z) = erfc(z / √2) / 2
    Student t     z = (8ν + 1) / (8ν + 3) * √(ν ln(1 + t²/ν)), with the sign of t       (Wallace 1959)
    chi-square    z = ((x/k)^(1/3) - (1 - 2/(9k))) / √(2/(9k))                          (Wilson and Hilferty 1931)
    Kolmogorov    P(√n_e D > λ) = 2 Σ (-1)^(j-1) exp(-2 j² λ²)                           (Kolmogorov 1933)

Up to z = 6 Wallace's formula says at most 0.09 σ too little for ν >= 6; up to z = 5 that of Wilson and Hilferty at most
0.16 σ for k >= 5. Both are closed forms, monotone, and finite however far out. No table, no library.

Sources: Wallace, Ann. Math. Stat. 30 (1959) 1121; Wilson, Hilferty, PNAS 17 (1931) 684; Stephens, JRSS B 32 (1970)
115 for the finite-sample factor of Kolmogorov's statistic.
"""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["kolmogorov_tail", "normal_tail", "z_of_chi_square", "z_of_p", "z_of_t"]

_NORMAL = NormalDist()
_LEAST_P = 1e-300


def normal_tail(z: float) -> float:
    """P(Z > z).

    >>> round(normal_tail(1.96), 4)
    0.025
    """
    return math.erfc(z / math.sqrt(2.0)) / 2.0


def z_of_p(p: float) -> float:
    """The z with P(|Z| > z) = p; p below 1e-300 counts as 1e-300 (z = 37)."""
    return -_NORMAL.inv_cdf(max(_LEAST_P, min(p, 1.0)) / 2.0)


def z_of_t(t: float, nu: float) -> float:
    """The z as unlikely as t with nu degrees of freedom.

    >>> round(z_of_t(2.228, 10), 2)  # P(|t| > 2.228) = 0.05
    1.96
    """
    return math.copysign((8 * nu + 1) / (8 * nu + 3) * math.sqrt(nu * math.log1p(t * t / nu)), t)


def z_of_chi_square(x: float, k: int) -> float:
    """The z with P(Z > z) = P(χ²_k > x), negative when x is less than is usual.

    >>> round(z_of_chi_square(16.92, 9), 2)  # P = 0.05, one side
    1.65
    """
    share = 2.0 / (9.0 * k)
    return float((x / k) ** (1 / 3) - (1.0 - share)) / math.sqrt(share)


def kolmogorov_tail(distance: float, n: float, m: float) -> float:
    """P(D > distance) of two samples of n and m from one distribution; on binned data an upper bound."""
    root = math.sqrt(n * m / (n + m))
    lam = (root + 0.12 + 0.11 / root) * distance
    if lam < 0.3:  # the series converges slowly where the answer is 1 to five digits
        return 1.0
    terms = (2.0 * (-1.0) ** (j - 1) * math.exp(-2.0 * (j * lam) ** 2) for j in range(1, 51))
    return min(1.0, max(0.0, sum(terms)))
