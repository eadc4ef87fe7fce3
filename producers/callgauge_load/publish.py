"""Sends messages to the bus without losing one: when the bus is slow it waits, where a Gauge would drop calls."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callgauge.codec import encode
from callgauge.errors import BrokerError
from callgauge.log_once import LibrdkafkaLog
from callgauge.schema import Call, Content
from callgauge.settings import Settings
from callgauge.transport import producer_config
from callgauge_load.paced import due_times, end_s

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

__all__ = ["Due", "ReplayResult", "Stamped", "publish", "replay"]

CONNECT_S = 10.0
MESSAGE_TIMEOUT_MS = 120_000
PROGRESS_EVERY = 1_000
# Errors of one message only. Any other error is the bus's, and ends the replay.
MESSAGE_FAULTS = frozenset({"MSG_SIZE_TOO_LARGE", "INVALID_MSG", "INVALID_RECORD", "_INVALID_ARG"})


#: (seconds after the beginning at which to send, topic, key, value).
Due = tuple[float, str, bytes, bytes]
#: The same, and the record's time, epoch ms: only tansu takes it, for a recorded hour that passes in a minute.
Stamped = tuple[float, str, bytes, bytes, int]


@dataclass(frozen=True)
class ReplayResult:
    """The outcome of a replay."""

    produced: int
    """Messages the broker has confirmed."""
    failed: int
    """Messages that were refused for a fault of their own (too large, ...)."""
    seconds: float
    reasons: Counter[str] = field(default_factory=Counter)
    """Name of the error -> how many calls were refused for it."""
    by_topic: Counter[str] = field(default_factory=Counter)
    """Topic -> how many of those that were confirmed lie there."""


def replay(
    calls: Iterable[Call],
    settings: Settings,
    *,
    speed: float = 0.0,
    on_progress: Callable[[int], None] | None = None,
    content_of: Callable[[Call], Content | None] = lambda call: None,
    clock: Callable[[], float] = time.monotonic,
) -> ReplayResult:
    """Publish calls, in the order of their ends (`retime`), and wait until the broker has them all.

    Args:
        speed: how many times as fast as recorded; 0: as fast as the bus takes them.
        on_progress, clock: as of `publish`.
        content_of: the text of a call, which is published with it, at the call's time; None: it has none.

    Raises:
        BrokerError: the broker cannot be reached, has no such topic, or refuses. Calls it has taken by then stay there.
    """
    topics = settings.topics

    def due() -> Iterator[Due | Stamped]:
        for due_s, call in due_times(calls, speed):
            key = (call.trace_id or call.event_id).encode()
            yield due_s, topics.calls.name, key, encode(call)
            if (content := content_of(call)) is not None:
                yield due_s, topics.content.name, key, encode(content), round(end_s(call) * 1e3)

    return publish(due(), settings, on_progress=on_progress, clock=clock)


def publish(
    due: Iterable[Due | Stamped],
    settings: Settings,
    *,
    on_progress: Callable[[int], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> ReplayResult:
    """Publish messages, in the order in which they are due, and wait until the broker has them all.

    Args:
        on_progress: told how many messages the broker has confirmed, after each thousand and at the end.
        clock: seconds, for the pace.

    Raises:
        BrokerError: as `replay` does.
    """
    run = _Run(_connected(settings), settings)
    started = clock()
    for n, (due_s, topic, key, value, *at_ms) in enumerate(due, 1):
        run.serve_until(started + due_s, clock)
        run.send(topic, key, value, *at_ms)
        if on_progress and n % PROGRESS_EVERY == 0:
            on_progress(run.produced)
    run.finish()
    if on_progress:
        on_progress(run.produced)
    return ReplayResult(run.produced, run.refused.total(), clock() - started, run.refused, run.by_topic)


def _connected(settings: Settings) -> Producer:
    from confluent_kafka import KafkaException, Producer

    topic = settings.topics.calls.name
    try:
        config = producer_config(settings) | {"message.timeout.ms": MESSAGE_TIMEOUT_MS}
        producer = Producer(config, logger=LibrdkafkaLog())
        known = producer.list_topics(timeout=CONNECT_S).topics
    except KafkaException as error:
        where = settings.bootstrap_servers
        raise BrokerError(
            f"no answer from the bus at {where} within {CONNECT_S:g} s ({error.args[0].str()});"
            " is it running, and is CALLGAUGE_BOOTSTRAP_SERVERS right?"
        ) from error
    if topic not in known:
        raise BrokerError(
            f"the bus at {settings.bootstrap_servers} has no topic {topic}; make callgauge's topics first"
        )
    return producer


class _Run:
    def __init__(self, producer: Producer, settings: Settings) -> None:
        self.produced = 0
        self.refused: Counter[str] = Counter()
        self.by_topic: Counter[str] = Counter()
        self._producer = producer
        self._where = settings.bootstrap_servers
        self._broken = ""

    def send(self, topic: str, key: bytes, value: bytes, at_ms: int = 0) -> None:
        """Hand one message to librdkafka, waiting while its queue is full."""
        from confluent_kafka import KafkaException

        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=self._on_delivery, timestamp=at_ms)
                break
            except BufferError:
                self._serve(0.1)
            except KafkaException as error:
                self._refuse(error.args[0])
                break
        self._serve(0)

    def serve_until(self, moment: float, clock: Callable[[], float]) -> None:
        """Wait until `moment` by the clock, and handle delivery reports meanwhile."""
        while (left := moment - clock()) > 0:
            self._serve(min(left, 0.5))

    def finish(self) -> None:
        """Wait until every message is confirmed or refused."""
        while len(self._producer):
            self._producer.flush(0.5)
            self._check()

    def _serve(self, timeout_s: float) -> None:
        self._producer.poll(timeout_s)
        self._check()

    def _check(self) -> None:
        if self._broken:
            self._producer.purge()
            raise BrokerError(
                f"the bus at {self._where} stopped taking calls after {self.produced:,}: {self._broken};"
                " put it right and replay again; those stay, and a replay at another time makes other calls"
            )

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.produced += 1
            self.by_topic[message.topic() or ""] += 1
        else:
            self._refuse(error)

    def _refuse(self, error: KafkaError) -> None:
        if error.name() in MESSAGE_FAULTS:
            self.refused[error.name()] += 1
        else:
            self._broken = self._broken or f"{error.name()} ({error.str()})"
