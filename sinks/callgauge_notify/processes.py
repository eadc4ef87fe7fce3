"""Whether the processes of a service live, told beside an alert that its calls are missing.

Traffic stops because nobody asks, or because whoever would tell of it is dead: the heartbeats of its processes tell the
two apart. It is looked up when somebody is told, and says as of when; whether there is an alert follows from calls
alone. `callgauge_notify.process_facts` writes it down beside the alert.

A process is silent when nothing came of it for three of its intervals, as in the view `services` of the store.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from callgauge.schema import Alert, Heartbeat
from callgauge_notify.grouping.notice import Item, Notice
from callgauge_notify.templates import utc

__all__ = ["Found", "Processes", "misses_calls"]

#: Aggregates of which less says that calls are missing.
_CALLS = frozenset({"calls", "calls_per_s"})
_SILENT_INTERVALS = 3
#: A process that was silent for so long is gone; nobody looks for it any more.
_GONE_S = 3_600.0
#: What was read so long ago, up to the end of the topic, says nothing about now.
_FRESH_S = 30.0


@dataclass(slots=True)
class _Process:
    environment: str
    heard_at: float
    interval_s: float
    closed: bool


class Found(NamedTuple):
    """What heartbeats say of the processes of a service: `AlertAction.processes`, and that in words."""

    state: Literal["live", "silent", "ended"]
    line: str


def misses_calls(alert: Alert) -> bool:
    """Whether an alert fires because there are too few calls of one service."""
    if alert.state != "firing" or not alert.service or alert.aggregate not in _CALLS:
        return False
    if alert.op:
        return alert.op in ("lt", "le")
    return alert.baseline is not None and (alert.value or 0.0) < alert.baseline


class Processes:
    """What the heartbeats say; may be used by several threads. Times are epoch seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, dict[str, _Process]] = {}
        """Service -> instance -> what was heard of it last."""
        self._fresh_at = 0.0

    def take(self, beat: Heartbeat, appended_at: float) -> None:
        """A heartbeat, in the order of the topic."""
        with self._lock:
            known = self._of.setdefault(beat.service, {}).get(beat.instance)
            closed = beat.closed or (known is not None and known.closed)
            process = _Process(beat.environment, appended_at, beat.interval_s, closed)
            self._of[beat.service][beat.instance] = process

    def read_all(self, now: float) -> None:
        """Everything that is there now was taken. Forgets who has been silent for long."""
        with self._lock:
            self._fresh_at = now
            for service, of in list(self._of.items()):
                kept = {name: each for name, each in of.items() if each.heard_at >= now - _GONE_S}
                if kept:
                    self._of[service] = kept
                else:
                    del self._of[service]

    def told_in(self, notice: Notice, now: float) -> Notice:
        """The notice, with a line at each alert about missing calls whose service has sent heartbeats."""
        if not any(misses_calls(item.alert) for item in notice.items):
            return notice
        return replace(notice, items=tuple(self._told_in(item, now) for item in notice.items))

    def _told_in(self, item: Item, now: float) -> Item:
        if not misses_calls(item.alert):
            return item
        found = self.found_of(item.alert, now)
        return replace(item, processes=found.line if found else "")

    def found_of(self, alert: Alert, now: float) -> Found | None:
        """Whether the processes of an alert's service live; None where that is not known."""
        return self.found(alert.service, alert.labels.get("environment", ""), now)

    def found(self, service: str, environment: str, now: float) -> Found | None:
        """Whether the processes of a service live; None where that is not known.

        Args:
            environment: "": of any.
        """
        with self._lock:
            if now - self._fresh_at > _FRESH_S:
                return None
            known = self._of.get(service, {}).values()
            return _found([each for each in known if environment in ("", each.environment)], now)


def _found(processes: Iterable[_Process], now: float) -> Found | None:
    closed = [each for each in processes if each.closed]
    running = [each for each in processes if not each.closed]
    silent = [each for each in running if now - each.heard_at > _SILENT_INTERVALS * each.interval_s]
    alive = len(running) - len(silent)
    since = utc(max((each.heard_at for each in silent), default=0.0))
    if alive:
        more = f", {_many(len(silent))} silent since {since}" if silent else ""
        told = f"{_many(alive)} still {'sends' if alive == 1 else 'send'} heartbeats as of {utc(now)}{more}"
        return Found("live", f"of its service {told}: the calls were not made")
    if silent:
        gone = f"{_many(len(silent))} {'has' if len(silent) == 1 else 'have'} gone silent since {since}"
        return Found("silent", f"of its service {gone}: dead, or cut off from the bus")
    if closed:
        last = utc(max(each.heard_at for each in closed))
        return Found("ended", f"of its service {_many(len(closed))} ended in order, the last one at {last}; none runs")
    return None


def _many(count: int) -> str:
    return "1 process" if count == 1 else f"{count:,} processes"
