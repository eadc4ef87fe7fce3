"""The last transition of each alert, and what people did: what stands on the alerts topic, put together. Pure."""

from __future__ import annotations

from callgauge.near_names import nearest
from callgauge.schema import Alert, AlertAction
from callgauge_rules.shown import Actions, Shown, shown

__all__ = ["AlertBook"]


class AlertBook:
    """Takes records in any order and any number of times.

    Attributes:
        actions: what people did.
        partitions: fingerprint -> the partition that an alert's last transition stands in.
    """

    def __init__(self) -> None:
        self.actions = Actions()
        self.partitions: dict[str, int] = {}
        self._latest: dict[str, Alert] = {}

    def take(self, record: Alert | AlertAction, partition: int) -> None:
        """A record of the alerts topic was read."""
        if isinstance(record, AlertAction):
            self.actions.take(record)
            return
        known = self._latest.get(record.fingerprint)
        if known is None or (known.starts_at, known.seq) <= (record.starts_at, record.seq):
            self._latest[record.fingerprint] = record
            self.partitions[record.fingerprint] = partition

    def shown(self, alert: Alert, now: float) -> Shown:
        """What people see of an alert."""
        return shown(alert, self.actions, now)

    def all(self) -> list[Alert]:
        """The last transition of each alert, by the start of its episode, the newest first."""
        return sorted(self._latest.values(), key=lambda alert: (-alert.starts_at, alert.rule, alert.fingerprint))

    def active(self, now: float) -> list[tuple[Alert, Shown]]:
        """The alerts that people see as not over, and what they see of each."""
        found = [(alert, self.shown(alert, now)) for alert in self.all() if alert.state != "resolved"]
        return [(alert, seen) for alert, seen in found if seen.state != "resolved"]

    def get(self, fingerprint: str) -> Alert | None:
        """The last transition of an alert."""
        return self._latest.get(fingerprint)

    def named(self, name: str) -> list[Alert]:
        """The alerts whose alert_id or fingerprint begins so; one that is the name itself goes before all others."""
        exact = [alert for alert in self._latest.values() if name in (alert.alert_id, alert.fingerprint)]
        if exact or not name:
            return exact
        return [alert for alert in self.all() if alert.alert_id.startswith(name) or alert.fingerprint.startswith(name)]

    def like(self, name: str, now: float) -> str:
        """The alert_id of an active alert that was probably meant; "" if none is near."""
        active = [alert for alert, _ in self.active(now)]
        ids = {alert.alert_id[: max(len(name), 4)]: alert.alert_id for alert in active}
        rules = {alert.rule: alert.alert_id for alert in active}
        return ids.get(nearest(name, ids), "") or rules.get(nearest(name, rules), "")
