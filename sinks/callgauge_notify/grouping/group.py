"""Alerts that one receiver is told of together, and when it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from callgauge.schema import Alert
from callgauge_notify.grouping.episode import Episode, Told
from callgauge_notify.grouping.inhibitions import Inhibitions
from callgauge_notify.grouping.notice import Item, Notice
from callgauge_notify.routing.mute_times import MuteTime
from callgauge_notify.routing.routes import Route, Timing
from callgauge_rules.shown import Actions, shown

__all__ = ["Group", "GroupKey"]

_SHORT_S = 600.0

#: Route, receiver, and the labels that the group's alerts share.
GroupKey = tuple[str, str, tuple[tuple[str, str], ...]]


class Group:
    """The episodes of a group by their alert_id.

    The first notice is due `group_wait` after the first alert; further ones when something is new, `group_interval`
    after the notice before, or at once when somebody has done something with an alert that was told; and when nothing
    is new but something fires, after `repeat_interval`. One notice at a time is on its way; what comes meanwhile is for
    the next.
    """

    def __init__(self, key: GroupKey, route: Route, timing: Timing) -> None:
        self.key = key
        self.route = route
        self.timing = timing
        self.episodes: dict[str, Episode] = {}
        self.on_its_way: Notice | None = None
        self.told_at: float | None = None
        #: What was settled without a notice, until it is written down.
        self.settled: list[Told] = []
        self._due_at: float | None = None

    @property
    def empty(self) -> bool:
        """Whether it holds nothing any more."""
        return not (self.episodes or self.on_its_way or self.settled)

    def wake(self, now: float, *, at_once: bool = False) -> None:
        """Something is new. `at_once`: it is told without waiting, since somebody waits for it to be seen."""
        if at_once:
            self._due_at = now
        elif self._due_at is None:
            waited = self.timing.group_wait_s
            if self.told_at is not None:
                waited = max(0.0, self.told_at + self.timing.group_interval_s - now)
            self._due_at = now + waited

    def notice(
        self, now: float, mutes: Mapping[str, MuteTime], inhibitions: Inhibitions, actions: Actions
    ) -> Notice | None:
        """What is to be told now, if anything is; it is then on its way."""
        if self.on_its_way is not None:
            return None
        new = self._due_at is not None and now >= self._due_at
        if not new and not self._repeats_at(now):
            return None
        muted = any(mutes[name].holds(now) for name in self.route.mute_times)

        def hidden(alert: Alert) -> bool:
            return muted or inhibitions.hidden(alert) or shown(alert, actions, now).silence is not None

        self._settle(now, hidden)
        visible = [] if muted else [e for e in self.episodes.values() if _visible(e, hidden)]
        items = [episode.item(inhibitions.hides(episode.alert), told_resolved=self._resolved()) for episode in visible]
        items = [item for item in items if item.news or item.alert.state == "firing"]
        if not any(item.news for item in items):
            items = [item for item in items if item.acknowledged is None or self.timing.keeps_alive]
        if not any(episode.waits for episode in self.episodes.values()):
            self._due_at = None
        if not items or not (any(item.news for item in items) or self._repeats_at(now)):
            return None
        return self._send(items, now)

    def heard(self, notice: Notice, now: float, memory: Mapping[str, Mapping[str, str]]) -> None:
        """A notice was delivered, or given up.

        Args:
            memory: what the receiver keeps of each alert, by alert_id.
        """
        self.on_its_way = None
        self.told_at = now
        self._due_at = None
        for item in notice.items:
            episode = self.episodes.get(item.alert.alert_id)
            if episode is not None:
                episode.hear(
                    item.alert,
                    memory.get(item.alert.alert_id, episode.memory),
                    acknowledged=item.acknowledged is not None,
                    resolved=item.resolved is not None,
                )
        self.episodes = {key: episode for key, episode in self.episodes.items() if not episode.over}
        if any(episode.waits for episode in self.episodes.values()):
            self.wake(now)

    def drop(self, partitions: set[int]) -> None:
        """Forget the alerts of partitions that another worker has now."""
        self.episodes = {key: e for key, e in self.episodes.items() if e.partition not in partitions}
        if not any(episode.waits for episode in self.episodes.values()):
            self._due_at = None

    def _repeats_at(self, now: float) -> bool:
        every_s = self.timing.repeat_interval_s
        if not every_s or self.told_at is None or now < self.told_at + every_s:
            return False
        return any(
            e.alert.state == "firing" and e.told == "firing" and (e.acknowledged is None or self.timing.keeps_alive)
            for e in self.episodes.values()
        )

    def _resolved(self) -> bool:
        return self.route.send_resolved

    def _settle(self, now: float, hidden: Callable[[Alert], bool]) -> None:
        """What was over before it could be shown is not told any more; nor that something is over, if nobody asks."""
        for key, episode in list(self.episodes.items()):
            owed, over = episode.owed(), episode.alert.state == "resolved"
            unwanted = owed == ("resolved",) and not self._resolved()
            if unwanted or (over and episode.told != "firing" and hidden(episode.alert)):
                episode.settle()
            if unwanted:
                route, receiver, labels = self.key
                self.settled.append(Told(route, receiver, labels, episode.alert, now, episode.partition))
            if episode.over:
                del self.episodes[key]

    def _send(self, items: list[Item], now: float) -> Notice:
        items.sort(key=lambda item: (not item.news, item.alert.state != "firing", item.alert.starts_at))
        route, receiver, labels = self.key
        repeats = not any(item.news for item in items)
        noted = not repeats or self.timing.repeat_interval_s >= _SHORT_S
        self.on_its_way = Notice(route, receiver, labels, tuple(items), now, repeats, noted=noted)
        self._due_at = None
        return self.on_its_way


def _visible(episode: Episode, hidden: Callable[[Alert], bool]) -> bool:
    """Whether a notice tells of it: the end of what was told is told even if a cause fires now, or it is silenced."""
    told_and_over = episode.told == "firing" and episode.alert.state == "resolved"
    return told_and_over or not hidden(episode.alert)
