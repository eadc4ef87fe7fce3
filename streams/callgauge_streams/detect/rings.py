"""How finely the past is kept: short lookbacks in windows, longer ones in minutes, those of half a day in hours.

    lookback          begins at the start of         of at most 10,000 series with windows of 10 s
    up to 15 min      a window                       exact
    below 12 h        a minute                       up to 1 min longer
    from 12 h on      an hour                        up to 1 h longer: 24 h are 24 to 25 h

    now                                                      v
    windows                                      |.|.|.|.|.|.|
    minutes                  |     |     |     |
    hours      |             |

A lookback ends exactly where it is judged, and holds all windows from where it begins: it begins at the start of the
window, minute or hour in which it would begin otherwise. So what it adds up is a function of the windows alone, however
they are kept; a late row counts in the window, the minute or the hour that its window is part of.

What has become coarse can still be asked over lookbacks that are as coarse. It cannot be asked from a time within an
hour on, nor up to one, and neither can what a single window of it held.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from callgauge_rules.bound import BoundRule

__all__ = ["Ring", "begin_ms", "resolution_ms", "rings_of"]

_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000
_EXACT_MS, _BY_MINUTE_MS = 15 * _MINUTE_MS, 12 * _HOUR_MS
# Rows of open blocks come again, larger: it is cheaper to let them be for so long.
_LEAST_MS = 120_000


class Ring(NamedTuple):
    """Windows that end so long before the last judgement are kept as cells of this width."""

    width_ms: int
    after_ms: int


def resolution_ms(lookback_ms: int, window_ms: int) -> int:
    """How wide the cells are that a lookback begins with."""
    if lookback_ms <= _EXACT_MS:
        return window_ms
    return max(window_ms, _MINUTE_MS if lookback_ms < _BY_MINUTE_MS else _HOUR_MS)


def begin_ms(lookback_ms: int, window_ms: int, at_ms: Any) -> Any:
    """Where a lookback begins that ends at `at_ms`, a number or an array.

    >>> begin_ms(300_000, 10_000, 1_000_000), begin_ms(3_600_000, 10_000, 10_010_000)
    (700000, 6360000)
    """
    width_ms = resolution_ms(lookback_ms, window_ms)
    return (at_ms - lookback_ms) // width_ms * width_ms


def rings_of(rules: Sequence[BoundRule], window_ms: int) -> tuple[Ring, ...]:
    """The rings of minutes and hours that the lookbacks of these rules need, the finest first."""
    needs: dict[int, int] = {}
    for rule in rules:
        later_ms = rule.rule.keep_firing_for + rule.rule.for_ + rule.step_ms
        for width_ms, lookback_ms in _of(rule, window_ms):
            needs[width_ms] = max(needs.get(width_ms, 0), lookback_ms + width_ms + later_ms)
    found, after_ms = [], _LEAST_MS
    for width_ms in sorted(needs):
        if width_ms > window_ms:
            found.append(Ring(width_ms, after_ms))
        after_ms = max(after_ms, needs[width_ms])
    return tuple(found)


def _of(rule: BoundRule, window_ms: int) -> Iterable[tuple[int, int]]:
    return ((resolution_ms(each.lookback_ms, window_ms), each.lookback_ms) for each in rule.conditions)
