"""The comparison's table and figures."""

from tests.bench.peers.result import figures_of, rows_of
from tests.bench.reading import Reading


def test_figures_leave_out_what_failed() -> None:
    """Exactly three figures a reader."""
    readings = {"callgauge": [Reading(1_000, 2.0, 1.0, 64.0)], "pathway": []}
    assert figures_of(readings) == {
        "callgauge": {"events_per_s": 500.0, "cpu_s_per_million": 1_000.0, "peak_rss_mb": 64.0}
    }


def test_ratios_say_how_much_less_we_need() -> None:
    """Our rate by theirs, their CPU time by ours."""
    figures = figures_of({"callgauge": [Reading(900, 1.0, 0.9, 1.0)], "bytewax": [Reading(300, 1.0, 0.6, 1.0)]})
    ours, peer = rows_of(figures, {})
    assert (ours["callgauge_rate_ratio"], ours["cpu_ratio"]) == (1.0, 1.0)
    assert (peer["callgauge_rate_ratio"], peer["cpu_ratio"]) == (3.0, 2.0)


def test_a_failure_is_shown_with_its_reason() -> None:
    """The last line of it; unless another round of the reader succeeded."""
    figures = figures_of({"bytewax": [Reading(300, 1.0, 0.6, 1.0)]})
    rows = rows_of(figures, {"pathway": "it ended\nImportError: no", "bytewax": "once"})
    assert [row["reader"] for row in rows] == ["bytewax", "pathway"]
    assert rows[1] == {"reader": "pathway", "failed": "ImportError: no"}
    assert "callgauge_rate_ratio" not in rows[0]


def test_the_share_of_the_core_is_told() -> None:
    """A reader that waited cannot be judged by its rate."""
    (row,) = rows_of(figures_of({"callgauge": [Reading(900, 2.0, 0.5, 1.0)]}), {})
    assert row["core_share"] == 0.25
