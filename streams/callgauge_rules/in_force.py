"""The stream's rules with the times between which each judges, made of the rule sets that follow each other.

    sets        | first: a, b          | second: a, b changed, c
    in force    a ------------------------------------------------
                b ---------------------| b changed ---------------
                                       | c -----------------------

A rule that the next set holds as it is goes on as if nothing had happened. One that has changed takes over the alerts
of the one before, of its name, on the series that both judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from callgauge_rules.bound import BoundRule
from callgauge_rules.rule_sets import KnownSet

__all__ = ["InForce", "in_force"]


@dataclass(frozen=True)
class InForce:
    """A rule, which judges the windows that end at `from_ms` or later, and before `to_ms` (None: no end is known).
    Epoch ms; 0: it has no beginning."""

    rule: BoundRule
    from_ms: int = 0
    to_ms: int | None = None

    @classmethod
    def of(cls, rules: Iterable[BoundRule | InForce]) -> list[InForce]:
        """These; of those that do not say when they judge, always."""
        return [rule if isinstance(rule, InForce) else cls(rule) for rule in rules]

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.rule.rule.name


def in_force(sets: Sequence[KnownSet]) -> list[InForce]:
    """The rules of the stream, of sets in the order in which they come into force; the first one has no beginning."""
    found: list[InForce] = []
    for number, each in enumerate(sets):
        from_ms = each.from_ms if number else 0
        before, found = found, []
        bound = {placed.bound.rule.name: placed.bound for placed in each.placed if placed.bound}
        for known in before:
            same = known.to_ms is None and known.name in bound and _same(known.rule, bound[known.name])
            if same:
                del bound[known.name]
            found.append(known if same or known.to_ms is not None else replace(known, to_ms=from_ms))
        found += [InForce(rule, from_ms) for rule in bound.values()]
    return found


def _same(one: BoundRule, other: BoundRule) -> bool:
    """Whether two rules judge and tell the same; where they are written does not matter."""
    return one.rule.model_dump() == other.rule.model_dump() and one.grouping == other.grouping
