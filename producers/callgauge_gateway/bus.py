"""From the gateway to the bus: many messages at once, told of when the broker has all of them.

librdkafka's reports are served on the event loop, every millisecond while any are awaited; so there is no other
thread of ours, and nothing to lock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from callgauge.errors import BrokerError, CallgaugeError
from callgauge.log_once import LibrdkafkaLog
from callgauge.settings import Settings
from callgauge_gateway.batch import Record
from callgauge_gateway.sending import Sending, bus_config

__all__ = ["Bus", "Busy", "Sender"]

log = logging.getLogger(__name__)

_POLL_S, _IDLE_POLL_S = 0.001, 1.0
#: A connection is made anew after so many times `gateway_ack_s` without a confirmation.
RENEW_AFTER = 3.0


class Busy(CallgaugeError):
    """So many events wait for the broker that no more are taken now."""


class Sender(Protocol):
    """What carries records to the bus."""

    async def send(self, records: Sequence[Record]) -> dict[int, str]:
        """See `Bus.send`."""


class Bus:
    """An idempotent producer that waits for all replicas. All of it is used on one event loop.

    Args:
        on_fatal: called once when the producer can do no more; the process should end, to be started again.
    """

    def __init__(self, settings: Settings, on_fatal: Callable[[], None] = lambda: None) -> None:
        self._most = settings.gateway_in_flight
        self._config = bus_config(settings) | {
            "client.id": "callgauge-gateway",
            "queue.buffering.max.messages": 2 * self._most,
            "error_cb": self._on_error,
        }
        self._log = LibrdkafkaLog(again_after_s=60.0)
        self._producer = self._opened()
        self._renew_s = RENEW_AFTER * settings.gateway_ack_s
        self._failing_since: float | None = None
        self._on_fatal = on_fatal
        self.fatal = ""
        """Why the producer can do no more; empty while it can."""
        self._pump: asyncio.TimerHandle | None = None
        self.in_flight = 0
        """Messages that the broker has not told of yet."""

    def _opened(self) -> Producer:
        try:
            return Producer(self._config, logger=self._log)
        except KafkaException as error:
            raise BrokerError(f"librdkafka refuses the bus settings: {error.args[0]}; check CALLGAUGE_*") from error

    async def send(self, records: Sequence[Record]) -> dict[int, str]:
        """Send records and wait until the broker has them.

        Returns:
            Place -> reason of those that it will never take, each for a fault of its own.

        Raises:
            Busy: too many are under way; nothing was sent.
            BrokerError: the broker did not confirm some of them: all are to be sent again.
        """
        if not records:
            return {}
        if self.fatal:
            raise BrokerError(self.fatal)
        if self.in_flight and self.in_flight + len(records) > self._most:
            raise Busy(f"{self.in_flight:,} events wait for the broker")
        loop = asyncio.get_running_loop()
        if self.in_flight and self._is_stale(loop.time()):
            raise Busy("the broker has confirmed nothing for long: a new connection is to be made")
        done: asyncio.Future[None] = loop.create_future()

        def settled() -> None:
            if not done.done():
                done.set_result(None)

        sending = Sending(records, settled)
        self.in_flight += len(records)
        try:
            sending.produce(self._producer)
            if self._pump is None or self._pump.when() > loop.time() + _POLL_S:
                self._schedule(loop, _POLL_S)
            # The reports come whatever becomes of the request: who hangs up does not lose what was taken.
            await asyncio.shield(done)
        finally:
            if done.done():
                self.in_flight -= len(records)
            else:
                done.add_done_callback(lambda _: self._forget(len(records)))
        try:
            faults = sending.faults()
        except BrokerError:
            self._failed(loop.time())
            raise
        self._failing_since = None
        return faults

    def _failed(self, now: float) -> None:
        """A producer to which nothing was confirmed for long is replaced: one whose cluster was made anew never
        recovers. What is under way is waited for first."""
        if self._failing_since is None:
            self._failing_since = now
        elif self._is_stale(now) and not self.in_flight:
            log.warning("the broker has confirmed nothing for %.0f s: connecting anew", now - self._failing_since)
            self._failing_since = now
            self._producer = self._opened()

    def _is_stale(self, now: float) -> bool:
        return self._failing_since is not None and now - self._failing_since > self._renew_s

    def _forget(self, count: int) -> None:
        self.in_flight -= count

    def _schedule(self, loop: asyncio.AbstractEventLoop, after_s: float) -> None:
        if self._pump is not None:
            self._pump.cancel()
        self._pump = loop.call_later(after_s, self._serve, loop)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        self._producer.poll(0)
        self._pump = None
        self._schedule(loop, _POLL_S if self.in_flight else _IDLE_POLL_S)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal() and not self.fatal:
            self.fatal = f"the producer ended for good: {error}"
            log.error("%s: this process ends, to be started again", self.fatal)
            self._on_fatal()

    def close(self, timeout_s: float) -> int:
        """Deliver what is under way, for at most so long. Returns how many messages are not."""
        if self._pump is not None:
            self._pump.cancel()
        return int(self._producer.flush(timeout_s))

    def check(self, timeout_s: float) -> None:
        """See that the broker answers and has the topics.

        Raises:
            BrokerError: it does not.
        """
        try:
            self._producer.list_topics(timeout=timeout_s)
        except KafkaException as error:
            raise BrokerError(f"no answer from the bus: {error.args[0].str()}") from error
