"""Durations as people write them: 10s, 5m, 1h, 1d."""

from __future__ import annotations

import re

__all__ = ["duration_ms", "written"]

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FORM = re.compile(r"(\d+)(ms|s|m|h|d)")


def duration_ms(text: str) -> int:
    """Milliseconds of a duration; units add up.

    >>> duration_ms("1h30m")
    5400000

    Raises:
        ValueError: not a duration.
    """
    parts = _FORM.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration; write e.g. 10s, 5m, 1h30m, 1d")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def written(ms: int) -> str:
    """The shortest way to write a duration.

    >>> written(5400000)
    '1h30m'
    """
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        number, ms = divmod(ms, _UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"
