"""What is counted of alarms in bursty traffic."""

from __future__ import annotations

import pytest

from tests.bench.bursty import UNJUDGED, row_of, tally_of
from tests.bench.detect_data import Series
from tests.bench.detection.bursty_series import planted

WEEK_MS = 604_800_000
SERIES = Series(
    "calls", "traffic", 300_000, [(300_000 * i, 10.0) for i in range(4_000)], gaps=frozenset({300_000 * 900})
)


def test_alarms_are_told_apart() -> None:
    """Before 750 windows nothing counts; in a gap it is not false; in an incident it is found, once, however often."""
    first = next(iter(planted(SERIES)[1].values()))

    def flagged(series: Series) -> list[int]:
        always = [100, UNJUDGED - 1, 900, 3_000]
        return always if series is SERIES else sorted([*always, first, first + 23, first + 24])

    tally = tally_of([SERIES], flagged)
    assert (tally.series, tally.false, tally.in_gaps) == (1, 1, 1)
    assert tally.weeks == pytest.approx(3_250 / 4_000 * 3_999 * 300_000 / WEEK_MS)
    assert list(tally.found.values()) == [1, 0, 0, 0]
    assert tally.false_beside == 2
    assert tally.precision == pytest.approx(1 / 3)
    assert row_of(tally)["found: stops"] == 1


def test_silence_has_no_precision() -> None:
    """Nothing found, nothing false."""
    assert tally_of([SERIES], lambda _: []).precision == 0
