"""Routes: which alerts go to which receiver, grouped how, told when; which alerts hide which others.

An alert goes to the first route that matches it, and on to the next ones as long as that route says `continue: true`.
An alert that no route matches goes by the default routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from callgauge.schema import Alert
from callgauge_notify.routing.fields import Duration, Flag, Label, Matchers, Name
from callgauge_notify.routing.mute_times import MuteTime
from callgauge_notify.routing.owners import NOBODY, Owner, Owners
from callgauge_notify.routing.receiver_kinds import AlertmanagerSpec, ReceiverSpec
from callgauge_rules.matchers import labels_of, matches

__all__ = ["FAILED", "OF_OWNER", "Inhibition", "Route", "Routing", "Timing"]

#: The receiver of a route that goes to whom the alert's owner escalates to.
OF_OWNER = "owner"
#: The rule of the alerts that tell of a receiver that could not be reached; they go to all other receivers.
FAILED = "notification_failed"


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Route(BaseModel):
    """One route. Durations are seconds; those that are not given depend on the receiver (`Timing`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: Name
    match: Matchers = ()
    receiver: Name
    otherwise: Name | None = None
    """With `receiver: owner`, who is told when the owner is not known or has nobody to escalate to."""
    group_by: Annotated[tuple[Label, ...], BeforeValidator(_list)] | None = None
    group_wait: Duration | None = None
    group_interval: Duration | None = None
    repeat_interval: Duration | None = None
    mute_times: Annotated[tuple[Name, ...], BeforeValidator(_list)] = ()
    send_resolved: Flag = True
    goes_on: Annotated[Flag, Field(alias="continue")] = False

    def timing(self, receiver: ReceiverSpec) -> Timing:
        """How alerts of this route are grouped, for this receiver."""
        usual = _usual(receiver)
        return Timing(
            usual.group_by if self.group_by is None else self.group_by,
            usual.group_wait_s if self.group_wait is None else self.group_wait,
            usual.group_interval_s if self.group_interval is None else self.group_interval,
            usual.repeat_interval_s if self.repeat_interval is None else self.repeat_interval,
            usual.keeps_alive,
        )


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: from the first alert of a group to its notice, between two notices of a group when something is new,
    and when nothing is (0: never again).

    Attributes:
        keeps_alive: the receiver takes what is not repeated for over, so what is acknowledged is repeated too.
    """

    group_by: tuple[str, ...] = ("rule", "owner")
    group_wait_s: float = 30.0
    group_interval_s: float = 300.0
    repeat_interval_s: float = 14_400.0
    keeps_alive: bool = False


def _usual(receiver: ReceiverSpec) -> Timing:
    if isinstance(receiver, AlertmanagerSpec):
        # Each time everything that fires is sent, so in a storm not more often than this.
        return Timing((), 0.0, 5.0, receiver.resend, keeps_alive=True)
    return Timing((), 0.0, 0.0, 0.0) if receiver.at_once else Timing()


class Inhibition(BaseModel):
    """While an alert that matches `source` fires, those that match `target` are not told, but listed in its message.

    `equal`: both must have the same value of these labels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    source: Matchers
    target: Matchers
    equal: Annotated[tuple[Label, ...], BeforeValidator(_list)] = ()


@dataclass(frozen=True, slots=True)
class Routing:
    """Everything that the routes file and the settings say."""

    receivers: Mapping[str, ReceiverSpec]
    routes: tuple[Route, ...]
    default_routes: tuple[Route, ...] = ()
    mute_times: Mapping[str, MuteTime] = field(default_factory=dict)
    inhibitions: tuple[Inhibition, ...] = ()
    owners: Owners = NOBODY

    def labels(self, alert: Alert) -> dict[str, str]:
        """What conditions are asked of."""
        return labels_of(alert, self.owners.of(alert.labels).team)

    def owner(self, alert: Alert) -> Owner:
        """Whose alert it is."""
        return self.owners.of(alert.labels)

    def routes_of(self, alert: Alert) -> list[tuple[Route, str]]:
        """The routes that an alert takes, each with the name of its receiver."""
        if alert.rule == FAILED:
            return self._routes_around(alert.labels.get("receiver", ""))
        labels = self.labels(alert)
        taken = _taken(self.routes, labels) or _taken(self.default_routes, labels)
        return [(route, self.receiver_of(route, alert)) for route in taken]

    def receiver_of(self, route: Route, alert: Alert) -> str:
        """The name of the receiver that a route takes an alert to."""
        if route.receiver != OF_OWNER:
            return route.receiver
        escalation = self.owner(alert).escalation
        return escalation if escalation and escalation in self.receivers else route.otherwise or ""

    def _routes_around(self, failed: str) -> list[tuple[Route, str]]:
        """One route to each receiver but the one that failed; if possible one that is never muted."""
        found: dict[str, Route] = {}
        for route in sorted((*self.routes, *self.default_routes), key=lambda route: bool(route.mute_times)):
            name = route.otherwise or "" if route.receiver == OF_OWNER else route.receiver
            if name and name != failed:
                found.setdefault(name, route)
        return [(route, name) for name, route in found.items()]


def _taken(routes: tuple[Route, ...], labels: Mapping[str, str]) -> list[Route]:
    taken = []
    for route in routes:
        if matches(route.match, labels):
            taken.append(route)
            if not route.goes_on:
                break
    return taken
