"""What people do with alerts, for tests."""

from __future__ import annotations

from typing import Any

from callgauge.schema import Alert, AlertAction
from callgauge_rules.raised import raised

__all__ = ["T0", "acknowledge", "did", "episode", "processes", "resolve", "silence", "unsilence"]

T0 = 1_700_000_000.0


def episode(state: Any = "firing", start: float = 0.0, seq: int = 1, rule: str = "slow", **labels: str) -> Alert:
    """A transition of the episode that begins so many seconds after T0."""
    at_ms = round((T0 + start) * 1000)
    fired = raised(
        rule, "warning", labels or {"service": "chat"}, at_ms, summary="it is slow", aggregate="latency_p95",
        value=3.0, n=10, seq=seq,
    )  # fmt: skip
    ends = {"ends_at": T0 + start + seq} if state == "resolved" else {}
    return fired.model_copy(update={"state": state, "at": T0 + start + seq} | ends)


def did(action: Any, at: float = 10.0, who: str = "ann", **changes: Any) -> AlertAction:
    """An action, so many seconds after T0."""
    values = {"action_id": f"{action}-{at}-{who}", "action": action, "at": T0 + at, "who": who, "how": "cli"}
    return AlertAction(**values | changes)


def acknowledge(of: Alert, at: float = 10.0, **changes: Any) -> AlertAction:
    return did("acknowledge", at, fingerprint=of.fingerprint, alert_id=of.alert_id, **changes)


def resolve(of: Alert, at: float = 20.0, **changes: Any) -> AlertAction:
    return did("resolve", at, fingerprint=of.fingerprint, alert_id=of.alert_id, **changes)


def processes(of: Alert, at: float = 15.0, found: str = "live") -> AlertAction:
    """What heartbeats said of the processes whose calls are missing."""
    more: dict[str, Any] = {"why": f"they are {found}", "processes": found}
    return did("processes", at, "notify", fingerprint=of.fingerprint, alert_id=of.alert_id, **more)


def silence(
    *matchers: str, at: float = 10.0, until: float = 100.0, id: str = "s1", since: float | None = None
) -> AlertAction:
    starts_at = T0 + (at if since is None else since)
    return did(
        "silence", at, silence_id=id, matchers=list(matchers or ("rule=slow",)), starts_at=starts_at, ends_at=T0 + until
    )


def unsilence(id: str = "s1", at: float = 50.0) -> AlertAction:
    return did("unsilence", at, silence_id=id)
