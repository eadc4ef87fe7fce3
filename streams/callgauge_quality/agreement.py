"""How far a judge can be trusted: its scores against what users say of the same answers.

    rank correlation   Spearman's rho, interval by Fisher's z with the variance (1 + rho^2 / 2) / (n - 3)
    Cohen's kappa      (p_o - p_e) / (1 - p_e) of good and bad, interval by SE = sqrt(p_o (1 - p_o) / (n (1 - p_e)^2))

A judge's score is good from the middle of what it gave on (of 1 to 5: from 3), a user's from the middle of what users
gave on (thumbs: up; ratings 1 to 5: from 3). Two scores of which one never varies have neither.

Sources: Spearman, 1904; Bonett and Wright, Psychometrika 65 (2000) 23; Cohen, Educ. Psychol. Meas. 20 (1960) 37.

>>> [round(value, 2) for value in rank_correlation([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 6, 5])]
[0.94, 0.38, 1.0]
>>> cohens_kappa([True, True, False, False], [True, True, False, False]).value
1.0
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from scipy import stats

__all__ = ["LEAST_PAIRS", "Agreement", "Estimate", "agreement", "cohens_kappa", "rank_correlation"]

#: Pairs below which nothing is said.
LEAST_PAIRS = 10
_Z = 1.959964


class Estimate(NamedTuple):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


class Agreement(NamedTuple):
    """Of one judge's score and one user's score.

    Attributes:
        pairs: answers that have both.
        correlation, kappa: None: too few pairs, or one of the scores is always the same.
    """

    pairs: int
    correlation: Estimate | None
    kappa: Estimate | None

    @property
    def verdict(self) -> str:
        """What it means, by the lower end of kappa's interval."""
        if self.kappa is None:
            return "nothing can be said yet"
        low = self.kappa.low
        if low > 0.6:
            return "can be trusted"
        if low > 0.4:
            return "a fair guide"
        return "weak: look at answers before you act on it" if low > 0.0 else "not to be trusted: may be chance"


def rank_correlation(judged: Sequence[float], said: Sequence[float]) -> Estimate:
    """Spearman's rho of at least 4 pairs, neither of them constant."""
    rho = float(stats.spearmanr(judged, said).statistic)
    if abs(rho) >= 1.0:
        return Estimate(rho, rho, rho)
    half = _Z * math.sqrt((1 + rho * rho / 2) / (len(judged) - 3))
    z = math.atanh(rho)
    return Estimate(rho, math.tanh(z - half), math.tanh(z + half))


def cohens_kappa(judged: Sequence[bool], said: Sequence[bool]) -> Estimate:
    """Kappa of good and bad; neither is constant."""
    n = len(judged)
    same = sum(a == b for a, b in zip(judged, said, strict=True)) / n
    a, b = sum(judged) / n, sum(said) / n
    chance = a * b + (1 - a) * (1 - b)
    kappa = (same - chance) / (1 - chance)
    half = _Z * math.sqrt(same * (1 - same) / (n * (1 - chance) ** 2))
    return Estimate(kappa, max(-1.0, kappa - half), min(1.0, kappa + half))


def agreement(judged: Sequence[float], said: Sequence[float], *, lower_is_better: bool = False) -> Agreement:
    """How far a judge's scores and what users say of the same answers agree.

    Args:
        lower_is_better: of the judge's score, as toxicity.
    """
    n = len(judged)
    if n < LEAST_PAIRS or len(set(judged)) < 2 or len(set(said)) < 2:
        return Agreement(n, None, None)
    turned = [-value for value in judged] if lower_is_better else list(judged)
    good = [value >= _middle(turned) for value in turned]
    liked = [value >= _middle(said) for value in said]
    return Agreement(n, rank_correlation(turned, said), cohens_kappa(good, liked))


def _middle(values: Sequence[float]) -> float:
    return (min(values) + max(values)) / 2
