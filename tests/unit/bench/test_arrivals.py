"""When the rows of a window came."""

from types import SimpleNamespace

import pytest

from tests.bench.arrivals import Arrivals, spread


def row(start_s: int, series: int = 1) -> SimpleNamespace:
    """A row of a window of 10 s."""
    return SimpleNamespace(
        kind="row", grouping="@10s", series_id=series, window_start_ms=start_s * 1000, window_ms=10_000
    )


def progress(*watermarks_s: float, idle_s: float | None = None) -> SimpleNamespace:
    """Of sources of calls, one of them perhaps idle, and of a source of scores that has nothing."""
    sources = [SimpleNamespace(holds="calls", idle=False, watermark_ms=at * 1000) for at in watermarks_s]
    if idle_s is not None:
        sources.append(SimpleNamespace(holds="calls", idle=True, watermark_ms=idle_s * 1000))
    sources.append(SimpleNamespace(holds="scores", idle=False, watermark_ms=0))
    return SimpleNamespace(kind="progress", sources=sources)


def test_a_window_from_its_end_to_the_watermark() -> None:
    """
    at       105    110   112.1   112.3   112.9     114
    record   row    end   row     row     progress  row
             part         first   last              late
    """
    arrivals = Arrivals()
    for at_s, record in ((105.0, row(100)), (112.1, row(100)), (112.3, row(100))):
        arrivals.take(0, record, at_s)
    arrivals.take(0, progress(110.5, 109.9), 112.4)  # one source is not there yet
    arrivals.take(1, progress(110.5, 110.0), 112.5)  # another partition: rows of this one may still be on their way
    arrivals.take(0, progress(110.5, 110.0, idle_s=50.0), 112.9)
    arrivals.take(0, row(100), 114.0)
    (window,) = arrivals.ended(110.0, 111.0)
    assert window.latencies() == pytest.approx({"first row": 2.1, "complete": 2.3, "watermark": 2.9})
    assert arrivals.after_watermark == 1
    assert arrivals.ended(111.0, 120.0) == []


def test_a_window_that_was_never_passed_has_no_latencies() -> None:
    """Nor has one whose rows all came before its end."""
    arrivals = Arrivals()
    arrivals.take(0, row(100), 112.0)
    arrivals.take(0, row(100, series=2), 108.0)
    assert [window.latencies() for window in arrivals.windows.values()] == [None, None]
    with pytest.raises(ValueError, match="of 2 windows none was complete"):
        spread(list(arrivals.windows.values()))


def test_percentiles_are_over_windows_and_series() -> None:
    """By the nearest rank."""
    arrivals = Arrivals()
    for series in range(99):
        arrivals.take(0, row(100, series), 112.0 + series / 100)
    arrivals.take(0, progress(110.0), 113.5)
    first, complete, watermark = spread(list(arrivals.windows.values()))
    assert (first["to"], first["windows"]) == ("first row", 99)
    assert [complete[name] for name in ("p50_s", "p95_s", "p99_s", "max_s")] == pytest.approx([2.49, 2.94, 2.98, 2.98])
    assert watermark["p50_s"] == watermark["max_s"] == 3.5
