"""What an experiment says by now. Pure.

    groups too small          "not enough yet": so many are missing
    sample ratio wrong        "do not trust": the groups do not have the sizes that the split should give
    sequence leaves out 0     "B is better" or "worse": holds whenever one looks
    else                      "no difference seen yet"

The decision rests on the confidence sequence of Cliff's delta alone. The p of Mann-Whitney and the plain intervals are
for a size that was fixed before; who looks again and again and stops at p < 0.05 is wrong far more often than 5 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from callgauge_history.statistics.differences import Floats
from callgauge_history.statistics.mann_whitney import Comparison, compare
from callgauge_history.statistics.sample_ratio import SUSPECT, sample_ratio_p
from callgauge_history.statistics.sequence import radius

__all__ = ["LEAST", "Judgement", "Outcome", "judge_scores"]

Outcome = Literal["too_few", "bad_ratio", "better", "worse", "no_difference"]
#: Scores that each group needs.
LEAST = 500


@dataclass(frozen=True)
class Judgement:
    """See the top of the file.

    Attributes:
        missing_a, missing_b: scores that are missing to LEAST.
        comparison: None where a group has less than two scores.
        sequence_low, sequence_high: of Cliff's delta, at 1 - alpha, valid at every look.
        ratio_p: how well the sizes fit the split.
        better: whether B is better where it is larger.
    """

    outcome: Outcome
    n_a: int
    n_b: int
    missing_a: int
    missing_b: int
    ratio_p: float
    alpha: float
    comparison: Comparison | None = None
    sequence_low: float | None = None
    sequence_high: float | None = None


def judge_scores(
    a: Floats,
    b: Floats,
    *,
    higher_is_better: bool = True,
    least: int = LEAST,
    alpha: float = 0.05,
    sizes: tuple[int, int] | None = None,
    share_a: float = 0.5,
) -> Judgement:
    """Judge B against A.

    Args:
        a, b: the scores.
        sizes: of the groups by which the sample ratio is judged, such as calls, if those are others than the scores.
        share_a: the share of traffic that A should get.
    """
    n_a, n_b = len(a), len(b)
    missing_a, missing_b = max(0, least - n_a), max(0, least - n_b)
    ratio_p = sample_ratio_p(*(sizes or (n_a, n_b)), share_a)
    if min(n_a, n_b) < 2:
        return Judgement("too_few", n_a, n_b, missing_a, missing_b, ratio_p, alpha)
    comparison = compare(a, b, alpha)
    reach = radius(comparison.variance, n_a + n_b, best_at=2 * least, alpha=alpha)
    low, high = max(-1.0, comparison.delta - reach), min(1.0, comparison.delta + reach)
    outcome: Outcome = "no_difference"
    if missing_a or missing_b:
        outcome = "too_few"
    elif ratio_p < SUSPECT:
        outcome = "bad_ratio"
    elif low > 0 or high < 0:
        outcome = "better" if (low > 0) == higher_is_better else "worse"
    return Judgement(outcome, n_a, n_b, missing_a, missing_b, ratio_p, alpha, comparison, low, high)
