"""What becomes of each alert, instant by instant: callgauge_rules' life cycle over what the rules say. Pure.

What an alert's state is follows from its last transition, which stands on the topic of alerts, and from what was judged
since. Up to `decided_ms` all transitions have been told: those instants may be judged again, to know again what is on
no topic (when a condition held last), and tell nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from callgauge.schema import Alert
from callgauge_evaluator.judging import Judged
from callgauge_rules.alert_ids import fingerprint_of
from callgauge_rules.alerts import Shown, alert_of, ended, state_of
from callgauge_rules.bound import BoundRule
from callgauge_rules.lifecycle import State, Timing, observe, step
from callgauge_windows.totals import Totals

__all__ = ["LOG", "Lives", "Subject", "labels_in_order", "subject_of", "timing_of"]

#: What an alert's `log` says if the evaluator has told it.
LOG = "history"
_REMOVED = "the rule was removed or changed"
#: Longer than any cooldown.
_KEPT_MS = 7 * 86_400_000 + 3_600_000
_NOTHING = State()


@dataclass(frozen=True)
class Subject:
    """A series and what a rule says of it: to which rank it holds, and what an alert of it would tell."""

    labels: dict[str, str]
    rank: int
    alert: Callable[[State], Alert]


@dataclass(slots=True)
class _Life:
    state: State
    alert: Alert | None = None
    """The last transition."""


class Lives:
    """The alerts of the evaluator.

    Args:
        told: the last transition of each alert on the topic, also those of others.
        decided_ms: the last instant of which everything has been told.
    """

    def __init__(self, told: Iterable[Alert] = (), decided_ms: int = 0) -> None:
        self._decided_ms = decided_ms
        ours = (alert for alert in told if alert.log == LOG)
        self._lives = {alert.fingerprint: _Life(state_of(alert, LOG), alert) for alert in ours}

    def active_rules(self) -> set[str]:
        """The rules with an alert that is pending or firing."""
        return {life.alert.rule for life in self._lives.values() if life.alert and life.state.phase != "inactive"}

    def judge(
        self,
        rule: str,
        timing: Timing,
        subjects: Iterable[Subject],
        at_ms: int,
        missing: Callable[[dict[str, str]], Subject],
    ) -> list[Alert]:
        """The transitions that follow from what a rule says at an instant, in order of their fingerprints.

        Args:
            missing: what is said of an alert of the rule that is on, but whose series is not among the subjects.
        """
        found = {fingerprint_of(rule, subject.labels): subject for subject in subjects}
        for key, life in self._lives.items():
            if key not in found and life.alert and life.alert.rule == rule and life.state.phase != "inactive":
                found[key] = missing(life.alert.labels)
        told = (self._decide(key, timing, found[key], at_ms) for key in sorted(found))
        return [alert for alert in told if alert is not None]

    def end_removed(self, rules: Collection[str], at_ms: int) -> list[Alert]:
        """End the alerts of rules that are no longer judged here."""
        told = []
        for life in self._lives.values():
            alert = life.alert
            if alert is not None and life.state.phase != "inactive" and alert.rule not in rules:
                over = ended(alert, max(at_ms, life.state.at_ms), -1, _REMOVED)
                life.state, life.alert = state_of(over, LOG), over
                told.append(over)
        return told

    def forget(self, at_ms: int) -> None:
        """Forget alerts that ended so long ago that nothing depends on them."""
        old_ms = at_ms - _KEPT_MS
        self._lives = {
            key: life
            for key, life in self._lives.items()
            if life.state.phase != "inactive" or life.state.at_ms > old_ms
        }

    def _decide(self, key: str, timing: Timing, subject: Subject, at_ms: int) -> Alert | None:
        life = self._lives.get(key) or _Life(_NOTHING)
        before = life.state
        if not subject.rank and before.phase == "inactive":
            return None
        if at_ms <= max(self._decided_ms, before.at_ms):
            if key in self._lives:
                life.state = observe(before, subject.rank, at_ms)
            return None
        after = step(before, timing, subject.rank, at_ms)
        self._lives[key] = life
        life.state = after
        if (after.phase, after.seq, after.starts_at_ms) == (before.phase, before.seq, before.starts_at_ms):
            return None
        life.alert = subject.alert(after)
        return life.alert


def timing_of(rule: BoundRule) -> Timing:
    """The durations of a rule."""
    return Timing(rule.rule.for_, rule.rule.keep_firing_for, rule.rule.cooldown)


def subject_of(rule: BoundRule, values: Sequence[str], judged: Judged | None) -> Subject:
    """A series of a rule; `judged`: None if it has had no events."""
    labels = dict(zip(rule.grouping.labels, values, strict=True))

    def alert(state: State) -> Alert:
        if judged is None:
            return alert_of(rule, labels, state, None, Totals(), reason="nothing to judge", log=LOG)
        return _alert(rule, labels, judged, state)

    return Subject(labels, judged.rank if judged else 0, alert)


def _alert(rule: BoundRule, labels: dict[str, str], judged: Judged, state: State) -> Alert:
    held = [at for at, each in enumerate(judged.conditions) if each.rank] if rule.composite else []
    position = held[0] if held else 0
    told = judged.conditions[position]
    shows = Shown(
        condition=rule.conditions[position],
        points=told.points if state.phase == "firing" else (),
        held=tuple(rule.conditions[each].name for each in held),
    )
    if (verdict := told.verdict) is not None:
        shows = replace(shows, reason=verdict.reason, baseline=verdict.baseline, score=verdict.score)
    return alert_of(rule, labels, state, told.value, told.totals, log=LOG, shows=shows)


def labels_in_order(rule: BoundRule, labels: Mapping[str, str]) -> tuple[str, ...]:
    """The values of a rule's labels, in its order."""
    return tuple(labels.get(label, "") for label in rule.grouping.labels)
