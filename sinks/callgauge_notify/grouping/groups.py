"""From alerts to notices: each alert joins a group of each of its routes; a group is told as its times say.

Pure: alerts and the clock are given, notices are handed out, and whoever delivers them says what became of them. Each
state of an alert is told once to each route: (alert_id, seq) tells transitions apart, and what was told is remembered
by route and fingerprint, also by the next process (`Told`, `restore`).
"""

from __future__ import annotations

from collections.abc import Iterable

from callgauge.schema import Alert, AlertAction
from callgauge_notify.grouping.episode import Episode, Told
from callgauge_notify.grouping.group import Group, GroupKey
from callgauge_notify.grouping.inhibitions import Inhibitions
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.routing.routes import Route, Routing
from callgauge_rules.shown import Actions, shown

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
        self._actions = Actions()

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

    def act(self, action: AlertAction, offset: int, now: float) -> bool:
        """What somebody did was read. Returns whether that was new."""
        new = self._actions.take(action)
        for group in self._groups.values():
            episode = group.episodes.get(action.alert_id)
            if episode is not None:
                self._apply_actions(group, episode, offset, now)
        return new

    def restore(self, told: Iterable[Told], now: float, actions: Iterable[AlertAction] = ()) -> None:
        """Go on where another process has stopped. Alerts that fire take the routes that are new, too."""
        for action in actions:
            self._actions.take(action)
        firing: dict[str, Told] = {}
        routes = {route.name: route for route in (*self._routing.routes, *self._routing.default_routes)}
        for known in sorted(told, key=lambda each: each.order):
            self._told[known.route, known.alert.fingerprint] = known
            firing[known.alert.fingerprint] = known
            if known.alert.state == "firing" and known.route in routes and known.receiver in self._routing.receivers:
                group = self._group((known.route, known.receiver, known.group), routes[known.route])
                self._revive(group, known, now)
        for last in firing.values():
            if last.alert.state == "firing":
                self.take(last.alert, last.partition, -1, now)

    def due(self, now: float) -> list[Notice]:
        """The notices that are to be sent now; each is on its way until `heard` is called."""
        mutes = self._routing.mute_times
        made = [group.notice(now, mutes, self._inhibitions, self._actions) for group in self._groups.values()]
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
        if group is not None and group.on_its_way is not None and notice.tells_the_same_as(group.on_its_way):
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

    def forget_actions(self, now: float) -> list[AlertAction]:
        """Forget what was done so long ago that it concerns nothing any more; returns it."""
        return self._actions.forget(now - _FORGOTTEN_AFTER_S)

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
        by_hand = shown(alert, self._actions, now).resolved is not None
        if by_hand and told is not None and told.alert.alert_id == alert.alert_id and told.alert.state == "resolved":
            return
        group = self._group(self._key(route, receiver, alert), route)
        episode = group.episodes.get(alert.alert_id)
        if episode is None:
            episode = group.episodes[alert.alert_id] = self._episode(group, alert, partition)
            if told is not None and told.alert.alert_id == alert.alert_id:
                episode.hear(told.alert, told.memory, acknowledged=told.acknowledged)
                episode.alert = alert
        elif alert.seq <= episode.alert.seq or episode.resolved is not None:
            episode.find(alert.seq, offset)
            return
        episode.take(alert, offset)
        self._apply_actions(group, episode, offset, now)
        if episode.owed() == ("firing", "resolved") and self._hidden(alert, now):
            episode.settle()  # the cause's message has listed it, or it is silenced
        if episode.waits:
            group.wake(now)

    def _apply_actions(self, group: Group, episode: Episode, offset: int, now: float) -> None:
        """What somebody did with an episode, if anybody did, counts for what its receiver is told."""
        seen = shown(episode.alert, self._actions, now)
        if seen.acknowledged is not None:
            episode.acknowledge(seen.acknowledged, offset)
        if seen.resolved is not None:
            episode.resolve(seen.resolved, offset)
        if episode.waits:
            group.wake(now, at_once=episode.told == "firing")

    def _hidden(self, alert: Alert, now: float) -> bool:
        return self._inhibitions.hidden(alert) or shown(alert, self._actions, now).silence is not None

    def _episode(self, group: Group, alert: Alert, partition: int) -> Episode:
        receiver = self._routing.receivers[group.key[1]]
        return Episode(alert, partition, tells_acknowledged=receiver.tells_acknowledged)

    def _forget_empty(self) -> None:
        self._groups = {key: g for key, g in self._groups.items() if not g.empty}

    def _revive(self, group: Group, known: Told, now: float) -> None:
        episode = group.episodes[known.alert.alert_id] = self._episode(group, known.alert, known.partition)
        episode.hear(known.alert, known.memory, acknowledged=known.acknowledged)
        group.told_at = max(known.at, group.told_at or known.at)
        self._apply_actions(group, episode, -1, now)

    def _group(self, key: GroupKey, route: Route) -> Group:
        if key not in self._groups:
            self._groups[key] = Group(key, route, route.timing(self._routing.receivers[key[1]]))
        return self._groups[key]

    def _key(self, route: Route, receiver: str, alert: Alert) -> GroupKey:
        labels = self._routing.labels(alert)
        by = route.timing(self._routing.receivers[receiver]).group_by
        return route.name, receiver, tuple((label, labels.get(label, "")) for label in by)
