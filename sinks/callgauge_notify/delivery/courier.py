"""Carries notices to one receiver, on a thread of its own, so that no other receiver waits for this one."""

from __future__ import annotations

import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace

from callgauge.printable import printable
from callgauge_intake.backoff import backoff_s
from callgauge_notify.delivery.attempts import Attempts
from callgauge_notify.delivery.outcome import Outcome
from callgauge_notify.delivery.storm import MANY, together
from callgauge_notify.grouping.notice import Item, Notice
from callgauge_notify.receivers.receiver import NotDelivered, Receiver, Refused

__all__ = ["Courier"]

log = logging.getLogger(__name__)


class _Stopped(Exception):
    """The courier was told to stop while it waited."""


class Courier:
    """Takes notices and says what became of each, in `outcomes`.

    Args:
        note: writes down what became of a notice; the next one is delivered after that.
        retry_for_s: for so long after it was made a notice is tried again.
        clock: epoch seconds.
        waits: makes the waits between the attempts at one notice.
        pause: waits so many seconds; True if the courier was stopped meanwhile.
    """

    def __init__(
        self,
        name: str,
        receiver: Receiver,
        retry_for_s: float,
        note: Callable[[Outcome], None],
        outcomes: queue.SimpleQueue[Outcome],
        clock: Callable[[], float] = time.time,
        waits: Callable[[], Iterable[float]] = lambda: backoff_s(1.0, 60.0),
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        self.name = name
        self._receiver = receiver
        self._retry_for_s = retry_for_s
        self._note = note
        self._outcomes = outcomes
        self._clock = clock
        self._waits = waits
        self._inbox: queue.SimpleQueue[Notice | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._pause = pause or self._stop.wait
        self._free_at = 0.0
        self._thread = threading.Thread(target=self._run, name=f"notify {name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def submit(self, notice: Notice) -> None:
        """Deliver this, after what was submitted before."""
        self._inbox.put(notice)

    def stop(self) -> None:
        """Finish the attempt that is under way; what is not delivered stays undelivered."""
        self._stop.set()
        self._inbox.put(None)

    def join(self, within_s: float = 15.0) -> None:
        """Wait until it has stopped."""
        self._thread.join(within_s)

    def step(self, notices: list[Notice]) -> None:
        """Deliver what waits: one by one, or together if there is much."""
        if len(notices) > MANY and self._receiver.digests:
            outcome = self._deliver(together(notices))
            for notice in notices:
                mine = {item.key for item in notice.items}
                failed = [(item, reason) for item, reason in outcome.failed if item.key in mine]
                self._tell(Outcome(notice, dict(outcome.memory), failed, outcome.problem, outcome.taken))
            return
        for notice in notices:
            self._tell(self._deliver(notice))

    def _tell(self, outcome: Outcome) -> None:
        self._note(outcome)
        self._outcomes.put(outcome)

    def _run(self) -> None:
        while not self._stop.is_set():
            notices = self._waiting()
            try:
                self.step(notices)
            except _Stopped:
                return
            except Exception as error:  # nothing could be noted: told to the notifier, which ends the process with it
                self._outcomes.put(Outcome(notices[0], crashed=error))
                return

    def _waiting(self) -> list[Notice]:
        found = [self._inbox.get()]
        while not self._inbox.empty():
            found.append(self._inbox.get())
        return [notice for notice in found if notice is not None]

    def _deliver(self, notice: Notice) -> Outcome:
        outcome = Outcome(notice)
        attempts = Attempts(notice.at, self._retry_for_s, self._waits)
        news = [item for item in notice.items if item.news]
        if not self._receiver.one_by_one:
            self._attempt(notice, news, attempts, outcome)
            return outcome
        for item in news:
            self._attempt(replace(notice, items=(item,)), [item], attempts, outcome)
        return outcome

    def _attempt(self, notice: Notice, news: list[Item], attempts: Attempts, outcome: Outcome) -> None:
        """Try until the receiver takes it, refuses it, or its time is over."""
        while True:
            self._wait(self._free_at - self._clock())
            try:
                outcome.memory |= self._receiver.deliver(notice)
                outcome.taken += 1
                return
            except Refused as error:
                reason = str(error)
                break
            except NotDelivered as error:
                wait_s = attempts.wait_s(error, self._clock())
                reason = f"given up after {self._retry_for_s:g} s: {error}"
                if wait_s is None:
                    break
                log.warning("%s: %s; next attempt in %.1f s", self.name, printable(str(error)), wait_s)
                self._wait(wait_s)
            except Exception as error:  # a fault of one receiver, or an alert that it cannot bear, is not the others'
                reason = f"{type(error).__name__} in this receiver; the notifier's log says where"
                # Without its text, which may hold a URL or a token.
                log.error("%s: %s\n%s", self.name, reason, "".join(traceback.format_tb(error.__traceback__)))
                break
            finally:
                self._free_at = self._clock() + self._receiver.pace_s
        log.error("%s: %d alerts not told: %s", self.name, len(news), printable(reason))
        outcome.failed += [(item, reason) for item in news]
        outcome.problem = reason

    def _wait(self, seconds: float) -> None:
        if self._stop.is_set() or (seconds > 0 and self._pause(seconds)):
            raise _Stopped
