"""Aggregates of scores are what their names say."""

from __future__ import annotations

from collections import Counter

import pytest

from callgauge_rules.aggregates import aggregate
from callgauge_windows.signed import signed_key
from callgauge_windows.totals import MeasureTotals, Totals

VALUES = [-2.0, 0.0, 0.0, 0.5, 3.0, 3.0, 3.5, 5.0]
JUDGED = [3.0, 5.0]


def measured(values: list[float]) -> MeasureTotals:
    millionths = [round(value * 1e6) for value in values]
    return MeasureTotals(len(values), sum(millionths), buckets=Counter(map(signed_key, millionths)))


TOTALS = Totals(
    measures={
        "score.faithfulness": measured(VALUES),
        "score.faithfulness{origin=judge}": measured(JUDGED),
        "score.breaker_open": measured([1.0, 0.0, 1.0]),
    }
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("score.faithfulness.mean", sum(VALUES) / 8),
        ("score.faithfulness{origin=judge}.mean", 4.0),
        ("score.faithfulness.count", 8),
        ("score.faithfulness.p0", -2.0),
        ("score.faithfulness.p50", 0.5),
        ("score.faithfulness.rate_below_3", 4 / 8),
        ("score.faithfulness.rate_below_3.5", 6 / 8),
        ("score.faithfulness.rate_below_0", 1 / 8),
        ("score.faithfulness.rate_above_0", 5 / 8),
        ("score.faithfulness.rate_above_3", 2 / 8),
        ("score.faithfulness.rate_above_-2.5", 1.0),
        ("breaker_opens", 2.0),
    ],
)
def test_values(name: str, value: float) -> None:
    """A limit that scores are equal to, as those of judges are, is neither above nor below."""
    assert aggregate(name).of(TOTALS) == pytest.approx(value, rel=0.012)


def test_without_scores_there_is_nothing_to_judge() -> None:
    assert aggregate("score.none.mean").of(TOTALS) is None
    assert aggregate("score.none.p50").of(TOTALS) is None


def test_a_score_counts_its_own_events() -> None:
    """A rule's min_count is about scores, not about calls."""
    judged = aggregate("score.faithfulness{origin=judge}.mean")
    assert TOTALS.sum_of(judged.events) == 2
    assert judged.of_scores
    assert judged.signed


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("score.a.maen", "'score.a.maen' is no aggregate; did you mean score.a.mean?"),
        ("score.a{origin=jugde}.mean", "'jugde' is no origin of a score; did you mean judge?"),
        ("score.a{origin=x}.mean", "'x' is no origin of a score; there are heuristic, judge, user, business, other"),
        (
            "score.a",
            "'score.a' is no aggregate; of a score there are score.<name>.mean, .count, .p05, .p50, .p95, "
            ".rate_below_<x>, .rate_above_<x>",
        ),
    ],
)
def test_a_wrong_name_says_what_there_is(name: str, said: str) -> None:
    with pytest.raises(ValueError, match="is no") as error:
        aggregate(name)
    assert str(error.value) == said
