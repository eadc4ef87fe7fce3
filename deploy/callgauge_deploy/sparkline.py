"""A series as a line of text, with marks below."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

__all__ = ["sparkline"]

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(
    points: Sequence[tuple[float, float]], marks: Sequence[tuple[float, str]], width: int = 72
) -> tuple[str, str]:
    """The picture and its marks, two lines of the same length. The least value is the lowest bar.

    Args:
        points: time and value, oldest first. Where time passes without any, the line has gaps.
        marks: time and letter; of two at the same place the later one is shown.
        width: at most so many characters; of points that share a place the largest value is shown.

    >>> sparkline([(0, 1.0), (1, 1.0), (2, 8.0), (4, 1.0)], [(2, "F")])
    ('▁▁█ ▁', '  F  ')
    """
    if not points:
        return "", ""
    times = [at for at, _ in [*points, *marks]]
    first, last = min(times), max(times)
    step = min((after - before for (before, _), (after, _) in pairwise(points)), default=1.0)
    length = min(width, round((last - first) / step) + 1)

    def place(at: float) -> int:
        share = (at - first) / (last - first) if last > first else 0.0
        return round(share * (length - 1))

    values: dict[int, float] = {}
    for at, value in points:
        values[place(at)] = max(value, values.get(place(at), value))
    low, high = min(values.values()), max(values.values())
    bars = [" "] * length
    for where, value in values.items():
        bars[where] = _BARS[round((value - low) / (high - low) * (len(_BARS) - 1)) if high > low else 0]
    below = [" "] * length
    for at, letter in marks:
        below[place(at)] = letter
    return "".join(bars), "".join(below)
