"""Reads the rules topic to its end, again and again: what is in the book is never far behind the topic."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from callgauge.dead_letter import dead_letter
from callgauge.errors import BrokerError
from callgauge.schema import DeadLetter
from callgauge.settings import Settings
from callgauge_rules.rule_sets import Refused, RuleBook
from callgauge_streams.bus.reader import next_message, offset_of, open_reader

__all__ = ["RulesTopic", "Unusable"]

_PARTITION = 0
_END_WITHIN_MS = 20


@dataclass(frozen=True)
class Unusable:
    """A record that the book refuses, and its dead letter."""

    refused: Refused
    letter: DeadLetter


class RulesTopic:
    """Fills a book. To be used from one thread at a time.

    Attributes:
        book: what was read so far.
    """

    def __init__(self, settings: Settings, book: RuleBook) -> None:
        self.book = book
        self._settings = settings
        self._topic = settings.topics.rules.name
        self._open = ExitStack()
        self._consumer: Consumer | None = None
        self._next = 0

    def read(self) -> list[Unusable]:
        """Take the records that came since the last time; returns those that cannot be used.

        Raises:
            BrokerError: the broker does not answer; what came so far is in the book.
        """
        if self._consumer is None:
            self._consumer = self._open.enter_context(open_reader(self._settings, end_within_ms=_END_WITHIN_MS))
        found: list[Unusable] = []
        try:
            # The end is told once after each assignment.
            self._consumer.assign([TopicPartition(self._topic, _PARTITION, self._next)])
            while message := next_message(self._consumer, f"{self._topic}/{_PARTITION}"):
                found += self._take(message)
        except (BrokerError, KafkaException) as error:
            self.close()
            raise BrokerError(f"reading {self._topic}: {error}; was it made (`callgauge topics`)?") from error
        return found

    def close(self) -> None:
        """Forget the connection; the next `read` makes another."""
        self._open.close()
        self._consumer = None

    def _take(self, message: Message) -> list[Unusable]:
        offset, written_ms, value = offset_of(message), message.timestamp()[1], message.value()
        refused = self.book.take(offset, written_ms, value)
        self._next = offset + 1
        if refused is None:
            return []
        letter = dead_letter(
            cast(bytes, value),
            refused.reason.replace("\n", "; "),
            refused.field,
            topic=self._topic,
            partition=_PARTITION,
            offset=offset,
            ts=written_ms / 1000,
        )
        return [Unusable(refused, letter)]
