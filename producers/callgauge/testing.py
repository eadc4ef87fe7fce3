"""For tests of services that use a Gauge: a transport that keeps what it is given, and a clock that is moved by hand.

transport = MemoryTransport()
gauge = Gauge(settings, transport=transport, clock=ManualClock())
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from callgauge.codec import read
from callgauge.errors import BrokerError
from callgauge.schema import Call, Content, Heartbeat, Mark, Score, StateChange
from callgauge.transport import Kind, Outbound, Report

__all__ = ["ManualClock", "MemoryTransport", "Message"]


class ManualClock:
    """A clock, in seconds, that stands still until it is moved."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`; negative moves back, as real clocks sometimes do."""
        self.now += seconds


@dataclass(frozen=True)
class Message:
    """One message as it would have gone to the bus."""

    key: bytes
    value: bytes
    kind: Kind = "calls"


class MemoryTransport:
    """Keeps messages in memory. Its faults may be changed at any time, from any thread.

    Attributes:
        delay_s: `send` sleeps this long before it takes a message.
        full: `send` takes nothing, as when librdkafka's queue is full.
        away: messages are taken and wait, as in librdkafka while the broker is away. They are delivered once it is not,
            and come back when the transport is closed before.
        failure: if not "", messages are taken and reported as failed for this reason.
        unusable: `open` and `send` raise BrokerError.
        opened, closed: how often that happened.
    """

    def __init__(self, *, delay_s: float = 0.0, full: bool = False, failure: str = "", unusable: bool = False) -> None:
        self.delay_s = delay_s
        self.full = full
        self.away = False
        self.failure = failure
        self.unusable = unusable
        self.opened = 0
        self.closed = 0
        self._messages: list[Message] = []
        self._held: list[Outbound] = []
        self._report: Report = lambda kind, reason, message: None
        self._lock = threading.Lock()

    @property
    def messages(self) -> list[Message]:
        """What was delivered, in order, but for heartbeats, which come by the clock."""
        with self._lock:
            return [message for message in self._messages if message.kind != "heartbeats"]

    @property
    def calls(self) -> list[Call]:
        """The calls, and spans, that were delivered, decoded as every consumer decodes them."""
        return [read(Call, value) for value in self._values("calls")]

    @property
    def scores(self) -> list[Score]:
        """The scores that were delivered."""
        return [read(Score, value) for value in self._values("scores") if b'"kind":"score"' in value]

    @property
    def state_changes(self) -> list[StateChange]:
        """The changes of circuit breakers that were delivered."""
        return [read(StateChange, value) for value in self._values("scores") if b'"kind":"state_change"' in value]

    @property
    def contents(self) -> list[Content]:
        """The prompts and answers that were delivered."""
        return [read(Content, value) for value in self._values("content")]

    @property
    def marks(self) -> list[Mark]:
        """The marks of changes that were delivered."""
        return [read(Mark, value) for value in self._values("rules")]

    @property
    def heartbeats(self) -> list[Heartbeat]:
        """The heartbeats that were delivered."""
        return [read(Heartbeat, value) for value in self._values("heartbeats")]

    def _values(self, kind: Kind) -> list[bytes]:
        with self._lock:
            return [message.value for message in self._messages if message.kind == kind]

    def open(self, report: Report) -> None:
        """See `Transport.open`."""
        self.opened += 1
        self._report = report
        self._check_usable()

    def send(self, message: Outbound) -> bool:
        """See `Transport.send`."""
        self._check_usable()
        if self.delay_s:
            time.sleep(self.delay_s)
        if self.full:
            return False
        if self.away:
            self._held.append(message)
        else:
            self._settle([message], self.failure)
        return True

    def poll(self, timeout_s: float) -> None:
        """See `Transport.poll`."""
        if not self.away:
            held, self._held = self._held, []
            self._settle(held, self.failure)
        if self.full or self.away:
            time.sleep(min(timeout_s, 0.001))

    def close(self, timeout_s: float) -> None:
        """See `Transport.close`."""
        self.closed += 1
        held, self._held = self._held, []
        self._settle(held, "_PURGE_QUEUE")

    def abandon(self) -> None:
        """See `Transport.abandon`: the child starts with no messages."""
        self._lock = threading.Lock()
        self._messages, self._held = [], []

    def _settle(self, messages: list[Outbound], failure: str) -> None:
        for message in messages:
            if not failure:
                with self._lock:
                    self._messages.append(Message(message.key, message.value, message.kind))
            self._report(message.kind, failure or None, message if failure else None)

    def _check_usable(self) -> None:
        if self.unusable:
            raise BrokerError("the memory transport was told to be unusable")
