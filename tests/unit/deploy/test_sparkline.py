"""A series as a line of text."""

from __future__ import annotations

import pytest

from callgauge_deploy.sparkline import sparkline


@pytest.mark.parametrize(
    ("points", "marks", "lines"),
    [
        ([], [(0, "F")], ("", "")),
        ([(0, 3.0)], [(0, "F")], ("▁", "F")),
        ([(10, 1.0), (20, 2.0), (30, 1.0), (60, 1.0)], [(20, "F"), (70, "R")], ("▁█▁  ▁ ", " F    R")),
    ],
)
def test_bars_gaps_and_marks(
    points: list[tuple[float, float]], marks: list[tuple[float, str]], lines: tuple[str, str]
) -> None:
    """A gap where time passes; the line goes on to a mark after the last point."""
    assert sparkline(points, marks) == lines


def test_a_long_series_keeps_its_peak() -> None:
    """Many points share a place, of which the largest is shown."""
    bars, marks = sparkline([(at, 9.0 if at == 500 else 1.0) for at in range(1_000)], [(500, "F")], width=50)
    assert len(bars) == len(marks) == 50
    assert bars.index("█") == marks.index("F")
