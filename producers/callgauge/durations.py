"""Durations as people write them: 10s, 5m, 1h, 1d."""

from __future__ import annotations

import re

from callgauge.line_texts import shown

__all__ = ["duration_ms", "written"]

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PART = re.compile(r"([0-9]+)(ms|s|m|h|d)")
_WHOLE = re.compile(r"(?:[0-9]+(?:ms|s|m|h|d))+")
# Longer texts are no durations that somebody means; int() and the pattern would take long over a million digits.
_LONGEST = 60


def duration_ms(text: str) -> int:
    """Milliseconds of a duration; units add up.

    >>> duration_ms("1h30m")
    5400000

    Raises:
        ValueError: not a duration.
    """
    if len(text) > _LONGEST or not _WHOLE.fullmatch(text):
        raise ValueError(f"{shown(text)} is no duration; write e.g. 10s, 5m, 1h30m, 1d")
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


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
