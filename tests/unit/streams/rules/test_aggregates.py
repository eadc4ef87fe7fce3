"""Aggregates are what their names say, from rows of the real rollup."""

from __future__ import annotations

import math

import pytest

from callgauge.codec import encode
from callgauge.schema import Call
from callgauge_rules.aggregates import aggregate
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.source.state_machine import RollupConfig, SourceRollup
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.histogram import RELATIVE_ERROR
from callgauge_windows.totals import Totals
from tests.as_sent import as_sent
from tests.random_calls import random_calls
from tests.totals_of import totals_of

CALLS = list(random_calls(2_000, seed=3, span_s=5))


def totals_of_calls(calls: list[Call]) -> Totals:
    """Of two halves, rolled up apart and added."""
    totals = Totals()
    for block, part in enumerate((calls[::2], calls[1::2])):
        worker = SourceRollup(RollupConfig(parse_groupings("@60s"), 65_536, 0), f"s{block}", 0)
        worker.take(
            Chunk(0, 1, 1, 0, None, 0, Records.of(range(len(part)), [0] * len(part), [encode(call) for call in part]))
        )
        for row in as_sent(worker.idle_records()):
            if row.kind == "row":
                totals.add(totals_of(row, frozenset({"latency", "ttft", "cost", "output_tokens"})))
    return totals


TOTALS = totals_of_calls(CALLS)
ANSWERED = sorted(c.latency_ms for c in CALLS if c.status not in ("error", "cancelled") and c.latency_ms is not None)
COSTS = [c.cost_usd for c in CALLS if c.cost_usd is not None]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("calls", 2_000),
        ("errors", sum(c.status == "error" for c in CALLS)),
        ("error_rate", sum(c.status == "error" for c in CALLS) / 2_000),
        ("error_rate.timeout", sum(c.error_type == "timeout" for c in CALLS) / 2_000),
        ("cancelled_rate", sum(c.status == "cancelled" for c in CALLS) / 2_000),
        ("fallback_rate", sum(c.status == "fallback" for c in CALLS) / 2_000),
        ("cache_hit_rate", sum(c.cache_hit for c in CALLS) / 2_000),
        ("cache_hit_rate.exact", sum(c.cache_hit and c.cache_level == "exact" for c in CALLS) / 2_000),
        ("cache_hit_rate.semantic", sum(c.cache_hit and c.cache_level == "semantic" for c in CALLS) / 2_000),
        ("retries_mean", sum(c.retry_count for c in CALLS) / 2_000),
        ("input_tokens", sum(c.input_tokens or 0 for c in CALLS)),
        ("output_tokens", sum(c.output_tokens or 0 for c in CALLS)),
        ("cost_usd", sum(COSTS)),
        ("cost_mean_usd", sum(COSTS) / len(COSTS)),
        ("latency_mean_ms", sum(ANSWERED) / len(ANSWERED)),
        ("rate_limit_used", max((1_000 - (c.rate_limit_remaining_requests or 0)) / 1_000 for c in CALLS)),
    ],
)
def test_counts_sums_and_means_are_exact(name: str, value: float) -> None:
    assert aggregate(name).of(TOTALS) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("percent", [50, 95, 99])
def test_percentiles_are_within_the_histograms_error(percent: int) -> None:
    true = ANSWERED[math.floor(percent / 100 * (len(ANSWERED) - 1))]
    assert aggregate(f"latency_p{percent}_ms").of(TOTALS) == pytest.approx(true, rel=RELATIVE_ERROR * 1.001)


@pytest.mark.parametrize("name", ["error_rate", "latency_p95_ms", "cost_mean_usd", "rate_limit_used"])
def test_without_calls_there_is_nothing_to_judge(name: str) -> None:
    assert aggregate(name).of(Totals()) is None


@pytest.mark.parametrize("name", ["latency_p95", "cost_p95_ms", "p95", "error_rate.none", ""])
def test_an_unknown_aggregate_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no aggregate"):
        aggregate(name)
