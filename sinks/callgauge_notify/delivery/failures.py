"""What is left of a notice that was given up: a dead letter for each alert, and an alert to the other receivers."""

from __future__ import annotations

from callgauge.codec import encode
from callgauge.dead_letter import dead_letter
from callgauge.schema import Alert, DeadLetter
from callgauge_notify.grouping.notice import Item
from callgauge_notify.routing.routes import FAILED
from callgauge_rules.raised import raised

__all__ = ["alert_of_failure", "dead_letter_of", "end_of_failure"]


def dead_letter_of(item: Item, receiver: str, reason: str, at: float) -> DeadLetter:
    """The letter of one alert that a receiver was not told of. Its topic names the receiver, since several may fail."""
    return dead_letter(
        encode(item.alert),
        reason,
        topic=f"notify {receiver}",
        partition=max(item.partition, 0),
        offset=max(item.offset, 0),
        ts=at,
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
