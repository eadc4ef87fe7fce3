"""What is different between two rule sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from callgauge_rules.rule import Rule

__all__ = ["RuleChange", "changes_between"]


@dataclass(frozen=True)
class RuleChange:
    """Of one rule, by its name.

    Attributes:
        fields: of a rule that is changed, the fields as they are named in the file.
    """

    name: str
    what: Literal["added", "removed", "changed"]
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.what} {self.name}" + (f" ({', '.join(self.fields)})" if self.fields else "")


def changes_between(before: Iterable[Rule], after: Iterable[Rule]) -> list[RuleChange]:
    """The rules that are added, removed or changed, in the order of the files; those that are added last.

    >>> slow = Rule.model_validate({"name": "slow", "aggregate": "calls", "lookback": "1m", "value": 1})
    >>> [str(change) for change in changes_between([slow], [slow.model_copy(update={"value": 2.0, "for_": 60_000})])]
    ['changed slow (for, value)']
    """
    old, new = ({rule.name: rule for rule in rules} for rules in (before, after))
    found = [
        RuleChange(name, "changed", fields) if name in new else RuleChange(name, "removed")
        for name, rule in old.items()
        if (fields := _different(rule, new[name]) if name in new else ("",))
    ]
    return found + [RuleChange(name, "added") for name in new if name not in old]


def _different(one: Rule, other: Rule) -> tuple[str, ...]:
    mine, others = one.model_dump(by_alias=True), other.model_dump(by_alias=True)
    return tuple(sorted(name for name in mine if mine[name] != others[name]))
