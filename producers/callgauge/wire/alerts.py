"""Alerts, and what people do with them: what `llm.alerts` holds, and what a notifier remembers of them."""

# ruff: noqa: RUF012 (each message has its own copy of a default)

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from callgauge.wire.message import SCHEMA_VERSION, EpochSeconds, Message

__all__ = ["Alert", "AlertAction", "AlertState", "Notified", "Severity"]

AlertState = Literal["pending", "firing", "resolved", "acknowledged"]
Severity = Literal["info", "warning", "error", "critical"]


class Alert(Message):
    """One transition of an alert. `fingerprint` is the alert's identity, `alert_id` one episode of it."""

    alert_id: str
    fingerprint: str
    seq: int
    """Counts the episode's transitions from 0."""
    state: AlertState
    rule: str
    severity: Severity
    labels: dict[str, str]
    starts_at: float
    """End of the window in which the condition first held."""
    at: float
    """End of the window that caused this transition."""
    fired_at: float | None = None
    """When this episode fired; None when it never did (it ended while pending)."""
    last_fired_at: float | None = None
    """When the alert fired last, in this episode or one before; cooldown counts from it."""
    ends_at: float | None = None
    """Set when resolved."""
    aggregate: str
    lookback_s: float
    op: str
    threshold: float
    value: float | None = None
    """The aggregate when this transition happened; None when there was nothing to judge."""
    n: int
    """Events the value rests on."""
    summary: str
    """One line for people: what, where, how much, compared with what."""
    reason: str = ""
    """Why this transition, where that is not the plain comparison (resolved by a late row, by silence, ...)."""
    event_id: str = ""
    """The call that contributed most, where the aggregate has one."""
    runbook: str = ""

    detector: str = "threshold"
    """The detector that judged; "composite" where several conditions did."""
    baseline: float | None = None
    """What the detector expected, in the aggregate's unit; None for a threshold, and while there is none."""
    score: float | None = None
    """How far from normal, on the detector's own scale (of a z-score: σ, signed)."""
    points: list[list[float]] = []
    """The aggregate at the last up to 60 steps, oldest first: [epoch seconds, value]. Steps without a value are left
    out; so is all of it in a storm of alerts."""
    event_ids: list[str] = []
    """Up to 5 calls that contributed most, where the aggregate has such; the first one is `event_id`."""
    heard: float = 1.0
    """Share of the sources that were heard of lately: less than 1 says that some calls may not be counted yet."""
    held: list[str] = []
    """Of a composite: the conditions that held."""
    flapping: bool = False
    """It changes its state too often: it is kept firing until it is quiet."""
    changed_at: list[float] = []
    """When it fired or was resolved within the last hour; by this detect knows after a restart whether it flaps."""

    provider: str = ""
    service: str = ""
    """Whose calls it is about, from the labels or the rule; "" where it is about many."""
    role: Literal["", "cause", "symptom"] = ""
    """What the rule marks it as, for whoever decides which alert hides which."""
    suspected_cause: str = ""
    """What many alerts that fire at the same time have in common, for people."""

    log: str = ""
    """The partition of the windows topic that this was decided from: cluster id / topic id / partition."""
    offset: int = -1
    """Offset in that log of the record that caused this transition; detect goes on after it."""
    schema_version: int = SCHEMA_VERSION


class AlertAction(Message):
    """What somebody did with an alert, or with all alerts that match a silence; or what a notifier found out about it.

    It lies on the topic of the alerts, and never changes what detect decides: what people see is a function of both
    (`callgauge_rules.shown`). The key of an action on one alert is the alert's fingerprint, and its partition that of
    the alert's transitions. The key of a silence, and of its end, is `silence_id`, and it is written to every
    partition: a silence concerns alerts of all of them, and whoever tells those of one partition must know it.
    """

    kind: Literal["action"] = "action"
    action_id: Annotated[str, Field(min_length=1, max_length=128)]
    """Names the action; the same in all its copies, and when it is sent again."""
    action: Literal["acknowledge", "resolve", "silence", "unsilence", "processes"]
    at: EpochSeconds
    """When it was done."""
    who: str
    """A user's name, as the way by which it came knows it."""
    why: str = ""
    how: str = ""
    """By which way it came: cli, slack, pagerduty or api."""
    receiver: str = ""
    """The receiver of the routes through which it came, which knows it already; "" if it came through none."""
    fingerprint: str = ""
    alert_id: str = ""
    """acknowledge, resolve, processes: the episode; the one after it is not concerned."""
    silence_id: str = ""
    """silence, unsilence: which."""
    matchers: list[str] = []
    """silence: conditions on labels (`callgauge_rules.matchers`), all of which must hold."""
    starts_at: EpochSeconds = 0.0
    """silence: since when."""
    ends_at: EpochSeconds = 0.0
    """silence: until when, unless it is ended before."""
    processes: Literal["", "live", "silent", "ended"] = ""
    """processes: whether those of the service whose calls are missing live, by their heartbeats; `why` says it in
    words. live: at least one does, so the calls were not made. silent: dead, or cut off from the bus. ended: in order.
    Of one episode the last counts."""
    schema_version: int = SCHEMA_VERSION


class Notified(Message):
    """What one route's receiver was told last of an alert. Kept by route and fingerprint, in a compacted topic."""

    route: str
    receiver: str
    group: list[list[str]]
    """Name and value of each label that the alerts of the group share."""
    alert: Alert
    at: float
    memory: dict[str, str] = {}
    """What the receiver keeps, such as the id of the message that is edited when the alert is over."""
    given_up: bool = False
    """It could not be delivered, and will not be tried again."""
    acknowledged: bool = False
    """It was told that somebody has acknowledged the alert."""
    schema_version: int = SCHEMA_VERSION
