"""Follows the alerts topic, and turns what people ask for into actions on it, each once.

It knows which alerts fire and what was done already: a request for that is answered and writes nothing. So a provider
that tells us what it has heard from us starts no loop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from callgauge.schema import AlertAction
from callgauge_actions.alert_log import AlertLog
from callgauge_actions.asked import Already
from callgauge_rules.alert_book import AlertBook

__all__ = ["Desk", "NotReadYet", "Writer"]


class Writer(Protocol):
    """Where actions are written; see `callgauge_actions.publish.Publisher`."""

    def publish(self, action: AlertAction, partition: int | None = None) -> None: ...


class NotReadYet(Exception):
    """The alerts are still being read."""


class Desk:
    """See above. A worker that follows the topic; the other methods may be called from any thread.

    Args:
        now: epoch seconds.
    """

    def __init__(self, alerts: AlertLog, writer: Writer, now: Callable[[], float] = time.time) -> None:
        self._alerts = alerts
        self._writer = writer
        self.now = now
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

    @contextmanager
    def book(self) -> Iterator[AlertBook]:
        """What is known of the alerts; nothing is added to it meanwhile.

        Raises:
            NotReadYet: not everything that was on the topic is known.
        """
        if not self.ready.is_set():
            raise NotReadYet("the alerts are still being read; try again in a moment")
        with self._alerts.lock:
            yield self._alerts.book

    def do(self, ask: Callable[[AlertBook], AlertAction | Already]) -> AlertAction | Already:
        """Write what `ask` makes of the alerts as they are; returns it when the broker has it.

        Raises:
            NotReadYet: see `book`.
            NotPossible: `ask` has raised it.
            BrokerError: the broker did not take it; it may be asked again.
        """
        with self.book() as book:
            asked = ask(book)
            if isinstance(asked, Already):
                return asked
            partition = book.partitions.get(asked.fingerprint)
        self._writer.publish(asked, partition)
        with self._alerts.lock:
            self._alerts.book.actions.take(asked)  # before it is read: the same request may come again at once
        return asked
