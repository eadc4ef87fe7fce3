"""The comparison's table and figures."""

import pytest

from tests.bench.peers.result import figures_of, ratios_of, rows_of
from tests.bench.reading import Reading


def test_figures_leave_out_what_failed() -> None:
    """Exactly four figures a reader; the share of its core is what the others say."""
    readings = {"callgauge": [Reading(1_000, 2.0, 1.0, 64.0)], "pathway": []}
    assert figures_of(readings) == {
        "callgauge": {"events_per_s": 500.0, "cpu_s_per_million": 1_000.0, "peak_rss_mb": 64.0, "core_share": 0.5}
    }


def test_ratios_say_how_much_less_we_need() -> None:
    """Our rate by theirs, their CPU time by ours; a row for each peer."""
    figures = figures_of({"callgauge": [Reading(900, 1.0, 0.9, 1.0)], "bytewax": [Reading(300, 1.0, 0.9, 1.0)]})
    assert ratios_of(figures) == [{"beside": "bytewax", "by_clock": 3.0, "by_cpu": 3.0, "counts": "clock and CPU"}]


def test_ratios_to_the_one_grouping_set_are_their_own() -> None:
    """The peers have one, callgauge usually more."""
    readings = {
        "callgauge": [Reading(600, 1.0, 1.0, 1.0)],
        "callgauge_one_set": [Reading(1_200, 1.0, 1.0, 1.0)],
        "clickhouse": [Reading(300, 1.0, 1.0, 1.0)],
    }
    (row,) = ratios_of(figures_of(readings))
    assert (row["by_clock"], row["by_cpu"]) == (2.0, 2.0)
    assert (row["one_set_by_clock"], row["one_set_by_cpu"]) == (4.0, 4.0)


@pytest.mark.parametrize(("ours_cpu_s", "peers_cpu_s"), [(0.5, 1.0), (1.0, 0.5)])
def test_the_clock_counts_only_when_both_had_their_core(ours_cpu_s: float, peers_cpu_s: float) -> None:
    """Whoever waited."""
    readings = {"callgauge": [Reading(9, 1.0, ours_cpu_s, 1.0)], "bytewax": [Reading(3, 1.0, peers_cpu_s, 1.0)]}
    assert [row["counts"] for row in ratios_of(figures_of(readings))] == ["CPU"]


def test_a_failure_is_shown_with_its_reason() -> None:
    """The last line of it; unless another round of the reader succeeded."""
    figures = figures_of({"bytewax": [Reading(300, 1.0, 0.6, 1.0)]})
    rows = rows_of(figures, {"pathway": "it ended\nImportError: no", "bytewax": "once"})
    assert [row["reader"] for row in rows] == ["bytewax", "pathway"]
    assert rows[1] == {"reader": "pathway", "remark": "failed: ImportError: no"}


def test_the_share_of_the_core_is_told() -> None:
    """A reader that waited cannot be judged by its rate, and the table says so."""
    readings = {"clickhouse": [Reading(900, 2.0, 0.5, 1.0)], "flink_sql": [Reading(900, 2.0, 2.0, 1.0)]}
    waited, worked = rows_of(figures_of(readings), {})
    assert (waited["core_share"], worked["core_share"]) == (0.25, 1.0)
    assert waited["remark"] == "had 0.25 of its core: its CPU time counts"
    assert worked["remark"] == "no percentiles"


def test_remarks_are_joined() -> None:
    """What a reader leaves out, and that it waited."""
    (row,) = rows_of(figures_of({"flink_sql": [Reading(900, 2.0, 1.0, 1.0)]}), {})
    assert row["remark"] == "no percentiles; had 0.50 of its core: its CPU time counts"
