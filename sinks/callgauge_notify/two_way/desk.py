"""Turns verified requests into actions on the alerts topic, each once.

It follows the alerts topic, so it knows which alerts fire and what was done already: a request for that is answered and
writes nothing. So a provider that tells us what it has heard from us starts no loop.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from callgauge.errors import BrokerError
from callgauge.printable import printable
from callgauge.schema import AlertAction
from callgauge_actions.alert_log import AlertLog
from callgauge_actions.asked import Already, Asker, NotPossible, ask_on_alert, ask_silence
from callgauge_notify.two_way.pagerduty import Did
from callgauge_notify.two_way.slack import Click
from callgauge_rules.alert_book import AlertBook
from callgauge_rules.silences import conditions_on

__all__ = ["Answer", "Desk", "Writer"]

log = logging.getLogger(__name__)

_SILENCE_S = 3_600.0


class Writer(Protocol):
    """Where actions are written; see `callgauge_actions.publish.Publisher`."""

    def publish(self, action: AlertAction, partition: int | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request, in words. `taken`: the broker has it, or it needs nothing; else try again later."""

    told: str
    taken: bool = True


class Desk:
    """See above. A worker that follows the topic; the other methods may be called from any thread.

    Args:
        now: epoch seconds.
    """

    def __init__(self, alerts: AlertLog, writer: Writer, now: Callable[[], float] = time.time) -> None:
        self._alerts = alerts
        self._writer = writer
        self._now = now
        self._stop = threading.Event()
        #: Set when everything that was on the topic is known.
        self.ready = threading.Event()

    def run(self) -> None:
        """Follow the alerts topic until `stop` is called.

        Raises:
            BrokerError: the topic cannot be read.
        """
        try:
            self._alerts.read_to_end()
            self.ready.set()
            while not self._stop.is_set():
                self._alerts.follow(0.2)
        finally:
            self._alerts.close()

    def stop(self) -> None:
        """End soon. To be called from another thread."""
        self._stop.set()

    def click(self, click: Click, receiver: str) -> Answer:
        """Somebody has clicked a button of a message of this receiver."""
        by = Asker(click.who, "slack", receiver=receiver)
        return self._do(lambda book: _clicked(book, click, by, self._now()))

    def did(self, did: Did, receiver: str) -> Answer:
        """Somebody did something with an incident of this receiver."""
        by = Asker(did.who, "pagerduty", receiver=receiver)
        return self._do(lambda book: _done(book, did, by))

    def _do(self, ask: Callable[[AlertBook], AlertAction | Already]) -> Answer:
        if not self.ready.is_set():
            return Answer("the alerts are still being read; try again in a moment", taken=False)
        try:
            with self._alerts.lock:
                asked = ask(self._alerts.book)
                if isinstance(asked, Already):
                    return Answer(asked.told)
                partition = self._alerts.book.partitions.get(asked.fingerprint)
            self._writer.publish(asked, partition)
        except NotPossible as error:
            return Answer(str(error))
        except BrokerError as error:
            log.error("what somebody asked for was not written: %s", printable(str(error)))
            return Answer("the broker did not take it; try again", taken=False)
        with self._alerts.lock:
            self._alerts.book.actions.take(asked)  # before it is read: the same request may come again at once
        log.info("%s by %s through %s", asked.action, printable(asked.who), printable(asked.receiver))
        return Answer(_told(asked))


def _clicked(book: AlertBook, click: Click, by: Asker, now: float) -> AlertAction | Already:
    alert = next((alert for alert in book.named(click.alert_id) if alert.alert_id == click.alert_id), None)
    if alert is None:
        raise NotPossible("this episode of the alert is over")
    if click.button == "silence_1h":
        return ask_silence(conditions_on(alert), _SILENCE_S, by, now, click.id)
    what = "acknowledge" if click.button == "acknowledge" else "resolve"
    return ask_on_alert(book, what, click.alert_id, by, now, click.id)  # type: ignore[arg-type]  # one of the two


def _done(book: AlertBook, did: Did, by: Asker) -> AlertAction | Already:
    alert = book.get(did.key)
    if alert is None:
        raise NotPossible("no alert of ours has this key")
    if alert.fired_at is not None and did.at < alert.fired_at:
        raise NotPossible("that was an earlier episode of the alert")
    return ask_on_alert(book, did.action, alert.alert_id, by, did.at, did.id)


def _told(action: AlertAction) -> str:
    match action.action:
        case "silence":
            return f"silenced for an hour by {action.who} (`callgauge alerts unsilence {action.silence_id}` ends it)"
        case "acknowledge":
            return f"acknowledged by {action.who}"
        case _:
            return f"resolved by {action.who}"
