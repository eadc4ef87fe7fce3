"""What somebody asks for becomes an action, or a reason why not. Pure.

Whoever asks twice gets one action: what is acknowledged, resolved or ended already is `Already`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Literal

from callgauge.errors import CallgaugeError
from callgauge.schema import Alert, AlertAction
from callgauge.texts import repaired
from callgauge_rules.alert_book import AlertBook
from callgauge_rules.silences import LONGEST_S, Silence, conditions_on, silence_in, silence_matchers

__all__ = [
    "Already",
    "Asker",
    "NotPossible",
    "ask_on_alert",
    "ask_silence",
    "ask_unsilence",
    "conditions_of",
    "found",
    "hidden_now",
]

_DONE = {"acknowledge": "acknowledged", "resolve": "resolved"}
_TEXT, _ID = 1_000, 256


class NotPossible(CallgaugeError):
    """There is no such alert or silence, or this cannot be done with it."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, by which way (`AlertAction.how`), why, through which receiver of the routes."""

    who: str
    how: str
    why: str = ""
    receiver: str = ""


@dataclass(frozen=True, slots=True)
class Already:
    """It was done before; nothing needs to be written. `told`: in words."""

    told: str


def ask_on_alert(
    book: AlertBook, what: Literal["acknowledge", "resolve"], name: str, by: Asker, at: float, action_id: str
) -> AlertAction | Already:
    """Acknowledge or resolve the present episode of an alert.

    Args:
        name: the alert's alert_id or fingerprint, or the beginning of one.
        at: epoch seconds.
        action_id: the same whenever the same request comes again.

    Raises:
        NotPossible: there is no such alert, several, or it does not fire.
    """
    alert = found(book, name, at)
    seen = book.shown(alert, at)
    if alert.state == "resolved":
        ended = f" since {_utc(alert.ends_at)}" if alert.ends_at is not None else ""
        raise NotPossible(f"{_named(alert)} is over{ended}: nothing is left to {what}")
    if alert.state == "pending":
        raise NotPossible(f"{_named(alert)} is pending: it has not fired, and nobody was told of it")
    before = seen.resolved if seen.resolved is not None or what == "resolve" else seen.acknowledged
    if before is not None:
        return Already(f"{_named(alert)} was {_DONE[before.action]} by {before.who} at {_utc(before.at)}")
    return _made(by, at, action_id, action=what, fingerprint=alert.fingerprint, alert_id=alert.alert_id)


def ask_silence(
    conditions: Sequence[str], for_s: float, by: Asker, at: float, action_id: str, *, since: float | None = None
) -> AlertAction:
    """A new silence.

    Args:
        conditions: as `callgauge_rules.matchers` reads them.
        for_s: how long.
        since: when it begins, epoch seconds; now, if None.

    Raises:
        NotPossible: a condition cannot be read, or it would be too long.
    """
    if not 0 < for_s <= LONGEST_S:
        raise NotPossible("a silence lasts at least a second and at most 28d; write e.g. 30m, 2h, 7d")
    try:
        matchers = [str(matcher) for matcher in silence_matchers(conditions)]
    except ValueError as error:
        raise NotPossible(str(error)) from None
    begins = at if since is None else since
    silence_id = blake2b(action_id.encode(), digest_size=5).hexdigest()
    more = {"silence_id": silence_id, "matchers": matchers, "starts_at": begins, "ends_at": begins + for_s}
    return _made(by, at, action_id, action="silence", **more)


def ask_unsilence(book: AlertBook, name: str, by: Asker, at: float, action_id: str) -> AlertAction | Already:
    """End a silence before its time.

    Args:
        name: its id, or the beginning of one.

    Raises:
        NotPossible: there is no such silence, or several.
    """
    known = [silence for silence in book.actions.silences() if name and silence.id.startswith(name)]
    exact = [silence for silence in known if silence.id == name] or known
    if len(exact) != 1:
        what = "begins the ids of several silences" if exact else "names no silence"
        raise NotPossible(f"{name!r} {what}; `callgauge alerts silences` lists them")
    (silence,) = exact
    if silence.ends_at <= at:
        who = f" by {silence.ended.who}" if silence.ended is not None else ""
        return Already(f"silence {silence.id} was over at {_utc(silence.ends_at)}{who}")
    return _made(by, at, action_id, action="unsilence", silence_id=silence.id)


def found(book: AlertBook, name: str, now: float) -> Alert:
    """The one alert that a name means: its alert_id or fingerprint, or the beginning of one.

    Raises:
        NotPossible: none or several; with what was probably meant.
    """
    alerts = book.named(name)
    if len(alerts) == 1:
        return alerts[0]
    if alerts:
        some = ", ".join(alert.alert_id for alert in alerts[:5])
        raise NotPossible(f"{name!r} begins the ids of {len(alerts)} alerts ({some}); write more of it")
    like = book.like(name, now)
    active = len(book.active(now))
    lists = f"`callgauge alerts` lists the {active} active ones" if active else "no alert is active"
    rest = f"did you mean {like}?" if like else lists
    raise NotPossible(f"there is no alert {name!r}; {rest}")


def hidden_now(book: AlertBook, silence: Silence | AlertAction, now: float) -> list[Alert]:
    """The active alerts that a silence hides from its start on."""
    read = silence_in(silence) if isinstance(silence, AlertAction) else silence
    at = max(now, read.made.starts_at)
    return [alert for alert, _ in book.active(now) if read.silences(alert, at)]


def conditions_of(book: AlertBook, name: str, now: float) -> list[str]:
    """The conditions of a silence for one alert only. Raises NotPossible as `found`."""
    return conditions_on(found(book, name, now))


def _made(by: Asker, at: float, action_id: str, **more: object) -> AlertAction:
    texts = {"who": by.who[:_ID], "why": by.why[:_TEXT], "how": by.how, "receiver": by.receiver}
    shown = {name: repaired(text) for name, text in texts.items()}
    return AlertAction.model_validate({"action_id": action_id, "at": round(at, 3), **shown, **more})


def _named(alert: Alert) -> str:
    labels = " ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
    return f"{alert.alert_id} ({alert.rule} {labels}".rstrip() + ")"


def _utc(epoch_s: float | None) -> str:
    return "" if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
