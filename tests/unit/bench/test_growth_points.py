"""What the growth benchmark measures, and what it says of it."""

from callgauge.settings import Settings
from callgauge_windows.grouping import parse_groupings
from tests.bench.growth_points import AXES, SETS, Point, calls_of, label_of, shift_s, verdicts


def test_grouping_sets_begin_with_the_default_ones() -> None:
    """The base point has these; all twelve are valid and of one finest width."""
    assert " ".join(SETS[: Point().sets]) == Settings.model_fields["groupings"].default
    assert len(parse_groupings(" ".join(SETS))) == 12
    assert {grouping.window_ms % 10_000 for grouping in parse_groupings(" ".join(SETS))} == {0}


def test_only_one_thing_changes_on_an_axis() -> None:
    """No point of an axis is there twice; the last rate has no limit."""
    assert all(len({label_of(axis, point) for point in points}) == len(points) for axis, points in AXES.items())
    assert [label_of("rate", point) for point in AXES["rate"]] == ["10,000", "30,000", "60,000", "full speed"]
    assert (calls_of("rate", 600), calls_of("size", 600)) == (300, 600)


def test_paced_points_are_as_dense_as_they_are_fast() -> None:
    """The catch-up is of the fastest one's backlog; all other points are equally dense."""
    assert [point.event_time_rate for point in AXES["rate"]] == [10_000, 30_000, 60_000, 60_000]
    assert {point.event_time_rate for axis, points in AXES.items() if axis != "rate" for point in points} == {20_000}


def test_a_minute_ends_in_the_middle_of_a_run() -> None:
    """The stream is moved so that the watermark is there after half of the calls."""
    assert shift_s(Point(event_time_rate=20_000), 600_000, 42.0) == 42.0 - 15.0
    assert shift_s(Point(event_time_rate=1_000), 600_000, 42.0) == 42.0 - 300.0


def test_the_verdict_is_of_10_000_series_at_full_speed() -> None:
    """Paced points, other numbers of series and failed points say nothing."""
    full: dict[str, object] = {"series": 10_000, "asked_per_s": None, "event_time_per_s": 20_000}
    lines = verdicts(
        [
            full | {"peak_rss_mb": 300.0},
            full | {"peak_rss_mb": 310.0},
            full | {"failed": "why"},
            full | {"peak_rss_mb": 400.0, "asked_per_s": 60_000.0},
            full | {"peak_rss_mb": 500.0, "series": 100_000},
        ]
    )
    assert [line.partition("event time: ")[2] for line in lines] == [
        "300 MB, within the limit of 300 MB",
        "310 MB, over the limit of 300 MB",
    ]
