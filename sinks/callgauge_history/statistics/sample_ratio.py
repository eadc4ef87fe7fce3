"""Sample ratio: have the groups the sizes that the split of traffic should give? If not, what was compared is biased.

    evidence = B(1 + n_a, 1 + n_b) / ( share^n_a (1 - share)^n_b ),   B the beta function
    p        = min(1, 1 / evidence)

The evidence is the likelihood of the sizes under any split (uniform) against that under the intended one. Its
expectation under the intended split is 1 at every n, so the p may be looked at as often as one likes (Ville).

Source: Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022.

>>> sample_ratio_p(5_000, 5_050) > 0.5, sample_ratio_p(5_000, 5_600) < 0.001
(True, True)
"""

from __future__ import annotations

import math

from scipy.special import betaln

__all__ = ["SUSPECT", "sample_ratio_p"]

#: Below this the ratio is wrong: nobody wants to doubt one experiment in twenty.
SUSPECT = 0.001


def sample_ratio_p(n_a: int, n_b: int, share_a: float = 0.5) -> float:
    """How well the sizes fit the intended share of A; valid whenever one looks."""
    log = float(betaln(1 + n_a, 1 + n_b)) - n_a * math.log(share_a) - n_b * math.log1p(-share_a)
    return min(1.0, math.exp(-log)) if log > -700 else 1.0
