"""The loop of the evaluator: wait for a complete minute, judge it, tell what follows, note that it was told.

Of several evaluators one leads: that which its consumer group has given the rules topic, which has one partition. The
others wait. A new leader reads the alerts that were told and goes on after the last instant that was noted. If an old
leader goes on for a moment, as after a pause that the group took for its end, it tells what the new one tells: both
judge the same instants, and what is told of an instant is a function of the store. The same transition told twice
(alert_id, seq) counts once.

When the store or the broker cannot be asked, the evaluator waits and begins again from what was told. Instants that
passed meanwhile are judged one by one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from callgauge.errors import BrokerError
from callgauge.schema import Alert
from callgauge_evaluator.binding import MINUTE_MS
from callgauge_evaluator.complete import Complete
from callgauge_evaluator.evaluation import Evaluation, Judges, instants
from callgauge_evaluator.lives import Lives
from callgauge_history.store import Ask, StoreUnavailable
from callgauge_intake.backoff import backoff_s

__all__ = ["Evaluator", "Rules", "Seat"]

log = logging.getLogger(__name__)

#: What is longer ago is not made up for.
_MOST_BEHIND_MS = 24 * 3_600_000
_LOOKS_S = 0.5


class Seat(Protocol):
    """The membership in the group whose leader judges."""

    @property
    def assigned(self) -> threading.Event: ...
    def leads(self) -> bool: ...
    def hold(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class Rules(Protocol):
    """What is judged when."""

    def read(self) -> None:
        """Take note of the changes that have been told by now. Raises BrokerError."""

    def at(self, at_ms: int) -> Sequence[Judges]:
        """The rules and budgets that are judged at an instant."""


class Evaluator:
    """See above.

    Args:
        told: reads the last transition of each alert from the topic.
        send: sends transitions, and returns when the broker has them.
        cursor: gives the last instant that was noted, and notes one.
        clock: epoch seconds.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        seat: Seat,
        ask: Ask,
        complete: Complete,
        told: Callable[[], Iterable[Alert]],
        send: Callable[[Sequence[Alert]], None],
        cursor: tuple[Callable[[], int | None], Callable[[int], None]],
        clock: Callable[[], float],
    ) -> None:
        self._rules, self._seat, self._ask, self._complete = rules, seat, ask, complete
        self._told, self._send, self._clock = told, send, clock
        self._read_cursor, self._note_cursor = cursor
        self._evaluation: Evaluation | None = None
        self._judged_ms = 0
        self.alerts_told = 0
        """Transitions that this evaluator has sent."""
        self._stop = threading.Event()
        self._waits = backoff_s()

    @property
    def ready(self) -> threading.Event:
        """Set when the group has decided whether this one leads."""
        return self._seat.assigned

    @property
    def leads(self) -> bool:
        """Whether this is the one that judges."""
        return self._seat.leads()

    @property
    def judged_s(self) -> float:
        """The last instant that this evaluator has judged, epoch seconds; 0 if it has not judged any."""
        return self._judged_ms / 1e3

    def run(self) -> None:
        """Run until `stop` is called.

        Raises:
            CallgaugeError: something failed that another attempt would not mend.
        """
        try:
            while not self._stop.is_set():
                self._seat.hold(_LOOKS_S)
                self.step()
        finally:
            self._seat.close()

    def stop(self) -> None:
        """Finish the instant, then end. To be called from another thread."""
        self._stop.set()

    def step(self) -> None:
        """Judge what is complete, if this evaluator leads."""
        if not self._seat.leads():
            self._evaluation = None
            return
        try:
            self._judge_complete()
            self._waits = backoff_s()
        except (StoreUnavailable, BrokerError) as error:
            self._evaluation = None
            wait_s = next(self._waits)
            log.warning("%s; rules from history are judged again in %.1f s, no instant is left out", error, wait_s)
            self._seat.hold(wait_s)

    def _judge_complete(self) -> None:
        complete_ms = self._complete.up_to(round(self._clock() * 1000), self._ask)
        if not complete_ms or (self._evaluation is not None and complete_ms <= self._judged_ms):
            return
        self._rules.read()
        if self._evaluation is None:
            self._evaluation = self._begun(complete_ms)
        for at_ms in instants(self._judged_ms, complete_ms):
            alerts = self._evaluation.at(self._ask, at_ms)
            if alerts:
                self._send(alerts)
                self.alerts_told += len(alerts)
            self._note_cursor(at_ms)
            self._judged_ms = at_ms
            self._seat.hold(0.0)
            if self._stop.is_set() or not self._seat.leads():
                return

    def _begun(self, complete_ms: int) -> Evaluation:
        """Go on where the last leader was; the very first begins with the next instant."""
        noted_ms = self._read_cursor()
        self._judged_ms = complete_ms - MINUTE_MS if noted_ms is None else noted_ms
        if self._judged_ms < complete_ms - _MOST_BEHIND_MS:
            hours = (complete_ms - self._judged_ms) / 3.6e6
            log.warning("the evaluator was away for %.1f h: only the last 24 h are judged", hours)
            self._judged_ms = complete_ms - _MOST_BEHIND_MS
        evaluation = Evaluation(self._rules.at, Lives(self._told(), self._judged_ms))
        evaluation.remember(self._ask, self._judged_ms)
        count = len(self._rules.at(complete_ms))
        log.info("this evaluator leads: %d rules and budgets are judged from history", count)
        return evaluation
