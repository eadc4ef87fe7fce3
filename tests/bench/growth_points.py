"""What the growth benchmark measures: one axis at a time around one base point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from callgauge.settings import Settings
from tests.bench.pace import FULL_SPEED

__all__ = ["AXES", "LIMIT_MB", "SETS", "Point", "calls_of", "label_of", "shift_s", "verdicts"]

LIMIT_MB = 300.0
LIMIT_SERIES = 10_000

#: Grouping sets; the first five are those of the default settings.
SETS = (
    *str(Settings.model_fields["groupings"].default).split(),
    "feature@10s",
    "provider@10s",
    "service,model@10s",
    "service,feature@60s",
    "feature,model@60s",
    "service,provider@60s",
    "service,feature,model,prompt_version@60s",
)


@dataclass(frozen=True)
class Point:
    """One measurement; the fields are the axes."""

    series: int = 1_000
    """Distinct labels, each a series of the finest grouping set."""
    sets: int = 5
    """Grouping sets, the first so many of `SETS`."""
    partitions: int = 4
    size: int = 545
    """Bytes of an event on average."""
    rate: float = FULL_SPEED
    """Events published per second while the worker reads; at full speed it finds them all there."""
    event_time_rate: float = 20_000
    """Calls that end per second of event time: how many a row holds, and so how many rows there are. Of paced points
    their rate, of the catch-up beside them that of the fastest."""


AXES: dict[str, tuple[Point, ...]] = {
    "series": tuple(Point(series=number) for number in (10, 100, 1_000, LIMIT_SERIES, 100_000)),
    "sets": tuple(Point(sets=number) for number in (1, 3, 5, 8, 12)),
    "partitions": tuple(Point(partitions=number) for number in (1, 4, 16, 64)),
    "size": tuple(Point(size=number) for number in (300, 545, 1_000, 2_000, 4_000)),
    "rate": tuple(
        Point(series=LIMIT_SERIES, rate=rate, event_time_rate=min(rate, 60_000))
        for rate in (10_000, 30_000, 60_000, FULL_SPEED)
    ),
}


def calls_of(axis: str, calls: int) -> int:
    """How many calls each point of an axis reads: on the axis of rates half of `calls`, since 10,000/s take long."""
    return calls // 2 if axis == "rate" else calls


def label_of(axis: str, point: Point) -> str:
    """Where on its axis a point is."""
    value = getattr(point, axis)
    return "full speed" if value == FULL_SPEED else f"{value:,}"


def shift_s(point: Point, calls: int, minute_ends_s: float) -> float:
    """How much later a point's stream has to be for the watermark to pass the end of a minute in its middle.

    Windows of a minute then end once in every run, however short it is in event time.

    Args:
        minute_ends_s: seconds from the stream's first call until the watermark passes the end of a minute.
    """
    return minute_ends_s - calls / point.event_time_rate / 2


def verdicts(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """A line for each point that was measured at 10,000 series and full speed."""
    lines = []
    for row in rows:
        if row["series"] == LIMIT_SERIES and row["asked_per_s"] is None and "failed" not in row:
            peak_mb, dense = float(str(row["peak_rss_mb"])), float(str(row["event_time_per_s"]))
            word = "within" if peak_mb <= LIMIT_MB else "over"
            lines.append(
                f"peak RSS at {LIMIT_SERIES:,} series and full speed, {dense:,.0f} calls per second of event time: "
                f"{peak_mb:.0f} MB, {word} the limit of {LIMIT_MB:g} MB"
            )
    return lines
