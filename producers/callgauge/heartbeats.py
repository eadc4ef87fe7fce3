"""Tells every few seconds that this process is alive, and what became of its calls: a service without calls is not a
service whose SDK is dead."""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version

from callgauge.encoding import encode
from callgauge.ids import new_span_id
from callgauge.schema import Heartbeat
from callgauge.transport import Outbound

__all__ = ["Heart", "sdk_version"]


def sdk_version() -> str:
    """The installed version of callgauge."""
    try:
        return version("callgauge")
    except PackageNotFoundError:  # a copy of the sources
        return "unknown"


class Heart:
    """Makes the heartbeats of one Gauge in one process. Used by the delivery thread.

    One is sent only when the one before has left the transport, so that none pile up while the broker is away; and none
    is kept on disk.

    Args:
        interval_s: seconds between two; 0: there are none.
        service, environment: the settings'.
    """

    def __init__(
        self,
        interval_s: float,
        service: str,
        environment: str,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval_s = interval_s
        self._service = service
        self._environment = environment
        self._clock = clock
        self._timer = timer
        # Here, on the host's thread: the delivery thread must not import, nor ask the system for what may take long.
        self._sdk = sdk_version()
        self._host = socket.gethostname()[:256]
        self.reset()

    def reset(self) -> None:
        """Begin anew: in a forked child."""
        self._instance = new_span_id()
        self._started_at = self._clock()
        self._due_at = self._timer() if self._interval_s else math.inf
        self._under_way = False
        self.was_delivered = False
        """Whether the broker has confirmed one."""

    @property
    def due_in_s(self) -> float:
        """Seconds until the next is due."""
        return self._due_at - self._timer()

    @property
    def is_under_way(self) -> bool:
        """Whether one is in the transport."""
        return self._under_way

    def beat_if_due(self, send: Callable[[Outbound], bool], counts: Mapping[str, int]) -> None:
        """Send one if it is time for it; what `send` raises is passed on."""
        if self._timer() >= self._due_at:
            self._due_at = self._timer() + self._interval_s
            if not self._under_way:
                self.beat(send, counts)

    def beat(self, send: Callable[[Outbound], bool], counts: Mapping[str, int], *, closed: bool = False) -> None:
        """Send one."""
        beat = Heartbeat(
            instance=self._instance,
            ts=self._clock(),
            started_at=self._started_at,
            interval_s=self._interval_s,
            service=self._service,
            environment=self._environment,
            host=self._host,
            process_id=os.getpid(),
            sdk=self._sdk,
            closed=closed,
            **counts,
        )
        self._under_way = True
        taken = False
        try:
            taken = send(Outbound("heartbeats", self._instance.encode(), encode(beat)))
        finally:
            self._under_way = self._under_way and taken

    def settled(self, reason: str | None) -> None:
        """What became of the one under way."""
        self._under_way = False
        self.was_delivered = self.was_delivered or reason is None
