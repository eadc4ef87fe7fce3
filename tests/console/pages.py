"""Every page of the console, by name, with an address that shows something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

__all__ = ["addresses"]


def addresses(get: Callable[[str], Any], of_time: str = "") -> dict[str, str]:
    """Name -> address.

    Args:
        get: asks the API, and gives its JSON.
        of_time: parameters that every address gets, such as range=6h; a page of a fixed time does not ask again and
            again.
    """

    def first(path: str, *keys: str | int) -> Any:
        found = get(path)
        for key in keys:
            found = found[key]
        return found

    users = first("/v1/breakdown?by=user_id", "rows")
    services = first("/v1/breakdown?by=service", "rows")
    calls = [call for call in first("/v1/calls?limit=500", "calls") if call["trace_id"]]
    steps = [call for call in calls if call["operation"] == "chain"] or calls
    alerts = get("/v1/alerts")["alerts"] or get("/v1/alerts?state=history")["alerts"]
    some = {
        "overview": "/",
        "services": "/services",
        "models": "/models",
        "features": "/features",
        "users": "/users",
        "calls": "/calls",
        "quality": "/quality",
        "alerts": "/alerts",
        "rules": "/rules",
        "budgets": "/budgets",
        "experiments": "/experiments?label=prompt_version&a=v1&b=v2&score=helpfulness",
        "pipeline": "/pipeline",
        "user": f"/user/{quote(users[0]['value'], safe='')}",
        "service": f"/service/{quote(services[0]['value'], safe='')}",
        "model": f"/model/{quote(first('/v1/breakdown?by=model', 'rows', 0, 'value'), safe='')}",
    }
    if steps:
        some["trace"] = f"/trace/{quote(steps[0]['trace_id'], safe='')}"
    if alerts:
        known = next((alert for alert in alerts if alert["points"]), alerts[0])
        some["alert"] = f"/alert/{known['alert_id']}"
    joined = {name: f"{path}{'&' if '?' in path else '?'}{of_time}" for name, path in some.items()}
    return joined if of_time else some
