"""What a reader needed, from samples of its progress."""

import pytest

from tests.bench.reading import Reading, Sample, median_reading, reading_of


def test_starting_up_is_not_counted() -> None:
    """From the first sample with events on; what was used before it is left out."""
    samples = [Sample(1.0, 0, 0.5), Sample(9.0, 100, 3.0), Sample(11.0, 600, 4.0), Sample(13.0, 1_100, 5.5)]
    reading = reading_of(samples, 64.0)
    assert reading == Reading(events=1_000, seconds=4.0, cpu_seconds=2.5, peak_mb=64.0)
    assert reading.per_s == 250.0
    assert reading.cpu_s_per_million == 2_500.0


@pytest.mark.parametrize(
    "samples",
    [
        [],
        [Sample(1.0, 0, 0.0), Sample(2.0, 100, 1.0)],
        [Sample(1.0, 100, 1.0), Sample(2.0, 100, 2.0)],
        [Sample(1.0, 100, 1.0), Sample(1.0, 200, 2.0)],
    ],
)
def test_too_few_samples_are_no_measurement(samples: list[Sample]) -> None:
    """Two with events, time and progress between them are needed."""
    with pytest.raises(ValueError, match="too few"):
        reading_of(samples)


def test_each_figure_has_its_own_median() -> None:
    """The round that was fastest need not be the one that used least."""
    rounds = [Reading(100, 1.0, 0.3, 70.0), Reading(100, 2.0, 0.1, 50.0), Reading(100, 4.0, 0.2, 60.0)]
    assert median_reading(rounds) == {
        "events_per_s": 50.0,
        "cpu_s_per_million": pytest.approx(2_000),
        "peak_rss_mb": 60.0,
    }
