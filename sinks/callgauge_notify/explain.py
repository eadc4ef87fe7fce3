"""Says which routes an alert takes, and why not the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from callgauge.durations import written
from callgauge.printable import printable
from callgauge.schema import Alert
from callgauge_notify.routing.routes import Route, Routing

__all__ = ["explained"]


def explained(routing: Routing, alert: Alert, now: float) -> list[str]:
    """Lines for people: a line for each route, in the order in which they are asked."""
    labels = routing.labels(alert)
    told = " ".join(f"{name}={value}" for name, value in labels.items() if value and name != "alertname")
    lines = [f"alert: {printable(told)}"]
    taken = routing.routes_of(alert)
    names = {route.name for route, _ in taken}
    if any(route in routing.default_routes for route, _ in taken) and routing.routes:
        lines += [_why_not(route, labels) for route in routing.routes]
        lines.append("no route of the file matches; the default routes:")
        lines += _lines_of(routing, routing.default_routes, labels, names, alert, now)
    else:
        lines += _lines_of(routing, routing.routes, labels, names, alert, now)
    if not taken:
        lines.append("nobody is told")
    return [*lines, *_inhibited_by(routing, labels)]


def _lines_of(
    routing: Routing, routes: tuple[Route, ...], labels: Mapping[str, str], taken: set[str], alert: Alert, now: float
) -> Iterator[str]:
    ended = False
    for route in routes:
        if ended:
            yield f"  {route.name}: not asked"
        elif route.name not in taken:
            yield _why_not(route, labels)
        else:
            yield f"  {route.name}: {_way(routing, route, alert, now)}"
            ended = not route.goes_on


def _why_not(route: Route, labels: Mapping[str, str]) -> str:
    wrong = next((matcher for matcher in route.match if not matcher.holds(labels)), None)
    if wrong is None:
        return f"  {route.name}: not asked"
    value = labels.get(wrong.label, "")
    found = f"{wrong.label} is {value}" if value else f"it has no {wrong.label}"
    return f"  {route.name}: no, {wrong}, but {printable(found)}"


def _way(routing: Routing, route: Route, alert: Alert, now: float) -> str:
    name = routing.receiver_of(route, alert)
    receiver = routing.receivers[name]
    timing = route.timing(receiver)
    grouped = f"grouped by {', '.join(timing.group_by)}" if timing.group_by else "one group"
    wait, interval, repeat = (
        written(round(seconds * 1000))
        for seconds in (timing.group_wait_s, timing.group_interval_s, timing.repeat_interval_s)
    )
    again = f", again after {repeat}" if timing.repeat_interval_s else ""
    at_once = not timing.group_wait_s and not timing.group_interval_s
    when = "each at once" if at_once else f"{grouped}, after {wait}, then every {interval}"
    muted = [each for each in route.mute_times if routing.mute_times[each].holds(now)]
    told = f"yes, to {name} ({receiver.type}), {when}{again}"
    if not route.send_resolved:
        told += "; its end is not told"
    return told + (f"; MUTED NOW by {', '.join(muted)}" if muted else "") + ("; goes on" if route.goes_on else "")


def _inhibited_by(routing: Routing, labels: Mapping[str, str]) -> Iterator[str]:
    for inhibition in routing.inhibitions:
        matched = all(matcher.holds(labels) for matcher in inhibition.target)
        if matched and not all(matcher.holds(labels) for matcher in inhibition.source):
            source = ", ".join(map(str, inhibition.source))
            equal = f" with the same {', '.join(inhibition.equal)}" if inhibition.equal else ""
            yield f"  hidden while an alert with {source}{equal} fires"
