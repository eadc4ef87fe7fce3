"""Turns verified requests of Slack and PagerDuty into actions on the alerts topic (`callgauge_actions.desk`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from callgauge.errors import BrokerError
from callgauge.printable import printable
from callgauge.schema import AlertAction
from callgauge_actions import desk
from callgauge_actions.asked import Already, Asker, NotPossible, ask_on_alert, ask_silence
from callgauge_notify.two_way.pagerduty import Did
from callgauge_notify.two_way.slack import Click
from callgauge_rules.alert_book import AlertBook
from callgauge_rules.silences import conditions_on

__all__ = ["Answer", "Desk"]

log = logging.getLogger(__name__)

_SILENCE_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request, in words. `taken`: the broker has it, or it needs nothing; else try again later."""

    told: str
    taken: bool = True


class Desk(desk.Desk):
    """Takes requests of receivers."""

    def click(self, click: Click, receiver: str) -> Answer:
        """Somebody has clicked a button of a message of this receiver."""
        by = Asker(click.who, "slack", receiver=receiver)
        return self._answer(lambda book: _clicked(book, click, by, self.now()))

    def did(self, did: Did, receiver: str) -> Answer:
        """Somebody did something with an incident of this receiver."""
        by = Asker(did.who, "pagerduty", receiver=receiver)
        return self._answer(lambda book: _done(book, did, by))

    def _answer(self, ask: Callable[[AlertBook], AlertAction | Already]) -> Answer:
        try:
            done = self.do(ask)
        except desk.NotReadYet as error:
            return Answer(str(error), taken=False)
        except NotPossible as error:
            return Answer(str(error))
        except BrokerError as error:
            log.error("what somebody asked for was not written: %s", printable(str(error)))
            return Answer("the broker did not take it; try again", taken=False)
        if isinstance(done, Already):
            return Answer(done.told)
        log.info("%s by %s through %s", done.action, printable(done.who), printable(done.receiver))
        return Answer(_told(done))


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
