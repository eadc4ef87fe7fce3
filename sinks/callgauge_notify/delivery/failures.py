"""What is left of a notice that was given up: a dead letter for each alert, and an alert to the other receivers."""

from __future__ import annotations

import base64

from callgauge.codec import encode
from callgauge.schema import Alert, DeadLetter
from callgauge_notify.grouping.notice import Item
from callgauge_notify.routing.routes import FAILED
from callgauge_rules.raised import raised

__all__ = ["alert_of_failure", "dead_letter_of", "end_of_failure"]

_RAW_BYTES = 65_536


def dead_letter_of(item: Item, receiver: str, reason: str, at: float) -> DeadLetter:
    """The letter of one alert that a receiver was not told of. Its topic names the receiver, since several may fail."""
    value = encode(item.alert)
    return DeadLetter(
        topic=f"notify {receiver}",
        partition=max(item.partition, 0),
        offset=max(item.offset, 0),
        ts=at,
        reason=reason[:1_000],
        field="",
        size=len(value),
        raw=base64.b64encode(value[:_RAW_BYTES]).decode(),
    )


def alert_of_failure(receiver: str, reason: str, lost: int, at: float) -> Alert:
    """Tells the other receivers that this one cannot be reached."""
    what = f"{lost} alert{'' if lost == 1 else 's'} did not reach" if lost else "what still fires did not reach"
    return raised(
        FAILED,
        "error",
        {"receiver": receiver},
        round(at * 1000),
        summary=f"{what} {receiver}: {reason}"[:1_000],
        aggregate="notifications",
        value=float(lost),
        n=lost,
        seq=1,
    )


def end_of_failure(alert: Alert, at: float) -> Alert:
    """The receiver takes notices again."""
    changes = {"state": "resolved", "seq": alert.seq + 1, "at": at, "ends_at": at}
    return alert.model_copy(
        update=changes | {"reason": "it takes notices again; what it missed is in the dead letters"}
    )
