"""Sends traffic at its times until it is told to stop, and keeps account of what the broker acknowledged."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, Message, Producer

from callgauge.settings import Settings
from tests.chaos.pipeline import quiet
from tests.chaos.traffic import Kind, Send

__all__ = ["Sender"]

_FLUSH_S = 120.0


class Sender:
    """A producer as services have it: idempotent, `acks=all`, outlasting a broker that is away.

    Args:
        traffic: in the order of its times; may be without end.
    """

    def __init__(self, settings: Settings, traffic: Iterable[Send]) -> None:
        self._topic = settings.topics.calls.name
        self._traffic = traffic
        self._producer = Producer(quiet(settings) | {"enable.idempotence": True, "compression.type": "lz4"})
        self._stop = threading.Event()
        self.sent = 0
        self.acknowledged: Counter[Kind] = Counter()
        self.values: Counter[int] = Counter()
        """Hash of each acknowledged value, and how often it was acknowledged."""
        self.errors: list[str] = []

    @contextmanager
    def running(self) -> Iterator[Sender]:
        """Send from another thread; at the end all is acknowledged.

        Raises:
            RuntimeError: the broker did not take everything.
        """
        thread = threading.Thread(target=self._run, name="sender")
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()
        if self.errors or self.acknowledged.total() != self.sent:
            raise RuntimeError(f"{self.acknowledged.total()} of {self.sent} acknowledged; {self.errors[:3]}")

    def _run(self) -> None:
        for send in self._traffic:
            while (left_s := send.at - time.time()) > 0 and not self._stop.is_set():
                self._producer.poll(min(left_s, 0.02))
            if self._stop.is_set():
                break
            self._produce(send)
        self._producer.flush(_FLUSH_S)

    def _produce(self, send: Send) -> None:
        def on_delivery(error: KafkaError | None, _: Message) -> None:
            if error is None:
                self.acknowledged[send.kind] += 1
                self.values[hash(send.value)] += 1
            else:
                self.errors.append(error.str())

        self.sent += 1
        while True:
            try:
                self._producer.produce(self._topic, send.value, send.key, send.partition, on_delivery)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)
