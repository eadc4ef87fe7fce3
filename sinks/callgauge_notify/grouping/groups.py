"""From alerts to notices: each alert joins a group of each of its routes; a group is told as its times say.

Pure: alerts and the clock are given, notices are handed out, and whoever delivers them says what became of them. Each
state of an alert is told once to each route: (alert_id, seq) tells transitions apart, and what was told is remembered
by route and fingerprint, also by the next process (`Told`, `restore`).
"""

from __future__ import annotations

from collections.abc import Iterable

from callgauge.schema import Alert
from callgauge_notify.grouping.episode import Episode, Told
from callgauge_notify.grouping.group import Group, GroupKey
from callgauge_notify.grouping.inhibitions import Inhibitions
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.routing.routes import Route, Routing

__all__ = ["Groups"]

#: Alerts stay on their topic for 30 days.
_FORGOTTEN_AFTER_S = 31 * 86_400.0


class Groups:
    """All groups of a process."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing
        self._groups: dict[GroupKey, Group] = {}
        self._told: dict[tuple[str, str], Told] = {}
        self._inhibitions = Inhibitions(routing.inhibitions, routing.labels)

    def take(self, alert: Alert, partition: int, offset: int, now: float) -> None:
        """A transition was read. Only firing, and the end of what fired, are news for people."""
        if alert.state not in ("firing", "resolved") or (alert.state == "resolved" and alert.fired_at is None):
            return
        self._inhibitions.take(alert, partition)
        offered = set()
        for route, receiver in self._routing.routes_of(alert):
            if receiver:
                self._offer(route, receiver, alert, partition, offset, now)
                offered.add(self._key(route, receiver, alert))
        # A group that it went to when it was less severe must hear how it goes on.
        for group in (group for key, group in self._groups.items() if key not in offered):
            episode = group.episodes.get(alert.alert_id)
            if episode is not None and alert.seq > episode.alert.seq:
                episode.take(alert, offset)
                if episode.waits:
                    group.wake(now)

    def restore(self, told: Iterable[Told], now: float) -> None:
        """Go on where another process has stopped. Alerts that fire take the routes that are new, too."""
        firing: dict[str, Told] = {}
        routes = {route.name: route for route in (*self._routing.routes, *self._routing.default_routes)}
        for known in sorted(told, key=lambda each: each.order):
            self._told[known.route, known.alert.fingerprint] = known
            firing[known.alert.fingerprint] = known
            if known.alert.state == "firing" and known.route in routes and known.receiver in self._routing.receivers:
                group = self._group((known.route, known.receiver, known.group), routes[known.route])
                self._revive(group, known)
        for last in firing.values():
            if last.alert.state == "firing":
                self.take(last.alert, last.partition, -1, now)

    def due(self, now: float) -> list[Notice]:
        """The notices that are to be sent now; each is on its way until `heard` is called."""
        made = [group.notice(now, self._routing.mute_times, self._inhibitions) for group in self._groups.values()]
        self._forget_empty()
        return [notice for notice in made if notice is not None]

    def settled(self) -> list[Told]:
        """The records of what was settled without a notice, since the last call: the end of alerts on routes that do
        not send it."""
        now_settled: list[Told] = []
        for group in self._groups.values():
            now_settled += group.settled
            group.settled = []
        for each in now_settled:
            self._told[each.route, each.alert.fingerprint] = each
        return now_settled

    def heard(self, notice: Notice, told: Iterable[Told], now: float) -> None:
        """A notice was delivered, or given up for good."""
        told = list(told)
        for each in told:
            self._told[each.route, each.alert.fingerprint] = each
        group = self._groups.get((notice.route, notice.receiver, notice.group))
        if group is not None and group.on_its_way is notice:
            group.heard(notice, now, {each.alert.alert_id: each.memory for each in told})
            if group.empty:
                del self._groups[group.key]

    def held_from(self) -> dict[int, int]:
        """For each partition the lowest offset that waits to be told; what is below may be committed."""
        held: dict[int, int] = {}
        for group in self._groups.values():
            for episode in group.episodes.values():
                if (offset := episode.held_from) is not None:
                    held[episode.partition] = min(offset, held.get(episode.partition, offset))
        return held

    def forget(self, now: float) -> list[Told]:
        """Forget what ended so long ago that the alerts topic does not hold it any more; returns it."""
        old = [t for t in self._told.values() if t.alert.state == "resolved" and t.at < now - _FORGOTTEN_AFTER_S]
        for each in old:
            del self._told[each.route, each.alert.fingerprint]
        return old

    def drop(self, partitions: Iterable[int]) -> None:
        """Another worker has these partitions now."""
        gone = set(partitions)
        self._inhibitions.drop(gone)
        for group in self._groups.values():
            group.drop(gone)
        self._told = {key: told for key, told in self._told.items() if told.partition not in gone}

    def firing(self, rule: str) -> list[Alert]:
        """The alerts of a rule that fire, as far as somebody was told or will be."""
        found = {
            episode.alert.fingerprint: episode.alert
            for group in self._groups.values()
            for episode in group.episodes.values()
            if episode.alert.rule == rule and episode.alert.state == "firing"
        }
        return list(found.values())

    def _offer(self, route: Route, receiver: str, alert: Alert, partition: int, offset: int, now: float) -> None:
        told = self._told.get((route.name, alert.fingerprint))
        if told is not None and (alert.starts_at, alert.seq) <= told.order:
            return
        group = self._group(self._key(route, receiver, alert), route)
        episode = group.episodes.get(alert.alert_id)
        if episode is None:
            episode = group.episodes[alert.alert_id] = Episode(alert, partition)
            if told is not None and told.alert.alert_id == alert.alert_id:
                episode.hear(told.alert, told.memory)
                episode.alert = alert
        elif alert.seq <= episode.alert.seq:
            episode.find(alert.seq, offset)
            return
        episode.take(alert, offset)
        if episode.owed() == ("firing", "resolved") and self._inhibitions.hidden(alert):
            episode.settle()  # the cause's message has listed it
        if episode.waits:
            group.wake(now)

    def _forget_empty(self) -> None:
        self._groups = {key: g for key, g in self._groups.items() if not g.empty}

    def _revive(self, group: Group, known: Told) -> None:
        episode = group.episodes[known.alert.alert_id] = Episode(known.alert, known.partition)
        episode.hear(known.alert, known.memory)
        group.told_at = max(known.at, group.told_at or known.at)

    def _group(self, key: GroupKey, route: Route) -> Group:
        if key not in self._groups:
            self._groups[key] = Group(key, route, route.timing(self._routing.receivers[key[1]]))
        return self._groups[key]

    def _key(self, route: Route, receiver: str, alert: Alert) -> GroupKey:
        labels = self._routing.labels(alert)
        by = route.timing(self._routing.receivers[receiver]).group_by
        return route.name, receiver, tuple((label, labels.get(label, "")) for label in by)
