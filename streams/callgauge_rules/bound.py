"""A rule that is bound to a grouping set: its conditions, ready to be judged."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.counted import MEASURES
from callgauge.schema import Severity
from callgauge_detectors.threshold import Limit, Threshold, ThresholdConfig
from callgauge_detectors.verdict import LEVELS, Level
from callgauge_rules.aggregates import Aggregate, aggregate
from callgauge_rules.condition import Condition
from callgauge_rules.detectors import THRESHOLD, DetectorKind, detector
from callgauge_rules.formulas import Column, Percentile
from callgauge_rules.rule import LIMITS, ConditionEntry, Judged, Rule
from callgauge_windows.grouping import GroupingSet
from callgauge_windows.totals import Totals

__all__ = ["BoundCondition", "BoundRule", "rank_of"]

Int8s = npt.NDArray[np.int8]

#: The level of a detector from which on a rule fires that does not say so.
_LEAST: Level = "high"


def rank_of(severity: Severity) -> int:
    """Severities as numbers: info 1 ... critical 4. 0 is: nothing holds."""
    return LIMITS.index(severity) + 1


class BoundCondition:
    """One condition of a rule, or all of it.

    A condition holds to some rank (`rank_of`), that of the severity it is told as; 0 if it does not hold.

    Attributes:
        aggregate: what is judged.
        kind: the detector that judges it.
        learns: it is any detector but the threshold, fed with each window once, in order.
        lookback_ms, every_ms: over how long the aggregate is taken, and how often the detector is fed.
        min_count: events below which nothing is judged.
        judges_nothing: a lookback without any call fulfils it, as traffic that has stopped does for `calls lt 10`.
    """

    def __init__(self, judged: Judged, rule: Rule, window_ms: int) -> None:
        self.judged = judged
        self.aggregate: Aggregate = aggregate(judged.aggregate).over(judged.lookback)
        self.kind: DetectorKind = detector(judged.detector)
        self.learns = self.kind.name != THRESHOLD
        self.lookback_ms = judged.lookback
        self.every_ms = judged.every or (judged.lookback if self.learns else window_ms)
        self._limits = _limits_of(judged, rule)
        self._threshold = Threshold(ThresholdConfig(tuple(Limit(judged.op, at, LEVELS[r]) for at, r in self._limits)))
        self.judges_nothing = (
            not self.learns
            and judged.min_count is None
            and self.aggregate.counts
            and not self.aggregate.of_scores
            and self._level_of(0.0) > 0
        )
        # To a detector that learns, no calls are a value of a count like any other.
        counts_none = self.learns and self.aggregate.counts and judged.min_count is None
        self.min_count = 0 if self.judges_nothing or counts_none else judged.min_count or 1
        self._columns = [(Condition(self.aggregate, judged.op, at, self.min_count), rank) for at, rank in self._limits]
        self.rank_of_level = _ranks_of_levels(judged, rule)

    @property
    def name(self) -> str:
        """For people."""
        given = self.judged.name if isinstance(self.judged, ConditionEntry) else ""
        return given or self.judged.aggregate

    @cached_property
    def config(self) -> Any:
        """The detector's."""
        of = MEASURES.get(self.aggregate.measure)
        own = {"window_ms": self.every_ms, "over_ms": self.lookback_ms, "shown_per": of.per_unit if of else 1.0}
        return self.kind.parameters.read(self.judged.parameters, **own)

    @property
    def remembers_ms(self) -> int:
        """How far back its detector looks."""
        return self.kind.remembers_ms(self.config, self.every_ms) if self.learns else 0

    @property
    def pinned(self) -> bool:
        """Whether its detector compares with the time before the last mark, or with the beginning of the time since."""
        return self.learns and bool(getattr(getattr(self.config, "baseline", None), "pinned", False))

    @property
    def sums(self) -> tuple[str, ...]:
        """The names of the sums that it needs."""
        found: set[str] = {"n", self.aggregate.events}
        for condition, _ in self._columns:
            found.update(condition.sums)
        if self.learns and not isinstance(self.aggregate.formula, Percentile):
            found.update(self.aggregate.formula.sums)
        return tuple(sorted(found))

    @property
    def needs_histogram(self) -> bool:
        """Whether it looks at the histograms of windows."""
        return isinstance(self.aggregate.formula, Percentile) or self.kind.feeds in ("histogram", "call")

    def ranks(self, column: Column) -> Int8s:
        """To which rank a threshold holds, for each series."""
        ranks = np.zeros(len(column("n")), dtype=np.int8)
        for condition, rank in self._columns:
            np.maximum(ranks, np.int8(rank), out=ranks, where=condition.holds(column))
        return ranks

    def rank(self, value: float | None, n: int) -> int:
        """The same of a single series."""
        return 0 if n < self.min_count else self._level_of(value)

    def limit_at(self, rank: int) -> float:
        """The limit of a threshold that is told as this rank."""
        return next((limit for limit, of in self._limits if of == rank), self._limits[0][0] if self._limits else 0.0)

    @property
    def least_score(self) -> float:
        """The score from which on a detector with tiers fires; 0 where a level says more than a score."""
        tiers = getattr(self.config, "tiers", None) if self.learns else None
        least = int(np.argmax(self.rank_of_level > 0))
        return float(getattr(tiers, LEVELS[least])) if tiers is not None and least else 0.0

    def n_of(self, totals: Totals) -> int:
        """The events that its aggregate rests on."""
        return totals.sum_of(self.aggregate.events)

    def _level_of(self, value: float | None) -> int:
        # A threshold keeps no state, so the time of the window does not matter to it.
        return LEVELS.index(self._threshold.update(value, at_ms=0).level)


def _limits_of(judged: Judged, rule: Rule) -> list[tuple[float, int]]:
    if judged is rule and rule.limits:
        return [(limit, rank_of(severity)) for severity, limit in rule.limits.items()]
    return [] if judged.value is None else [(judged.value, rank_of(rule.severity))]


def _ranks_of_levels(judged: Judged, rule: Rule) -> Int8s:
    """The rank of each level of a detector."""
    least = LEVELS.index(judged.level or _LEAST)
    if judged is not rule or not rule.severities:
        return np.array([rank_of(rule.severity) if at >= least else 0 for at in range(len(LEVELS))], dtype=np.int8)
    ranks, rank = [], 0
    for level in LEVELS:
        rank = rank_of(rule.severities[level]) if level in rule.severities else rank
        ranks.append(rank)
    return np.array(ranks, dtype=np.int8)


class BoundRule:
    """A rule and the grouping set whose rows it judges.

    Attributes:
        conditions: of a plain rule one.
        needs: how many of them must hold.
        lookback_ms: the longest.
        step_ms: how often the rule is judged.
        learns: whether some detector of it learns.
        counts: whether it waits while a source is silent.
        judges_nothing: a lookback without any call fulfils the rule. Such an alert goes on for an hour; then the series
            is forgotten.
    """

    def __init__(self, rule: Rule, grouping: GroupingSet) -> None:
        self.rule, self.grouping = rule, grouping
        self.conditions = tuple(BoundCondition(each, rule, grouping.window_ms) for each in rule.judged)
        self.needs = {"any": 1, "all": len(self.conditions)}.get(str(rule.needs), rule.needs)
        self.lookback_ms = max(each.lookback_ms for each in self.conditions)
        self.step_ms = math.gcd(*(each.every_ms for each in self.conditions))
        self.learns = any(each.learns for each in self.conditions)
        self.counts = any(each.aggregate.counts for each in self.conditions)
        self.judges_nothing = sum(each.judges_nothing for each in self.conditions) >= int(self.needs)
        self._fixed_rank = rank_of(rule.severity)

    @property
    def main(self) -> BoundCondition:
        """The first condition, of which an alert tells by default."""
        return self.conditions[0]

    @property
    def aggregate(self) -> Aggregate:
        """What the first condition judges."""
        return self.main.aggregate

    @property
    def composite(self) -> bool:
        """Whether it has several conditions."""
        return bool(self.rule.conditions)

    @property
    def of_calls(self) -> bool:
        """Whether it waits for the sources of calls."""
        return any(not each.aggregate.of_scores for each in self.conditions)

    @property
    def of_scores(self) -> bool:
        """Whether it waits for the sources of scores."""
        return any(each.aggregate.of_scores for each in self.conditions)

    def judges(self, labels: dict[str, str]) -> bool:
        """Whether a series is one of the rule's."""
        return all(labels[label] == value for label, value in self.rule.where.items())

    def joined(self, ranks: Iterable[Any]) -> Any:
        """The rule's rank, from that of each condition: numbers, or arrays of them."""
        found = list(ranks)
        if not self.composite:
            return found[0]
        held = sum((rank > 0) * 1 for rank in found)
        return (held >= self.needs) * np.int8(self._fixed_rank)

    def severity_at(self, rank: int) -> Severity:
        """The severity of a rank."""
        return LIMITS[rank - 1] if rank > 0 else self.rule.severity
