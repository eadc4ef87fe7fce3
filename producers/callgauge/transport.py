"""How a Gauge's messages leave the process: the protocol, and Kafka."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, get_args

from callgauge.errors import BrokerError
from callgauge.forks import Settling, no_fork
from callgauge.log_once import LibrdkafkaLog
from callgauge.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

__all__ = ["KafkaTransport", "Kind", "Outbound", "Report", "Transport", "leak", "producer_config"]

# Of what kind librdkafka's line is that says that a broker belongs to another cluster than before.
_OTHER_CLUSTER = "CLUSTERID"

#: What a message holds, by the name of its topic in `Topics`.
Kind = Literal["calls", "scores", "content", "heartbeats", "rules"]


class Outbound(NamedTuple):
    """A message on its way to the bus."""

    kind: Kind
    key: bytes
    value: bytes


#: Told once per message what became of it: its kind; None when it was delivered, else the reason in a word or two; and
#: then also the message.
Report = Callable[[Kind, str | None, Outbound | None], None]


class Transport(Protocol):
    """Carries messages to the bus. All methods but `abandon` are called on one thread, the Gauge's delivery thread."""

    def open(self, report: Report) -> None:
        """Make ready to send. `report` is called once per message taken, from inside `send`, `poll` or `close`.

        May be called again after `close` or `abandon`.

        Raises:
            BrokerError: it cannot be used as it is set up; the Gauge tries again later.
        """

    def send(self, message: Outbound) -> bool:
        """Take one message. False when full: the message was not taken; poll and offer it again.

        Raises:
            BrokerError: the connection is beyond use; the message was not taken. The Gauge closes and opens again.
        """

    def poll(self, timeout_s: float) -> None:
        """Work for at most this long, reporting what was delivered.

        Raises:
            BrokerError: as `send`.
        """

    def close(self, timeout_s: float) -> None:
        """Let go of the connection. What is not delivered within `timeout_s` is reported as failed."""

    def abandon(self) -> None:
        """In a forked child: forget the parent's connection without touching it."""


def producer_config(settings: Settings) -> dict[str, Any]:
    """What every librdkafka producer of calls has in common: nothing lost, nothing twice, one partitioner."""
    return settings.librdkafka() | {
        "client.id": "callgauge",
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": "lz4",
        "linger.ms": settings.linger_ms,
        # Java's default partitioner: clients in any language put a key in the same partition.
        "partitioner": "murmur2_random",
    }


def leak(producer: Producer) -> None:
    """In a forked child: never free the parent's producer.

    The parent's librdkafka threads do not exist there, and destroying the handle would wait for them for ever. So it is
    leaked on purpose: once per fork, not even freed when Python ends.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(producer))


class KafkaTransport:
    """An idempotent librdkafka producer. librdkafka is imported when it is made.

    Where messages may be kept on disk (`spill_dir`), none times out while the broker is away: what waits here is older
    than what is on disk, and so stays before it.

    Args:
        options: librdkafka options that go before those made of the settings.
    """

    def __init__(self, settings: Settings, options: Mapping[str, Any] | None = None) -> None:
        # Here, on the host's own thread, and not on the delivery thread, which a fork may find in the middle of it.
        with no_fork():
            import confluent_kafka  # noqa: F401

        patient = {"message.timeout.ms": 0} if settings.spill_dir else {}
        self._config = producer_config(settings) | patient | dict(options or {})
        self._topics: dict[str, str] = {kind: getattr(settings.topics, kind).name for kind in get_args(Kind)}
        self._kinds: dict[str, Kind] = {self._topics[kind]: kind for kind in get_args(Kind)}
        self._log = LibrdkafkaLog()
        self._producer: Producer | None = None
        self._settling: Settling | None = None
        self._clusters = 0
        self._report: Report = lambda kind, reason, message: None

    def open(self, report: Report) -> None:
        """See `Transport.open`. Does not wait for the broker: librdkafka connects, and reconnects, on its own."""
        from confluent_kafka import KafkaException, Producer

        self._report, self._clusters = report, self._log.counts[_OTHER_CLUSTER]
        try:
            # With the logger, librdkafka's own lines go where the host's logs go, not to its standard error.
            with no_fork():
                self._producer = Producer(self._config, logger=self._log)
                self._settling = Settling()
        except KafkaException as error:
            raise BrokerError(f"librdkafka refuses the bus settings: {error.args[0]}; check CALLGAUGE_*") from error

    def send(self, message: Outbound) -> bool:
        """See `Transport.send`. The record carries no timestamp: the broker stamps it when it appends."""
        from confluent_kafka import KafkaException

        producer = self._opened()
        try:
            producer.produce(self._topics[message.kind], message.value, message.key, on_delivery=self._on_delivery)
        except BufferError:
            return False
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            if reason.fatal():
                raise BrokerError(f"the producer ended for good: {reason}") from error
            self._report(message.kind, reason.name(), message)
        return True

    def poll(self, timeout_s: float) -> None:
        """See `Transport.poll`. librdkafka says when a broker is of another cluster, but then delivers nothing more."""
        self._opened().poll(timeout_s)
        if self._log.counts[_OTHER_CLUSTER] > self._clusters:
            raise BrokerError("the bus was made anew: it is another cluster at the same address")

    def close(self, timeout_s: float) -> None:
        """See `Transport.close`."""
        producer, self._producer = self._producer, None
        self._settled()
        if producer is None:
            return
        if producer.flush(timeout_s):
            producer.purge()
            producer.flush(1.0)  # serves the reports of what was purged
        with no_fork():
            del producer  # ends its threads

    def abandon(self) -> None:
        """See `Transport.abandon`."""
        if self._producer is not None:
            leak(self._producer)
        self._producer = self._settling = None

    def _opened(self) -> Producer:
        if self._producer is None:
            raise BrokerError("not open")
        return self._producer

    def _settled(self) -> None:
        if self._settling is not None:
            self._settling.done()
            self._settling = None

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        kind = self._kinds[message.topic() or ""]
        if error is None:
            self._settled()
            self._report(kind, None, None)
        else:
            self._report(kind, error.name(), Outbound(kind, message.key() or b"", message.value() or b""))
