"""Some messages that are sent together, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from callgauge.errors import BrokerError
from callgauge.settings import Settings
from callgauge.transport import producer_config
from callgauge_gateway.batch import Record

__all__ = ["Sending", "bus_config"]

#: How long librdkafka waits for more messages before it sends some, in ms: somebody waits for the answer.
LINGER_MS = 1
#: Errors of one message only. Any other is the bus's, and everything is to be sent again.
MESSAGE_FAULTS = frozenset({"MSG_SIZE_TOO_LARGE", "INVALID_MSG", "INVALID_RECORD", "_INVALID_ARG"})


def bus_config(settings: Settings) -> dict[str, Any]:
    """Settings of a producer that tells within `gateway_ack_s` what became of each message."""
    return producer_config(settings) | {
        "linger.ms": LINGER_MS,
        "message.timeout.ms": int(settings.gateway_ack_s * 1e3),
    }


class Sending:
    """The messages of one request or export.

    Args:
        on_done: called once when the fate of each is known, from inside `produce` or the producer's `poll`.
    """

    def __init__(self, records: Sequence[Record], on_done: Callable[[], object] = lambda: None) -> None:
        self._records = records
        self._on_done = on_done
        self._failures: list[tuple[KafkaError, bytes]] = []
        self.left = len(records)
        """Messages whose fate is not known yet."""

    def produce(self, producer: Producer) -> None:
        """Hand all to librdkafka.

        Raises:
            BrokerError: its queue is full; some may have been taken all the same.
        """
        produce, report = producer.produce, self._report
        for number, (topic, key, value, _) in enumerate(self._records):
            try:
                produce(topic, value, key, on_delivery=report)
            except BufferError:
                self._settle(len(self._records) - number)
                raise BrokerError("librdkafka's queue is full") from None
            except KafkaException as error:
                self._failures.append((error.args[0], value))
                self._settle(1)

    def _report(self, error: KafkaError | None, message: Message) -> None:
        """librdkafka's report of one message."""
        if error is not None:
            self._failures.append((error, message.value() or b""))
        self._settle(1)

    def _settle(self, count: int) -> None:
        self.left -= count
        if self.left <= 0:
            self._on_done()

    def faults(self) -> dict[int, str]:
        """Place -> reason of those that the broker will never take, each for a fault of its own.

        Raises:
            BrokerError: the broker did not confirm some for a fault of its own: all are to be sent again.
        """
        for error, _ in self._failures:
            if error.name() not in MESSAGE_FAULTS:
                raise BrokerError(
                    f"the broker did not confirm {len(self._failures)} of {len(self._records)} events: {error.str()}"
                )
        reasons = {value: error.str() for error, value in self._failures}
        return {record.place: reasons[record.value] for record in self._records if record.value in reasons}
