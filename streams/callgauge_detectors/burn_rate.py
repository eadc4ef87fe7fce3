"""Burn rate: an error budget spent too fast, over a long window and still over a short one.

    burn(w) = (bad calls in w / calls in w) / (1 - slo)      1 spends exactly the budget by the end of its period
    level   = the worst pair (long, short, factor) with burn(long) >= factor and burn(short) >= factor
    score   = the lesser of the two burns of that pair, of the most urgent pair when none holds

The long window says that it matters, the short one that it still goes on: the alarm ends minutes after the incident.

Parameters
    slo          share of calls that must be good, e.g. 0.999 or 0.99.
    pairs        long ms, short ms, factor, level. Default, for a 30-day budget: 2 % spent in 1 h (14.4 times,
                 critical), 5 % in 6 h (6 times, high), 10 % in 3 d (once, low).
    min_count    calls in the long window below which nothing is judged.
    period_ms    the budget's period; a full budget lasts period / burn.

Warm-up min_count calls: a window that is not full yet is judged by what it holds. Memory two integers a minute of the
longest window (4,320; sums are kept, not recomputed). Cost about 6 µs.

>>> detector = BurnRate(BurnRateConfig(slo=0.99))
>>> for k in range(60): _ = detector.update(share_of(0, 100), 60_000 * k)
>>> [detector.update(share_of(50, 100), 60_000 * k).level for k in range(60, 90)].index("critical")
17

Source: The Site Reliability Workbook, O'Reilly 2018, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Self

from callgauge_detectors.counts import share_of
from callgauge_detectors.verdict import LEVELS, NORMAL, Counts, Level, Verdict, short

__all__ = ["BurnRate", "BurnRateConfig", "Pair", "share_of"]

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class Pair:
    """A long and a short window, the burn rate from which on it alarms, and its level."""

    long_ms: int
    short_ms: int
    factor: float
    level: Level


@dataclass(frozen=True, slots=True)
class BurnRateConfig:
    """See the top of the file."""

    slo: float = 0.99
    pairs: tuple[Pair, ...] = (
        Pair(_HOUR_MS, 5 * _MINUTE_MS, 14.4, "critical"),
        Pair(6 * _HOUR_MS, 30 * _MINUTE_MS, 6.0, "high"),
        Pair(3 * _DAY_MS, 6 * _HOUR_MS, 1.0, "low"),
    )
    min_count: int = 50
    period_ms: int = 30 * _DAY_MS


class BurnRate:
    """The detector; see the top of the file. Counts are `share_of(bad, all)`."""

    def __init__(self, config: BurnRateConfig) -> None:
        if not 0.0 < config.slo < 1.0:
            raise ValueError(f"slo must be between 0 and 1, not {config.slo}")
        self.config = config
        self._pairs = sorted(config.pairs, key=lambda pair: LEVELS.index(pair.level), reverse=True)
        self._kept_ms = max(pair.long_ms for pair in config.pairs)
        # Sums up to the end of each minute, so that any window is a difference of two: exact, they are integers.
        self._ends, self._bad, self._all = [-1], [0], [0]

    def update(self, counts: Counts | None, at_ms: int, *, learn: bool = True) -> Verdict:
        """Judge the windows that end with this one; a budget is spent whether or not an alert fires."""
        if not counts or not sum(counts.values()):
            return NORMAL
        self._add(counts.get(1, 0), sum(counts.values()), at_ms)
        minute = self._ends[-1]
        first = None
        for pair in self._pairs:
            bad, calls = self._sums(minute, pair.long_ms)
            short_bad, short_calls = self._sums(minute, pair.short_ms)
            burn = min(self._burn(bad, calls), self._burn(short_bad, short_calls))
            first = burn if first is None else first
            if calls >= self.config.min_count and burn >= pair.factor:
                return Verdict(burn, pair.level, 1.0 - self.config.slo, self._reason(bad, calls, burn, pair))
        return Verdict(first or 0.0, baseline=1.0 - self.config.slo)

    def _burn(self, bad: int, calls: int) -> float:
        return bad / calls / (1.0 - self.config.slo) if calls else 0.0

    def _add(self, bad: int, calls: int, at_ms: int) -> None:
        minute = (at_ms - 1) // _MINUTE_MS
        if minute > self._ends[-1]:
            self._ends.append(minute)
            self._bad.append(self._bad[-1])
            self._all.append(self._all[-1])
        self._bad[-1] += bad
        self._all[-1] += calls
        # Dropped half a window at a time: constant cost on average.
        if len(self._ends) > 1.5 * self._kept_ms / _MINUTE_MS:
            old = bisect_right(self._ends, minute - self._kept_ms // _MINUTE_MS) - 1
            for column in (self._ends, self._bad, self._all):
                del column[:old]

    def _sums(self, minute: int, window_ms: int) -> tuple[int, int]:
        before = max(0, bisect_right(self._ends, minute - window_ms // _MINUTE_MS) - 1)
        return self._bad[-1] - self._bad[before], self._all[-1] - self._all[before]

    def _reason(self, bad: int, calls: int, burn: float, pair: Pair) -> str:
        left_h = self.config.period_ms / burn / _HOUR_MS
        return (
            f"{bad:,} of {calls:,} calls bad in {pair.long_ms / _HOUR_MS:g} h, {short(burn)} times what the budget "
            f"allows, and still so for {pair.short_ms / _MINUTE_MS:g} min; a full budget is gone in {left_h:.1f} h"
        )

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        return {"ends": self._ends[:], "bad": self._bad[:], "all": self._all[:]}

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self._ends, self._bad, self._all = (list(snapshot[name]) for name in ("ends", "bad", "all"))
        return self
