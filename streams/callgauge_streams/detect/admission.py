"""Which series are told apart, which are folded into `__other__`, and which alerts may be raised on each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from callgauge_rules.alert_ids import fingerprint_of
from callgauge_rules.bound import BoundRule
from callgauge_streams.detect.cap import Cap
from callgauge_streams.detect.states import States

__all__ = ["Admission"]


class Admission:
    """See above.

    Args:
        by_grouping: the rules of each grouping set.
        cap: how many series a service may have.
        states: the alerts that are known; a series of one is told apart in any case.
    """

    def __init__(self, by_grouping: Mapping[str, Sequence[BoundRule]], cap: Cap, states: States) -> None:
        self._by_grouping, self._cap, self._states = by_grouping, cap, states

    def admit(self, row: Any) -> dict[str, str] | None:
        """Under which labels a row of an unknown series counts; None if no rule judges it."""
        rules = [rule for rule in self._by_grouping[row.grouping] if rule.judges(row.labels)]
        if not rules:
            return None
        if self._cap.has_room(row.grouping, row.labels) or self._is_named(row, rules):
            self._cap.add(row.grouping, row.labels)
            return row.labels  # type: ignore[no-any-return]
        folded = self._cap.fold(row.grouping, row.labels, row.series_id)
        return folded if any(rule.judges(folded) for rule in rules) else None

    def _is_named(self, row: Any, rules: Iterable[BoundRule]) -> bool:
        """Whether a series must be told apart in any case: a rule names it in full, or an alert of it is known."""
        if any(len(rule.rule.where) == len(row.labels) for rule in rules):
            return True
        return len(self._states) > 0 and any(
            key in self._states for key in self.fingerprints(row.grouping, row.labels).values()
        )

    def fingerprints(self, grouping: str, labels: dict[str, str]) -> dict[str, str]:
        """Of the alerts that rules may raise on a series: rule's name -> fingerprint."""
        judging = [rule for rule in self._by_grouping[grouping] if rule.judges(labels)]
        return {rule.rule.name: fingerprint_of(rule.rule.name, labels) for rule in judging}
