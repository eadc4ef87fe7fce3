"""The aggregate of peers that fold in Python."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.peers.fold import BUCKETS, add_call, bucket_of, ended_at, new_totals, percentile_ms, series_by


def test_a_call_is_added() -> None:
    """Missing and null fields count as nothing."""
    totals = new_totals()
    full = {"ts": 1.0, "latency_ms": 8.0, "status": "error", "input_tokens": 3, "output_tokens": 4, "cost_usd": 0.5}
    add_call(totals, full)
    assert add_call(totals, {"ts": 1.0, "latency_ms": 2.0, "input_tokens": None}) is totals
    histogram = totals.pop("histogram")
    assert totals == {
        "calls": 2,
        "errors": 1,
        "input_tokens": 3,
        "output_tokens": 4,
        "cost_usd": 0.5,
        "latency_ms": 10.0,
    }
    assert sum(histogram) == 2


def test_event_time_is_the_end() -> None:
    """In seconds."""
    assert ended_at({"ts": 100.0, "latency_ms": 1_500.0}) == 101.5


def test_a_series_is_its_labels() -> None:
    """In their order; other fields do not matter."""
    assert series_by(("service", "model"))({"model": "m", "feature": "f", "service": "s"}) == "s,m"


def test_totals_are_json() -> None:
    """Some peers keep them so."""
    assert json.loads(json.dumps(new_totals())) == new_totals()


@pytest.mark.parametrize(
    ("latency_ms", "bucket"), [(-1.0, 0), (0.0, 0), (0.2, 0), (1.0, 0), (1.1, 0), (2.0, 3), (1e9, 87)]
)
def test_buckets_are_cut_off_at_both_ends(latency_ms: float, bucket: int) -> None:
    """Four per doubling, upper bound included."""
    assert bucket_of(latency_ms) == bucket


@given(st.floats(min_value=1.001, max_value=3_000_000))
def test_a_percentile_is_its_bucket(latency_ms: float) -> None:
    """The bound of the bucket is at most a quarter doubling above the value."""
    histogram = [0] * BUCKETS
    histogram[bucket_of(latency_ms)] += 1
    assert latency_ms * 0.999999 <= percentile_ms(histogram, 0.5) <= latency_ms * 2**0.25 * 1.000001


def test_percentiles_of_many_and_of_none() -> None:
    """By the nearest rank."""
    histogram = [0] * BUCKETS
    histogram[3], histogram[7] = 9, 1
    assert [percentile_ms(histogram, share) for share in (0.5, 0.9, 0.95)] == [2.0, 2.0, 4.0]
    assert percentile_ms([0] * BUCKETS, 0.5) == 0.0
