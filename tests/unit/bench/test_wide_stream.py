"""The stream of the growth benchmark."""

from collections import Counter

import pytest

from callgauge.codec import decode_call
from tests.bench.stream import DISTINCT, repeated
from tests.bench.wide_stream import labels_of, wide_templates


def test_there_are_as_many_series_as_asked_for() -> None:
    """In the finest of the default grouping sets, and each with as many calls."""
    stretch, span_s = wide_templates(1_000, 545, 5_000)
    calls = [decode_call(value) for _, value in repeated(stretch, span_s, DISTINCT)]
    finest = Counter((call.service, call.feature, call.provider, call.model) for call in calls)
    assert len(finest) == 1_000
    assert set(finest.values()) == {DISTINCT // 1_000}
    assert len({(call.service, call.feature, call.model, call.prompt_version) for call in calls}) == 1_000


@pytest.mark.parametrize(("series", "services", "features"), [(10, 1, 1), (100, 10, 1), (100_000, 10, 1_000)])
def test_series_differ_in_model_then_service_then_feature(series: int, services: int, features: int) -> None:
    """All of them have other labels."""
    labels = [labels_of(number) for number in range(series)]
    assert len({tuple(values.values()) for values in labels}) == series
    assert (len({values["service"] for values in labels}), len({values["feature"] for values in labels})) == (
        services,
        features,
    )


@pytest.mark.parametrize("size_bytes", [300, 4_000])
def test_events_have_their_size(size_bytes: int) -> None:
    """On average, within 5 %; they are calls."""
    stretch, span_s = wide_templates(10, size_bytes, 5_000)
    values = [value for _, value in repeated(stretch, span_s, 5_000)]
    assert sum(map(len, values)) / len(values) == pytest.approx(size_bytes, rel=0.05)
    assert decode_call(values[-1]).model.startswith("model-")


def test_a_call_cannot_be_of_any_size() -> None:
    """It says how small it can be."""
    with pytest.raises(ValueError, match="a call of 100 bytes: the smallest have 3"):
        wide_templates(10, 100, 5_000)
