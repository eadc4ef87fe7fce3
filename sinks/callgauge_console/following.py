"""Has the alerts topic followed, and again when that failed: the page is served also while the bus is away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from callgauge.errors import BrokerError
from callgauge.printable import printable
from callgauge_actions.desk import Desk, NotReadYet

__all__ = ["Following"]

log = logging.getLogger(__name__)

_AGAIN_S = 3.0


class Following:
    """Runs a desk, on the thread that calls `run`.

    Args:
        make: a new desk.
    """

    def __init__(self, make: Callable[[], Desk]) -> None:
        self._make = make
        self._stop = threading.Event()
        self._desk: Desk | None = None
        self.problem = "the alerts are still being read"
        """Why they cannot be asked; "" if they can."""

    def desk(self) -> Desk:
        """The desk.

        Raises:
            NotReadYet: the alerts topic cannot be read.
        """
        desk = self._desk
        if desk is None or not desk.ready.is_set():
            raise NotReadYet(self.problem or "the alerts are still being read; try again in a moment")
        return desk

    def run(self) -> None:
        """Follow until `stop` is called."""
        while not self._stop.is_set():
            try:
                self._desk = self._make()
                if self._stop.is_set():
                    self._desk.stop()
                self._desk.run()
            except BrokerError as error:
                self._desk = None
                self.problem = str(error)
                log.warning("the alerts cannot be read, trying again: %s", printable(self.problem))
                self._stop.wait(_AGAIN_S)

    def stop(self) -> None:
        """End soon. To be called from another thread."""
        self._stop.set()
        if (desk := self._desk) is not None:
            desk.stop()
