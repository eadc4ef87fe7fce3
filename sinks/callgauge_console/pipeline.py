"""Keeps in mind how far each consumer group is: to ask the bus takes too long for a request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from callgauge.errors import BrokerError
from callgauge_intake.lag import Lag

__all__ = ["Heard", "Pipeline"]

_EVERY_S = 10.0


@dataclass(frozen=True)
class Heard:
    """What the bus said last.

    Attributes:
        at: epoch seconds; 0: it has not been asked yet.
        problem: why it could not be asked; the lags are then older.
    """

    at: float = 0.0
    lags: tuple[Lag, ...] = ()
    problem: str = ""


class Pipeline:
    """Asks again and again, on the thread that calls `run`.

    Args:
        ask: how far each group is; raises BrokerError.
        now: epoch seconds.
    """

    def __init__(self, ask: Callable[[], Sequence[Lag]], now: Callable[[], float] = time.time) -> None:
        self._ask = ask
        self._now = now
        self._stop = threading.Event()
        self.heard = Heard()

    def run(self) -> None:
        """Ask until `stop` is called."""
        while not self._stop.is_set():
            self.look()
            self._stop.wait(_EVERY_S)

    def look(self) -> None:
        """Ask once."""
        try:
            self.heard = Heard(self._now(), tuple(self._ask()))
        except BrokerError as error:
            self.heard = Heard(self.heard.at, self.heard.lags, str(error))

    def stop(self) -> None:
        """End soon. To be called from another thread."""
        self._stop.set()
