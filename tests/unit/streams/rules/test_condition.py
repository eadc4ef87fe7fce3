"""A condition judged by columns is what the detector says of each series' aggregate."""

from __future__ import annotations

import random
from collections import Counter
from typing import get_args

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.counted import MEASURES, OUTCOME_COUNTS, TOKEN_SUMS
from callgauge.schema import ErrorType
from callgauge_detectors.threshold import Limit, Op, Threshold, ThresholdConfig
from callgauge_rules.aggregates import AGGREGATES, aggregate
from callgauge_rules.condition import Condition
from callgauge_rules.formulas import Int64s
from callgauge_windows.totals import MeasureTotals, Totals

CALLS = ("error_rate.timeout", "latency_p95_ms", "ttft_p50_ms", "cost_p0_usd", "output_tokens_p99.9")
SCORES = ("score.a.mean", "score.a.p05", "score.a{origin=judge}.p50", "score.a.count", "score.a.rate_below_-3.5")
NAMES = (*AGGREGATES, *CALLS, *SCORES, "score.a.rate_above_0")
OPS: tuple[Op, ...] = get_args(Op)


def random_measure(rng: random.Random) -> MeasureTotals:
    buckets = Counter({rng.randrange(-1, 1312): rng.randrange(1, 30) for _ in range(rng.randrange(5))})
    zeros = rng.choice((0, 0, 1, 40))
    count, most = zeros + buckets.total(), rng.choice((20, 1 << 40, 1 << 60))
    return MeasureTotals(count, rng.randrange(1, most) if count else 0, 5, "e", zeros, buckets)


def random_score(rng: random.Random) -> MeasureTotals:
    buckets = Counter({rng.randrange(-1_300, 1_300): rng.randrange(1, 30) for _ in range(rng.randrange(1, 5))})
    return MeasureTotals(buckets.total(), rng.randrange(-(10**9), 10**9), 5, "e", 0, buckets)


def random_totals(rng: random.Random) -> Totals:
    if rng.random() < 0.1:
        return Totals()
    names = ("n", *(count.name for count in OUTCOME_COUNTS), *TOKEN_SUMS)
    counts = Counter({name: rng.choice((0, 1, 3, 50, (1 << 53) + rng.randrange(99))) for name in names})
    errors = Counter({kind: rng.randrange(4) for kind in get_args(ErrorType)})
    measures = {name: random_measure(rng) for name in MEASURES if rng.random() < 0.8}
    measures |= {name: random_score(rng) for name in ("score.a", "score.a{origin=judge}") if rng.random() < 0.8}
    return Totals(counts, errors, rng.randrange(1_000_001), measures)


def sum_of(totals: Totals, name: str) -> int:
    """As `Totals.sum_of`, and the sums that only percentiles have, counted plainly."""
    measure, _, bound = name.partition(".at_most.")
    if not bound:
        return totals.sum_of(name)
    of = totals.measures.get(measure, MeasureTotals())
    return of.zero_count + sum(count for bucket, count in of.buckets.items() if bucket <= int(bound))


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), name=st.sampled_from(NAMES), op=st.sampled_from(OPS))
def test_columns_and_single_series_agree(seed: int, name: str, op: Op) -> None:
    """Whatever the aggregate, the comparison and the limit, limits that are equal to a value too."""
    rng, judged = random.Random(seed), aggregate(name)
    several = [random_totals(rng) for _ in range(20)]
    values = [judged.of(totals) for totals in several]
    limit = rng.choice([0.0, -1.0, 1e12, rng.random(), *(value for value in values if value is not None)])
    min_count = rng.choice((0, 1, 3))
    threshold = Threshold(ThresholdConfig((Limit(op, limit),)))
    condition = Condition(judged, op, limit, min_count)

    def column(name: str) -> Int64s:
        assert name in condition.sums
        return np.array([sum_of(totals, name) for totals in several], dtype=np.int64)

    assert condition.holds(column).tolist() == [
        totals.sum_of(judged.events) >= min_count and threshold.update(value, 0).level != "none"
        for totals, value in zip(several, values, strict=True)
    ]
