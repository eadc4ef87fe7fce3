"""Reads the routes file and the owners file, adds what the settings configure, and checks that everything fits.

receivers:
  - name: chat
    type: slack                     # console file webhook alertmanager pagerduty slack email apprise
    url_file: /run/secrets/slack    # or url: https://...
routes:
  - name: critical
    match: [severity=critical]
    receiver: pager
    group_by: [service]
    group_wait: 30s
    group_interval: 5m
    repeat_interval: 4h
    mute_times: [weekend]
    send_resolved: true
    continue: true
mute_times:
  - name: weekend
    zone: Europe/Berlin
    days: [sat-sun]
    times: [00:00-24:00]
inhibit:
  - source: [rule=provider_down]
    target: [severity=~warning|error]
    equal: [provider]
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from callgauge.errors import RuleError, SettingError
from callgauge.near_names import nearest, unknown
from callgauge.settings import Settings
from callgauge_notify.routing.config_file import ConfigFile
from callgauge_notify.routing.defaults import BY_ROLE, default_receivers, default_routes
from callgauge_notify.routing.fields import Name, Text
from callgauge_notify.routing.mute_times import MuteTime, days_of, minutes_of, zone_of
from callgauge_notify.routing.owners import NOBODY, Owner, Owners
from callgauge_notify.routing.receiver_kinds import KINDS, ReceiverSpec
from callgauge_notify.routing.routes import OF_OWNER, Inhibition, Route, Routing
from callgauge_notify.templates import problem_of_template
from callgauge_rules.yaml_file import raw_of

__all__ = ["load_routing"]

_PARTS = ("receivers", "routes", "mute_times", "inhibit")
_PARTS_MEANT = {"route": "routes", "receiver": "receivers", "inhibit_rules": "inhibit", "inhibition": "inhibit"} | {
    "mute_time_intervals": "mute_times",
    "time_intervals": "mute_times",
}


def _each(read: Any) -> BeforeValidator:
    def check(value: Any) -> Any:
        return tuple(read(entry) for entry in ([value] if isinstance(value, str) else value))

    return BeforeValidator(check)


class _MuteTimeEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    name: Name
    zone: Text = "UTC"
    days: Annotated[tuple[tuple[int, ...], ...], _each(days_of)] = (tuple(range(7)),)
    times: Annotated[tuple[tuple[int, int], ...], _each(minutes_of)] = ((0, 1440),)


def load_routing(settings: Settings) -> Routing:
    """All routes and receivers.

    Raises:
        SettingError: one line for each mistake: file, line, part, what to do.
    """
    try:
        owners = _owners_in(settings.owners_file) if settings.owners_file else NOBODY
        by_setting = default_receivers(settings)
        usual = default_routes(settings, by_setting)
        if settings.routes_file is None:
            _check_owners(owners, by_setting)
            return Routing(by_setting, usual, (), inhibitions=(BY_ROLE,), owners=owners)
        return _routing_in(settings.routes_file, by_setting, usual, owners)
    except RuleError as error:
        raise SettingError(str(error)) from None


def _owners_in(path: Path) -> Owners:
    raw = raw_of(path, "CALLGAUGE_OWNERS_FILE names a YAML file of owners")
    file = ConfigFile(path, raw, ("services",), {"owners": "services", "service": "services"})
    owners = file.checked("services", Owner)
    file.refuse_mistakes()
    return Owners(tuple(owners.values()))


def _routing_in(path: Path, by_setting: dict[str, ReceiverSpec], usual: tuple[Route, ...], owners: Owners) -> Routing:
    raw = raw_of(path, "CALLGAUGE_ROUTES_FILE names a YAML file of routes")
    file = ConfigFile(path, raw, _PARTS, _PARTS_MEANT)
    receivers = _receivers_in(file)
    routes = file.checked("routes", Route)
    mute_times = _mute_times_in(file)
    inhibitions = file.checked("inhibit", Inhibition)
    all_receivers = by_setting | {receiver.name: receiver for receiver in receivers.values()}
    _refuse_shared_names(file, "receivers", {at: receiver.name for at, receiver in receivers.items()})
    _refuse_shared_names(file, "routes", {at: route.name for at, route in routes.items()})
    for at, route in routes.items():
        _check_route(file, at, route, all_receivers, mute_times)
    file.refuse_mistakes()
    _check_owners(owners, all_receivers)
    inhibits = tuple(inhibitions.values()) if file.has("inhibit") else (BY_ROLE,)
    return Routing(all_receivers, tuple(routes.values()), usual, mute_times, inhibits, owners)


def _receivers_in(file: ConfigFile) -> dict[int, ReceiverSpec]:
    found: dict[int, ReceiverSpec] = {}
    for at, entry in enumerate(file.entries("receivers")):
        place = ("receivers", at)
        kind = entry.get("type") if isinstance(entry, dict) else None
        if isinstance(entry, dict) and kind not in KINDS:
            what = "type is missing; there are " + ", ".join(KINDS) if kind is None else ""
            file.note((*place, "type"), what or unknown(kind, "type of receiver", KINDS, plain=True), of=place)
            continue
        receiver = file.model_of(place, entry, KINDS.get(str(kind), ReceiverSpec))
        if receiver is not None:
            found[at] = receiver
            _check_receiver(file, at, receiver)
    return found


def _check_receiver(file: ConfigFile, at: int, receiver: ReceiverSpec) -> None:
    one_of = receiver.one_of
    if one_of and not any(getattr(receiver, field).get_secret_value() for field in one_of):
        file.note(("receivers", at), f"write {' or '.join(one_of)} (or {one_of[0]}_file)")
    if getattr(receiver, "token", None) and receiver.type == "slack" and not getattr(receiver, "channel", ""):
        file.note(
            ("receivers", at, "channel"),
            "channel is missing; the Web API needs one: '#name', an id, or owner",
            of=("receivers", at),
        )
    if receiver.name == OF_OWNER:
        file.note(("receivers", at, "name"), "`owner` stands for whom an alert's owner escalates to; take another name")
    for field in ("title", "text"):
        if problem := problem_of_template(getattr(receiver, field)):
            file.note(("receivers", at, field), problem)


def _mute_times_in(file: ConfigFile) -> dict[str, MuteTime]:
    found: dict[str, MuteTime] = {}
    for at, entry in file.checked("mute_times", _MuteTimeEntry).items():
        try:
            zone = zone_of(entry.zone)
        except ValueError as error:
            file.note(("mute_times", at, "zone"), str(error))
            continue
        days = tuple(sorted({day for days in entry.days for day in days}))
        found[entry.name] = MuteTime(entry.name, zone, days, entry.times)
    return found


def _check_route(
    file: ConfigFile,
    at: int,
    route: Route,
    receivers: dict[str, ReceiverSpec],
    mute_times: dict[str, MuteTime],
) -> None:
    place = ("routes", at)
    for field, name in (("receiver", route.receiver), ("otherwise", route.otherwise)):
        if name is not None and name not in receivers and (field, name) != ("receiver", OF_OWNER):
            file.note((*place, field), unknown(name, "receiver", receivers, plain=True))
    if route.receiver == OF_OWNER and route.otherwise is None:
        file.note((*place, "otherwise"), "otherwise is missing; name who is told when an alert has no owner", of=place)
    for name in route.mute_times:
        if name not in mute_times:
            near = nearest(name, mute_times)
            what = f"did you mean {near}?" if near else "write it below mute_times:"
            file.note((*place, "mute_times"), f"{name} is no mute time; {what}")
    receiver = receivers.get(route.receiver)
    times = ("group_by", "group_wait", "group_interval", "repeat_interval")
    grouped = [field for field in times if getattr(route, field) is not None]
    if receiver is not None and receiver.type == "alertmanager" and grouped:
        file.note((*place, grouped[0]), "Alertmanager groups and repeats by itself; remove the line")


def _refuse_shared_names(file: ConfigFile, part: str, names: dict[int, str]) -> None:
    first: dict[str, int] = {}
    for at, name in names.items():
        if first.setdefault(name, at) != at:
            line = file.line((part, first[name], "name"))
            file.note((part, at, "name"), f"used more than once, first in line {line}; give each its own")


def _check_owners(owners: Owners, receivers: dict[str, ReceiverSpec]) -> None:
    for owner in owners.all:
        if owner.escalation is not None and owner.escalation not in receivers:
            raise SettingError(
                f"CALLGAUGE_OWNERS_FILE: {owner.service}: escalation: "
                f"{unknown(owner.escalation, 'receiver', receivers, plain=True)}"
            )
