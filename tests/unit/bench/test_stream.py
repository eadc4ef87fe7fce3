"""The stream of the throughput benchmarks."""

from itertools import pairwise

import pytest

from callgauge.codec import decode_call
from callgauge.schema import Call
from tests.bench.stream import DISTINCT, messages_of, provider_of

CALLS_PER_S = 20_000


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    """More than one stretch."""
    return [Call.model_validate_json(value) for _, value in messages_of(DISTINCT + 2_000, CALLS_PER_S)]


def test_there_are_80_finest_series(calls: list[Call]) -> None:
    """A model has one provider, so that naming the provider makes no more series."""
    assert len({(call.service, call.model) for call in calls}) == 80
    assert len({(call.service, call.feature, call.provider, call.model) for call in calls}) == 80


def test_a_call_has_its_size() -> None:
    """545 bytes on average, give or take five."""
    values = [value for _, value in messages_of(5_000, CALLS_PER_S)]
    assert sum(map(len, values)) / len(values) == pytest.approx(545, abs=5)


def test_calls_end_in_order_at_the_asked_rate(calls: list[Call]) -> None:
    """Event time is the end; times are written with milliseconds."""
    ends = [call.ts + (call.latency_ms or 0.0) / 1000 for call in calls]
    assert all(later - earlier > -0.0011 for earlier, later in pairwise(ends))
    assert (ends[-1] - ends[0]) * CALLS_PER_S == pytest.approx(len(calls), abs=50)


def test_ids_differ_across_stretches(calls: list[Call]) -> None:
    """The stretch is sent again, but no call is."""
    assert len({call.event_id for call in calls}) == len(calls)


def test_the_worker_reads_them() -> None:
    """They are calls on the wire, keyed by their trace."""
    (key, value), *_ = messages_of(3, CALLS_PER_S)
    assert decode_call(value).trace_id.encode() == key


def test_a_model_has_one_provider() -> None:
    """By its number."""
    assert [provider_of(f"model-{number}") for number in (0, 1, 3, 12)] == ["openai", "azure", "openai", "openai"]
