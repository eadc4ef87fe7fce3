"""Groups for tests: routes with group_wait 30, group_interval 300, repeat_interval 3600; times are seconds after T0."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from callgauge_notify.grouping.episode import told_by
from callgauge_notify.grouping.groups import Groups
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.routing.receiver_kinds import ConsoleSpec, PagerDutySpec
from callgauge_notify.routing.routes import Route, Routing
from tests.unit.sinks.notify.alerts import T0, alert

__all__ = ["deliver", "groups_of", "news_of", "route", "take"]

RECEIVERS = {
    "pager": PagerDutySpec(name="pager", routing_key=SecretStr("k")),
    "other": PagerDutySpec(name="other", routing_key=SecretStr("k")),
    "console": ConsoleSpec(name="console"),
}


def route(**changes: Any) -> Route:
    values = {"name": "all", "receiver": "pager", "group_by": ["rule"], "repeat_interval": 3600.0}
    return Route.model_validate(values | changes)


def groups_of(*routes: Route, **parts: Any) -> Groups:
    return Groups(Routing(RECEIVERS, routes or (route(),), **parts))


def news_of(notice: Notice) -> list[tuple[str, tuple[str, ...]]]:
    return [(item.alert.labels["service"], item.news) for item in notice.items]


def deliver(groups: Groups, at: float) -> list[list[tuple[str, tuple[str, ...]]]]:
    """What is told at a time; all of it arrives."""
    found = groups.due(T0 + at)
    for notice in found:
        groups.heard(notice, told_by(notice, T0 + at, {}), T0 + at)
    return [news_of(notice) for notice in found]


def take(groups: Groups, at: float, service: str = "chat", state: str = "firing", offset: int = 0, **more: Any) -> None:
    groups.take(alert(state, labels={"service": service}, **more), 0, offset, T0 + at)
