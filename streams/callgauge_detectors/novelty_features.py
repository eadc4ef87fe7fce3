"""What the novelty detector looks at: views of a series, turned into rows of numbers that can be compared.

    Pair          x₀ and x₁: the means of the newest two values and of the two before them
    Clock(w)      x₀, and sin φ, cos φ weighted w, with φ the time of day
    Spread(n)     mean and standard deviation of the newest n values

each of the value itself or, with `local`, of asinh(d / q): d = value − running median, q = running median of |d|, both
moved by sign steps. The local form sees small changes in a calm stretch of a series with rare large values.

A row's columns are laid out for `novelty_memory`: first columns of all Pair and Spread views, then their second
columns, then x₀ of all Clock views, then sin φ and cos φ once.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Clock", "Features", "Pair", "Spread", "View"]

DAY_MS = 86_400_000
#: Share of q that the running median moves by, and that q itself grows or shrinks by, at each value.
STEP = 0.05
#: Largest |d| / q. q shrinks by 5 % a value while a series stands still, so the asinh of the first change after it
#: says how long it stood still; this is after about 4,500 values.
STEEPEST = 1e100


@dataclass(frozen=True, slots=True)
class Pair:
    """The newest two values beside the two before: levels and jumps."""

    local: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """The newest two values beside the time of day: the right value at the wrong hour.

    Attributes:
        weight: of each time coordinate, where the value has 1.
    """

    weight: float = 0.1
    local: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation: slow shifts, silence, more noise than usual.

    Attributes:
        values: how many of the newest values.
    """

    values: int = 32
    local: bool = False


View = Pair | Clock | Spread


class Moments:
    """Mean and standard deviation (population) of the newest n values, O(1) each.

    >>> moments = Moments(2)
    >>> for value in (7.0, 1.0, 3.0): moments.push(value)
    >>> moments.mean_sd()
    (2.0, 1.0)
    """

    def __init__(self, values: int) -> None:
        self.newest: deque[float] = deque(maxlen=values)
        self.sum = self.squares = 0.0
        self.pushes = 0

    def push(self, x: float) -> None:
        newest = self.newest
        if len(newest) == newest.maxlen:
            gone = newest[0]
            self.sum -= gone
            self.squares -= gone * gone
        newest.append(x)
        self.sum += x
        self.squares += x * x
        self.pushes += 1
        if self.pushes % len(newest) == 0:  # now and then anew, so that rounding does not pile up
            self.sum = math.fsum(newest)
            self.squares = math.fsum(value * value for value in newest)

    def mean_sd(self) -> tuple[float, float]:
        count = len(self.newest)
        mean = self.sum / count
        return mean, math.sqrt(max(self.squares / count - mean * mean, 0.0))

    def snapshot(self) -> list[Any]:
        return [list(self.newest), self.sum, self.squares, self.pushes]

    def restore(self, snapshot: Sequence[Any]) -> None:
        newest, self.sum, self.squares, self.pushes = snapshot
        self.newest = deque(newest, maxlen=self.newest.maxlen)


class Local:
    """asinh(d / q) of a series, see the top of this file."""

    def __init__(self) -> None:
        self.median: float | None = None
        self.q = 0.0

    def of(self, x: float, *, learn: bool) -> float:
        d = 0.0 if self.median is None else x - self.median
        if self.q > 0:
            transformed = math.asinh(min(max(d / self.q, -STEEPEST), STEEPEST))
        else:
            transformed = math.copysign(3.0, d) if d else 0.0
        if learn:
            self._learn(x, d)
        return transformed

    def _learn(self, x: float, d: float) -> None:
        size = abs(d)
        if self.q == 0:
            self.q = size
        elif size != self.q:
            self.q *= 1 + STEP if size > self.q else 1 - STEP
        self.median = x if self.median is None else self.median + (math.copysign(STEP * self.q, d) if d else 0.0)


class _Track:
    """The newest values of one form of the series (itself or local) and their moments."""

    def __init__(self, windows: set[int]) -> None:
        self.last: deque[float] = deque(maxlen=4)
        self.moments = {values: Moments(values) for values in sorted(windows)}

    def push(self, x: float) -> None:
        self.last.append(x)
        for moments in self.moments.values():
            moments.push(x)

    def newest(self) -> float:
        last = self.last
        return (last[-1] + last[-2]) / 2 if len(last) > 1 else last[-1]

    def before(self) -> float:
        last = self.last
        return (last[0] + last[1]) / 2 if len(last) == 4 else self.newest()


class Features:
    """Values in, rows of columns out."""

    def __init__(self, views: Sequence[View]) -> None:
        self.even: list[Pair | Spread] = [view for view in views if not isinstance(view, Clock)]
        self.clocks = [view for view in views if isinstance(view, Clock)]
        self.columns = 2 * len(self.even) + len(self.clocks) + (2 if self.clocks else 0)
        self._local = Local()
        self._tracks = {
            local: _Track({view.values for view in views if isinstance(view, Spread) and view.local == local})
            for local in {view.local for view in views}
        }

    def push(self, x: float, at_ms: int, *, learn: bool) -> list[float]:
        """Take the next value; returns the row of columns that it completes."""
        for local, track in self._tracks.items():
            track.push(self._local.of(x, learn=learn) if local else x)
        pairs = [self._even(view) for view in self.even]
        row = [first for first, _ in pairs] + [second for _, second in pairs]
        if self.clocks:
            row += [self._tracks[view.local].newest() for view in self.clocks]
            angle = 2 * math.pi * (at_ms % DAY_MS) / DAY_MS
            row += [math.sin(angle), math.cos(angle)]
        return row

    def _even(self, view: Pair | Spread) -> tuple[float, float]:
        track = self._tracks[view.local]
        if isinstance(view, Pair):
            return track.newest(), track.before()
        return track.moments[view.values].mean_sd()

    def snapshot(self) -> dict[str, Any]:
        return {
            "median": self._local.median,
            "q": self._local.q,
            "tracks": [
                [list(track.last), [moments.snapshot() for moments in track.moments.values()]]
                for _, track in sorted(self._tracks.items())
            ],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        self._local.median, self._local.q = snapshot["median"], snapshot["q"]
        for (_, track), (last, moments) in zip(sorted(self._tracks.items()), snapshot["tracks"], strict=True):
            track.last = deque(last, maxlen=4)
            for kept, taken in zip(track.moments.values(), moments, strict=True):
                kept.restore(taken)
