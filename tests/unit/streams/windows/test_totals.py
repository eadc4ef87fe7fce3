"""Totals add up to the same in whatever order."""

from __future__ import annotations

from itertools import permutations

from callgauge_windows.totals import MeasureTotals


def test_of_equal_largest_values_one_is_named_whatever_the_order() -> None:
    """Folded and open rows are added in an order that depends on where the log was begun to be read."""
    parts = [
        MeasureTotals(1, 5, 5, "b"),
        MeasureTotals(1, 5, 5, "a"),
        MeasureTotals(1, 3, 3, "0"),
        MeasureTotals(1, 0, 0, "z", 1),
        MeasureTotals(),
    ]
    for order in permutations(parts):
        whole = MeasureTotals()
        for part in order:
            whole.add(part)
        assert whole == MeasureTotals(4, 13, 5, "a", 1)
