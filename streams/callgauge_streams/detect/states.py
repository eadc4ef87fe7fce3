"""What is known of each alert: its state, its last transition, and whether a series is there that a rule judges it by.

An alert without such a series would stay as it is for ever, because nothing judges it any more: its rule was removed,
or its series is no longer heard of. Those are listed by the time when something must happen to them, so that all
others cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from callgauge.schema import Alert
from callgauge_rules.alerts import state_of
from callgauge_rules.lifecycle import COUNTED_MS, QUIET_MS, State
from callgauge_streams.detect.due import Due

__all__ = ["States"]

_NOTHING = State()


@dataclass(slots=True)
class _Known:
    number: int
    """Counts the alerts, in the order in which they became known."""
    state: State
    alert: Alert | None = None
    """The last transition; None if there was none yet."""


class States:
    """The state of each alert, by fingerprint. An alert in which nothing ever happened is not kept.

    Args:
        current: the last transition of each alert, from the time before.
        log: the partition that is read; offsets of transitions that another log caused decide nothing here.
        rules: names of the rules in force.
        cooldown_ms: the longest cooldown of these rules.
    """

    def __init__(self, current: Iterable[Alert], *, log: str, rules: Iterable[str], cooldown_ms: int) -> None:
        self._log = log
        self._rules = set(rules)
        self._cooldown_ms = cooldown_ms
        self._count = 0
        self._known: dict[str, _Known] = {}
        self._judged: set[str] = set()
        self._left: Due[str] = Due()
        """Alerts that nothing judges, by the time when they are ended or forgotten."""
        for alert in current:
            self.tell(alert, state_of(alert, log))
            self._leave(alert.fingerprint)

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, key: object) -> bool:
        return key in self._known

    def of(self, key: str) -> State:
        """The state of an alert."""
        known = self._known.get(key)
        return known.state if known else _NOTHING

    def restore(self, key: str, state: State) -> None:
        """Take what was noted of an alert since its last transition, before the log was read again."""
        known = self._known.get(key)
        if known and (known.state.phase, known.state.seq, known.state.starts_at_ms, known.state.at_ms) == (
            state.phase,
            state.seq,
            state.starts_at_ms,
            state.at_ms,
        ):
            known.state = replace(state, offset=known.state.offset)

    def keep(self, key: str, state: State) -> None:
        """Note a state in which no transition was told."""
        if known := self._known.get(key):
            known.state = state
        elif state != _NOTHING:
            self._count += 1
            self._known[key] = _Known(self._count, state)

    def tell(self, alert: Alert, state: State) -> None:
        """Note a transition and the state it leads to."""
        self.keep(alert.fingerprint, state)
        if known := self._known.get(alert.fingerprint):
            known.alert = alert

    def judged(self, keys: Iterable[str]) -> None:
        """A series has come by which these alerts are judged."""
        for key in keys:
            self._judged.add(key)
            self._left.drop(key)

    def unjudged(self, keys: Iterable[str]) -> None:
        """The series by which these alerts were judged is forgotten."""
        for key in keys:
            self._judged.discard(key)
            self._leave(key)

    def take_left(self, watermark_ms: int) -> Iterator[Alert]:
        """Forget the ended alerts that nothing judges, once their cooldown is over and they cannot flap, and give those
        that must be ended now, in the order in which they became known: `tell` must be called for each."""
        known = [(self._known[key].number, key) for key in self._left.take(watermark_ms)]
        for _, key in sorted(known):
            alert = self._known[key].alert
            if self._known[key].state.phase == "inactive" or alert is None:
                del self._known[key]
            else:
                yield alert
                self._leave(key)

    def has_rule(self, alert: Alert) -> bool:
        """Whether the rule of an alert is still in force."""
        return alert.rule in self._rules

    def add_rule(self, name: str) -> None:
        """A rule is in force, perhaps again."""
        self._rules.add(name)

    def remove_rule(self, name: str) -> None:
        """A rule is in force no more: its alerts that nothing judges are ended."""
        self._rules.discard(name)
        for key, known in self._known.items():
            if known.alert is not None and known.alert.rule == name:
                self._leave(key)

    def alert(self, key: str) -> Alert | None:
        """The last transition of an alert."""
        known = self._known.get(key)
        return known.alert if known else None

    def items(self) -> Iterator[tuple[Any, Alert | None]]:
        """All that is known of each alert, for a snapshot (`put_back` takes it), and its last transition."""
        for key, known in self._known.items():
            yield (key, known.number, known.state, self._left.at(key)), known.alert

    def put_back(self, items: Iterable[Any], alerts: Mapping[str, Alert], rules: Iterable[str]) -> None:
        """See `items`.

        Args:
            rules: names of those in force, or not yet.
        """
        self._rules = set(rules)
        self._known, self._left = {}, Due()
        for key, number, state, left_ms in items:
            self._known[key] = _Known(number, msgspec.convert(state, State), alerts.get(key))
            self._count = max(self._count, number)
            if left_ms is not None:
                self._left.put(key, left_ms)

    @property
    def rules(self) -> list[str]:
        """Names of the rules in force, or not yet."""
        return sorted(self._rules)

    def _leave(self, key: str) -> None:
        known = self._known.get(key)
        if known is not None and key not in self._judged:
            self._left.put(key, self._left_until_ms(known))

    def _left_until_ms(self, known: _Known) -> int:
        state, alert = known.state, known.alert
        if state.phase == "inactive" or alert is None:
            # An alert that fires again within the hour may flap.
            kept_ms = max(self._cooldown_ms, COUNTED_MS if state.changes_ms else 0)
            return max(state.last_fired_at_ms or 0, state.at_ms) + kept_ms
        if state.flapping and self.has_rule(alert):
            return state.last_true_ms + QUIET_MS
        # A series that was heard of lately may come again within the lookback.
        return state.at_ms + round(alert.lookback_s * 1000) if self.has_rule(alert) else 0
