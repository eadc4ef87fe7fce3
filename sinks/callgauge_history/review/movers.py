"""Which changes of a week are worth a line: what grew, got slower, dearer, worse. Pure.

A change is told if it is large (a fifth, or a point of the error rate) and rests on enough calls in both weeks; shares
and means of scores also only if chance explains them once in a hundred times at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from callgauge_history.review.facts import Facts, ScoreSums, Sums
from callgauge_history.statistics.proportions import compare_shares

__all__ = ["Change", "dearer", "grew", "slower", "worse"]

_LEAST_CALLS = 100
_LEAST_SCORES = 30
_LARGE = 1.2
_POINT = 0.01
_CHANCE_Z = 2.576  # p = 0.01, two-sided
_MOST = 10


@dataclass(frozen=True)
class Change:
    """One number that changed: of whom, before, now, and what it is."""

    whose: str
    what: str
    unit: str
    before: float
    now: float

    @property
    def weight(self) -> float:
        """By how much, relative to before; what was nothing before has grown without bound."""
        return self.now / self.before - 1 if self.before else math.inf


def grew(facts: Facts) -> list[Change]:
    """Services and models that are called more."""
    return _largest(
        Change(_named(key), "calls", "", before.calls, now.calls)
        for key, (before, now) in facts.series.items()
        if now.calls >= _LEAST_CALLS and now.calls > before.calls * _LARGE
    )


def slower(facts: Facts) -> list[Change]:
    """Those whose p95 of the latency rose."""
    return _risen(facts, "latency p95", "ms", lambda sums: sums.p95_ms)


def dearer(facts: Facts) -> list[Change]:
    """Those whose calls cost more each."""
    return _risen(facts, "cost per call", "$", lambda sums: sums.cost_per_call)


def worse(facts: Facts) -> list[Change]:
    """Those that fail more often, and scores that fell or rose: which of both is worse only people know."""
    failing = [
        Change(_named(key), "error rate", "%", before.error_rate, now.error_rate)
        for key, (before, now) in facts.series.items()
        if _enough(before, now) and now.error_rate > before.error_rate + _POINT and _is_no_chance(before, now)
    ]
    judged = [
        Change(service, f"score {name}", "", before.mean, now.mean)
        for (service, name), (before, now) in facts.scores.items()
        if _differ(before, now)
    ]
    return _largest(failing) + sorted(judged, key=lambda each: each.whose)[:_MOST]


def _risen(facts: Facts, what: str, unit: str, of: Callable[[Sums], float | None]) -> list[Change]:
    found = []
    for key, (before, now) in facts.series.items():
        old, new = of(before), of(now)
        if _enough(before, now) and old and new and new > old * _LARGE:
            found.append(Change(_named(key), what, unit, old, new))
    return _largest(found)


def _enough(before: Sums, now: Sums) -> bool:
    return min(before.calls, now.calls) >= _LEAST_CALLS


def _is_no_chance(before: Sums, now: Sums) -> bool:
    return compare_shares(before.errors, before.calls, now.errors, now.calls).p < 0.01


def _differ(before: ScoreSums, now: ScoreSums) -> bool:
    if min(before.count, now.count) < _LEAST_SCORES:
        return False
    error = math.sqrt(before.deviation**2 / before.count + now.deviation**2 / now.count)
    return abs(now.mean - before.mean) > _CHANCE_Z * error and abs(now.mean - before.mean) > 0.02 * abs(before.mean)


def _largest(changes: Iterable[Change]) -> list[Change]:
    return sorted(changes, key=lambda each: (-each.weight, each.whose))[:_MOST]


def _named(key: tuple[str, str]) -> str:
    return " ".join(part for part in key if part) or "(no service)"
