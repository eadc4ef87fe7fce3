"""The calls that the sink's chaos runs send, and what must be in the store afterwards: both follow from a number."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import Producer

from callgauge.settings import Settings
from tests.chaos.pipeline import quiet

__all__ = ["CONSTRAINT", "CallSender", "Expected", "expected_of", "value_of"]

#: Makes the store refuse some calls that can be read.
CONSTRAINT = "ALTER TABLE calls ADD CONSTRAINT IF NOT EXISTS no_poison CHECK service != 'refused'"
_UNREADABLE, _TWICE = 9_973, 89
#: To find a refused call takes the sink a dozen inserts. There are enough at first for a short run, and later so few
#: that a long one is not a measurement of finding them.
_REFUSED_FIRST, _FIRST, _REFUSED_LATER = 4_999, 50_000, 99_991
_COST_NANO = 1_500_000
_PADDING = "x" * 200


@dataclass(frozen=True)
class Expected:
    """Of the calls 0 to n - 1."""

    calls: int
    ids: int
    """The sum of their ids."""
    dead: int
    messages: int

    @property
    def cost_nano(self) -> int:
        return self.calls * _COST_NANO


def value_of(number: int) -> bytes:
    """A call of 480 bytes; every so often one that cannot be read, or that the store refuses."""
    if number % _UNREADABLE == _UNREADABLE - 1:
        return b'{"event_id":"%d"' % number
    service = "refused" if _is_refused(number) else f"service-{number % 7}"
    return (
        f'{{"event_id":"{number}","ts":{1_700_000_000 + number / 1_000:.3f},"service":"{service}",'
        f'"model":"model-{number % 5}","provider":"openai","latency_ms":{100 + number % 900}.5,"status":"success",'
        f'"input_tokens":{number % 4_000},"output_tokens":{number % 300},"cost_usd":0.0015,"finish_reason":"stop",'
        f'"trace_id":"t{number:x}","user_id":"u{number % 1_000}","x":"{_PADDING}"}}'
    ).encode()


def _is_refused(number: int) -> bool:
    if number < _FIRST:
        return number % _REFUSED_FIRST == _REFUSED_FIRST - 1
    return number % _REFUSED_LATER == _REFUSED_LATER - 1


def expected_of(n: int) -> Expected:
    """What must be stored of the first `n` calls, each event once."""
    unreadable = range(_UNREADABLE - 1, n, _UNREADABLE)
    refused_first = range(_REFUSED_FIRST - 1, min(n, _FIRST), _REFUSED_FIRST)
    refused_later = range(_REFUSED_LATER - 1, n, _REFUSED_LATER)
    dead = {*unreadable, *refused_first, *refused_later}
    twice = sum(number not in dead for number in range(0, n, _TWICE))
    return Expected(n - len(dead), n * (n - 1) // 2 - sum(dead), len(dead), n + twice)


class CallSender:
    """Sends calls in order, as fast as asked, until it is told to stop. Some come twice, elsewhere in the log."""

    def __init__(self, settings: Settings, per_s: float) -> None:
        self._topic = settings.topics.calls.name
        self._per_s = per_s
        self._producer = Producer(
            quiet(settings) | {"enable.idempotence": True, "compression.type": "lz4", "linger.ms": 20}
        )
        self._stop = threading.Event()
        self._errors: list[str] = []
        self.sent = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send meanwhile; at the end all are acknowledged.

        Raises:
            RuntimeError: the broker did not take all of them.
        """
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
        if self._producer.flush(120) or self._errors:
            raise RuntimeError(f"not all calls were acknowledged: {self._errors[:1]}")

    def send(self, count: int) -> None:
        """Send so many more."""
        for number in range(self.sent, self.sent + count):
            value = value_of(number)
            self._produce(value, str(number))
            if number % _TWICE == 0 and b'"refused"' not in value and value.endswith(b"}"):
                self._produce(value, f"again {number}")
        self.sent += count

    def flush(self) -> None:
        """Wait until the broker has all of them."""
        if self._producer.flush(120) or self._errors:
            raise RuntimeError(f"not all calls were acknowledged: {self._errors[:1]}")

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            self.send(max(1, int(self._per_s / 10)))

    def _produce(self, value: bytes, key: str) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=self._on_delivery)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.05)

    def _on_delivery(self, error: object, _message: object) -> None:
        if error is not None:
            self._errors.append(str(error))
