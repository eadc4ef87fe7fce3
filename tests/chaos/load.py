"""Clean calls with known sums, and their publisher, lossless: for tests that need no dirt and no end of it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, Message, Producer

from callgauge.codec import encode
from callgauge.schema import Call
from callgauge.settings import Settings
from callgauge.units import nanodollars
from tests.oracle import Key, recount
from tests.random_calls import random_calls

__all__ = ["GROUPINGS", "Load", "Publisher", "make_load"]

GROUPINGS = "@10s model@10s service,model@60s"
_CHUNK = 500


@dataclass(frozen=True)
class Load:
    """Encoded calls, and what their windows must hold."""

    messages: list[tuple[bytes, bytes]]
    windows: dict[Key, Counter[str]]
    cost_nano: int
    tokens: int

    def __len__(self) -> int:
        return len(self.messages)


def make_load(count: int, seed: int, *, start: float = 1_700_000_000.0) -> Load:
    """`count` seeded calls over two minutes of event time, encoded and recounted once."""
    calls: list[Call] = list(random_calls(count, seed=seed, start=start, span_s=120.0))
    return Load(
        messages=[(call.trace_id.encode(), encode(call)) for call in calls],
        windows=recount(calls, GROUPINGS),
        cost_nano=sum(nanodollars(call.cost_usd) for call in calls if call.cost_usd is not None),
        tokens=sum((call.input_tokens or 0) + (call.output_tokens or 0) for call in calls),
    )


@dataclass
class Publisher:
    """Sends a load; `gate` is the number of calls that may be sent by now."""

    settings: Settings
    load: Load
    per_s: float
    gate: int
    sent: int = 0
    confirmed: int = 0
    errors: list[str] = field(default_factory=list)

    def publish_all(self) -> None:
        """Publish all from this thread and wait for every confirmation.

        Raises:
            RuntimeError: the broker did not take every call.
        """
        self.gate = len(self.load)
        self._run()
        if self.errors or self.confirmed != len(self.load):
            raise RuntimeError(f"{self.confirmed} of {len(self.load)} calls confirmed; {self.errors[:3]}")

    def _run(self) -> None:
        config = {"enable.idempotence": True, "partitioner": "murmur2_random", "compression.type": "lz4"}
        producer = Producer(self.settings.librdkafka() | config)
        while self.sent < len(self.load):
            most = min(self.sent + _CHUNK, self.gate, len(self.load))
            for key, value in self.load.messages[self.sent : most]:
                self._produce(producer, key, value)
            started, self.sent, chunk = time.monotonic(), most, most - self.sent
            pause_s = chunk / self.per_s if chunk else 0.02
            while (left_s := started + pause_s - time.monotonic()) > 0 and self.per_s < float("inf"):
                producer.poll(left_s)
        producer.flush(60)

    def _produce(self, producer: Producer, key: bytes, value: bytes) -> None:
        while True:
            try:
                return producer.produce(self.settings.topics.calls.name, value, key, on_delivery=self._on_delivery)
            except BufferError:
                producer.poll(0.1)

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self.confirmed += 1
        else:
            self.errors.append(error.str())
