"""How finely the past is kept: what is near in windows, what is further away in ever wider cells.

    lookback          begins at the start of         of at most 10,000 series with windows of 10 s
    up to 15 min      a window                       exact
    below 2 h         a minute                       up to 1 min longer
    below 4 h         five minutes                   up to 5 min longer, a twenty-fourth
    below 12 h        ten minutes                    up to 10 min longer, a twenty-fourth
    from 12 h on      an hour                        up to 1 h longer, a twelfth: 24 h are 24 to 25 h

    now                                                      v
    windows                                      |.|.|.|.|.|.|
    minutes                  |     |     |     |
    hours      |             |

A lookback ends exactly where it is judged, and holds all windows from where it begins: it begins at the start of the
window, minute or hour in which it would begin otherwise. So what it adds up is a function of the windows alone, however
they are kept; a late row counts in the window, the minute or the hour that its window is part of.

Cells may be wider than that where nobody can tell: the last hour of a rule that is judged every five minutes begins at
a full five minutes whenever it is asked for, so that it is kept in cells of five minutes.

What has become coarse can still be asked over lookbacks that are as coarse. It cannot be asked from a time within an
hour on, nor up to one, and neither can what a single window of it held.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from callgauge_rules.bound import BoundRule

__all__ = ["Ring", "begin_ms", "cell_width_ms", "resolution_ms", "rings_of"]

_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000
#: Below which lookback one begins at the start of what; 0: of a window.
_GRIDS = (
    (15 * _MINUTE_MS + 1, 0),
    (2 * _HOUR_MS, _MINUTE_MS),
    (4 * _HOUR_MS, 5 * _MINUTE_MS),
    (12 * _HOUR_MS, 10 * _MINUTE_MS),
    (1 << 62, _HOUR_MS),
)
# Rows of open blocks come again, larger: it is cheaper to let them be for so long.
_LEAST_MS = 120_000
# So much more than its lookback is kept finely for the picture of a rule that is a limit; what learns keeps its own.
_PICTURE_MS = 3 * _MINUTE_MS


class Ring(NamedTuple):
    """Windows that end so long before the last judgement are kept as cells of this width.

    Attributes:
        measures: of which the evidence is kept, because a lookback is longer than `after_ms`; of others only sums are.
    """

    width_ms: int
    after_ms: int
    measures: frozenset[str] = frozenset()


def resolution_ms(lookback_ms: int, window_ms: int) -> int:
    """At the start of what a lookback begins."""
    return max(window_ms, next(width_ms for below_ms, width_ms in _GRIDS if lookback_ms < below_ms))


def begin_ms(lookback_ms: int, window_ms: int, at_ms: Any) -> Any:
    """Where a lookback begins that ends at `at_ms`, a number or an array.

    >>> begin_ms(300_000, 10_000, 1_000_000), begin_ms(3_600_000, 10_000, 10_010_000)
    (700000, 6360000)
    """
    width_ms = resolution_ms(lookback_ms, window_ms)
    return (at_ms - lookback_ms) // width_ms * width_ms


def cell_width_ms(lookback_ms: int, step_ms: int, window_ms: int) -> int:
    """The width of the widest cells at whose bounds a lookback always begins that is asked for every `step_ms`.

    >>> cell_width_ms(3_600_000, 300_000, 10_000), cell_width_ms(3_600_000, 10_000, 10_000)
    (300000, 60000)
    """
    begins_at_ms = math.gcd(lookback_ms, step_ms)
    fits = (width for _, width in _GRIDS if width and width % window_ms == 0 and begins_at_ms % width == 0)
    return max(resolution_ms(lookback_ms, window_ms), *fits, 0)


def rings_of(rules: Sequence[BoundRule], window_ms: int) -> tuple[Ring, ...]:
    """The rings that the lookbacks of these rules need, the finest first."""
    needs: dict[int, int] = {}
    measures: dict[int, set[str]] = {}
    for rule in rules:
        for condition in rule.conditions:
            width_ms = cell_width_ms(condition.lookback_ms, rule.step_ms, window_ms)
            needed_ms = condition.lookback_ms + width_ms + rule.step_ms + (0 if condition.learns else _picture_ms(rule))
            needs[width_ms] = max(needs.get(width_ms, 0), needed_ms)
            measures.setdefault(width_ms, set()).add(condition.aggregate.measure)
    found: list[Ring] = []
    after_ms = _LEAST_MS
    for width_ms in sorted(needs):
        if width_ms > window_ms:
            wanted = [name for width, names in measures.items() if width >= width_ms for name in names]
            found.append(Ring(width_ms, after_ms, frozenset(wanted)))
        after_ms = max(after_ms, needs[width_ms])
    return tuple(found)


def _picture_ms(rule: BoundRule) -> int:
    return min(rule.rule.keep_firing_for + rule.rule.for_, _PICTURE_MS)
