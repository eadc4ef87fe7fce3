"""Which rules are in force when: a pure function of the rule sets on the rules topic, and of the rules before them.

    written           A at 11:00      B at 11:30 (from 11:45)      C at 11:50 (from 11:40, which is over)
    judges windows    first set ... | A, from 11:00:30 ... | B, from 11:45 ... | C, from 11:50:10 ...

A set judges the windows that end at its `effective_from` or later, up to the next set's; of two with the same time the
one that was written later. Whoever judges reads this topic at most `LEAST_AHEAD_MS` behind (of append time), and no
window is judged before it has ended. So a set comes into force no sooner than that after it was written: then every
reader knows it before it judges the first window that it is about, and the same windows are judged by the same rules
whenever, and however often, the log is read.

A set that cannot be used is refused, with the reason, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from callgauge.codec import decode_rules_record
from callgauge.errors import DecodeError, RuleError
from callgauge_rules.baselines import LEAST_AHEAD_MS, Baselines
from callgauge_rules.placing import Placed, place
from callgauge_rules.rule import Rule
from callgauge_rules.rules import rules_in
from callgauge_windows.grouping import GroupingSet

__all__ = ["LEAST_AHEAD_MS", "KnownSet", "Refused", "RuleBook"]


@dataclass(frozen=True)
class KnownSet:
    """A rule set that can be used.

    Attributes:
        version: "" of the first set, the rules of the rule file that detect was started with.
        offset: of its record; -1 of the first set.
        written_ms: when it was appended.
        from_ms: windows that end then or later are judged by it.
        placed: its rules, and where each is judged.
        text: the file; "" of the first set.
    """

    version: str
    offset: int
    written_ms: int
    from_ms: int
    placed: tuple[Placed, ...]
    file: str = ""
    author: str = ""
    why: str = ""
    text: str = ""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Its rules."""
        return tuple(each.rule for each in self.placed)


@dataclass(frozen=True)
class Refused:
    """A record that cannot be used.

    Attributes:
        field: the field that is wrong, "" if it is none.
        reason: one line, or one for each mistake of a rule file.
        version: "" if it is not known.
    """

    offset: int
    written_ms: int
    field: str
    reason: str
    version: str = ""


class RuleBook:
    """Takes the records of the rules topic, in their order; marks are none of its business.

    Args:
        first: the rules that are in force before any set.
        groupings: the grouping sets that are configured.

    Raises:
        RuleError: the first rules do not fit the grouping sets.
    """

    def __init__(self, first: Sequence[Rule], groupings: Sequence[GroupingSet]) -> None:
        self._groupings = groupings
        self._sets = [KnownSet("", -1, 0, 0, tuple(place(first, groupings)))]
        self.version = 0
        """Counts the changes of rules."""
        self.baselines = Baselines()

    def take(self, offset: int, appended_ms: int, value: bytes | None) -> Refused | None:
        """Take a record; returns why it is refused, None if it is not.

        Args:
            value: None is no set: it lets a broker forget an old one.
        """
        if value is None:
            return None
        try:
            record = decode_rules_record(value)
        except DecodeError as error:
            return Refused(offset, appended_ms, error.field, error.reason)
        if record.kind == "baseline":
            self.baselines.take(offset, appended_ms, record)
        if record.kind != "rules":
            return None
        try:
            known = self._known(offset, appended_ms, record)
        except RuleError as error:
            return Refused(offset, appended_ms, "text", str(error), record.version)
        others = [each for each in self._sets if each.version != known.version]
        self._sets = sorted([*others, known], key=lambda each: (each.from_ms, each.offset))
        self.version += 1
        return None

    def all(self) -> list[KnownSet]:
        """The sets in the order in which they come into force, the first one before all."""
        return list(self._sets)

    def at(self, at_ms: int) -> KnownSet:
        """The set that judges windows that end at this time, epoch ms."""
        return next(each for each in reversed(self._sets) if each.from_ms <= max(at_ms, 0))

    def since(self, at_ms: int) -> list[KnownSet]:
        """The set in force at a time, and those that come into force later, without those that another one replaces at
        once."""
        later = [self.at(at_ms), *(each for each in self._sets if each.from_ms > max(at_ms, 0))]
        return [each for each, after in pairwise(later) if each.from_ms < after.from_ms] + later[-1:]

    def _known(self, offset: int, appended_ms: int, record: Any) -> KnownSet:
        rules = rules_in(record.file or "rules", record.text.encode())
        return KnownSet(
            version=record.version,
            offset=offset,
            written_ms=appended_ms,
            from_ms=max(round(record.effective_from * 1000), appended_ms + LEAST_AHEAD_MS),
            placed=tuple(place(rules, self._groupings)),
            file=record.file,
            author=record.author,
            why=record.why,
            text=record.text,
        )
