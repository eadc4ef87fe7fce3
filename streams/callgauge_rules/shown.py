"""What people see of an alert: a pure function of detect's transitions and of what people did.

    detect           pending  firing ........................... resolved     firing (a new episode)
    people                            acknowledge    resolve
    shown            pending  firing  acknowledged   resolved ................ firing

- Acknowledged stays so until the episode ends.
- Resolved by hand hides the episode until it ends. A new episode is a new alert.
- Silenced is what matches a silence in force, as long as nobody has acknowledged it.
- Whether the processes of a service whose calls are missing live is shown beside the state, and does not change it.

What people did is gathered in `Actions`. The result does not depend on the order in which actions and transitions came,
nor on how often each came: of several equal actions on an episode the first counts, of several versions of a silence,
and of what was found out about processes, the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from callgauge.schema import Alert, AlertAction
from callgauge.texts import repaired
from callgauge_rules.silences import Silence, in_order, silence_in

__all__ = ["Actions", "Shown", "ShownState", "by_hand", "shown"]

K = TypeVar("K")
ShownState = Literal["pending", "firing", "acknowledged", "silenced", "resolved"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What people see of an alert, and what was done with this episode.

    Attributes:
        silence: the silence in force that it matches, whatever else was done.
        processes: what heartbeats said last of the processes whose calls are missing (`AlertAction.processes`).
    """

    state: ShownState
    acknowledged: AlertAction | None = None
    resolved: AlertAction | None = None
    silence: Silence | None = None
    processes: AlertAction | None = None

    @property
    def by(self) -> AlertAction | None:
        """The action that is the reason for the state, if one is."""
        silence = self.silence.made if self.silence is not None else None
        return {"resolved": self.resolved, "acknowledged": self.acknowledged, "silenced": silence}.get(self.state)


class Actions:
    """What people did, and what was found out about processes."""

    def __init__(self, actions: Iterable[AlertAction] = ()) -> None:
        self._on_alerts: dict[tuple[str, str], AlertAction] = {}
        self._processes: dict[str, AlertAction] = {}
        self._made: dict[str, Silence] = {}
        self._ended: dict[str, AlertAction] = {}
        self._silences: list[Silence] | None = None
        for action in actions:
            self.take(action)

    def take(self, action: AlertAction) -> bool:
        """Take note of an action. Returns whether that changes anything."""
        if action.action in ("acknowledge", "resolve"):
            return _keep_first(self._on_alerts, (action.action, action.alert_id), action)
        if action.action == "processes":
            return _keep_last(self._processes, action.alert_id, action)
        self._silences = None
        if action.action == "unsilence":
            return _keep_first(self._ended, action.silence_id, action)
        before = self._made.get(action.silence_id)
        if before is not None and _order(before.made) >= _order(action):
            return False
        self._made[action.silence_id] = silence_in(action)
        return True

    def acknowledged(self, alert_id: str) -> AlertAction | None:
        """Who has acknowledged an episode."""
        return self._on_alerts.get(("acknowledge", alert_id))

    def resolved(self, alert_id: str) -> AlertAction | None:
        """Who has resolved an episode by hand."""
        return self._on_alerts.get(("resolve", alert_id))

    def processes(self, alert_id: str) -> AlertAction | None:
        """What was found out last about the processes whose calls an episode misses."""
        return self._processes.get(alert_id)

    def silences(self) -> list[Silence]:
        """All silences, those that end last first."""
        if self._silences is None:
            ends = ((silence, self._ended.get(key)) for key, silence in self._made.items())
            self._silences = in_order(silence if end is None else silence.ended_by(end) for silence, end in ends)
        return self._silences

    def silence_of(self, alert: Alert, now: float) -> Silence | None:
        """The silence that hides an alert at this time, epoch seconds; of several the one that ends last."""
        return next((silence for silence in self.silences() if silence.silences(alert, now)), None)

    def all(self) -> list[AlertAction]:
        """The actions that count."""
        on_alerts = (*self._on_alerts.values(), *self._processes.values())
        return [*on_alerts, *(each.made for each in self._made.values()), *self._ended.values()]

    def forget(self, before: float) -> list[AlertAction]:
        """Forget what concerns nobody any more: what was done, and the silences that ended, before this time."""
        gone = [each for each in (*self._on_alerts.values(), *self._processes.values()) if each.at < before]
        self._on_alerts = {key: each for key, each in self._on_alerts.items() if each.at >= before}
        self._processes = {key: each for key, each in self._processes.items() if each.at >= before}
        for silence in self.silences():
            if silence.ends_at < before:
                gone.append(self._made.pop(silence.id).made)
        self._silences = None
        orphans = [key for key, end in self._ended.items() if key not in self._made and end.at < before]
        return gone + [self._ended.pop(key) for key in orphans]


def _order(action: AlertAction) -> tuple[float, str]:
    return action.at, action.action_id


def _keep_first(kept: dict[K, AlertAction], key: K, action: AlertAction) -> bool:
    before = kept.get(key)
    if before is not None and _order(before) <= _order(action):
        return False
    kept[key] = action
    return True


def _keep_last(kept: dict[K, AlertAction], key: K, action: AlertAction) -> bool:
    before = kept.get(key)
    if before is not None and _order(before) >= _order(action):
        return False
    kept[key] = action
    return True


def shown(alert: Alert, actions: Actions, now: float) -> Shown:
    """What people see of an alert whose last transition is given.

    Args:
        now: epoch seconds.
    """
    resolved, acknowledged = actions.resolved(alert.alert_id), actions.acknowledged(alert.alert_id)
    silence = actions.silence_of(alert, now)
    if alert.state == "resolved" or resolved is not None:
        state: ShownState = "resolved"
    elif acknowledged is not None:
        state = "acknowledged"
    elif silence is not None:
        state = "silenced"
    else:
        state = "pending" if alert.state == "pending" else "firing"
    return Shown(state, acknowledged, resolved, silence, actions.processes(alert.alert_id))


def by_hand(alert: Alert, action: AlertAction) -> Alert:
    """The alert as those see it who are told that somebody has resolved it."""
    why = f": {action.why}" if action.why else ""
    changes = {"state": "resolved", "at": max(alert.at, action.at), "ends_at": action.at}
    return alert.model_copy(update=changes | {"reason": repaired(f"resolved by {action.who}{why}")})
