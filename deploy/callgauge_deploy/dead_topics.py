"""Reads dead letters from their topic, reads the records that they are about, and sends records again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from callgauge.codec import read
from callgauge.errors import BrokerError, DecodeError
from callgauge.log_once import LibrdkafkaLog
from callgauge.schema import DeadLetter
from callgauge.settings import Settings
from callgauge.transport import producer_config
from callgauge_sinks.dead.resend import Original, Resend
from callgauge_sinks.dead.selection import Group, Selection, groups_of, id_of
from callgauge_streams.bus.reader import next_message, open_reader

__all__ = ["TopicLetters", "originals_of", "send"]

_TIMEOUT_S = 30.0
#: No batch has more records; reading goes no further for the end of a partition that is being written to.
_LARGEST_BATCH = 100_000
#: Records of more than a megabyte may have been let in by the broker; it decides again, not the client.
_LARGEST = 100_000_000


class TopicLetters:
    """The letters of the dead-letter topic, which keeps them for 30 days."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def groups(self) -> list[Group]:
        """See `selection.groups_of`."""
        return groups_of(self.letters(Selection()))

    def heads(self, selection: Selection) -> list[DeadLetter]:
        """The chosen letters, without their bytes."""
        return [letter.model_copy(update={"raw": ""}) for letter in self.letters(selection)]

    def letters(self, selection: Selection) -> Iterator[DeadLetter]:
        """The chosen letters in the order of the topic. One that was written more than once comes once."""
        seen = set()
        topic = self._settings.topics.dead.name
        with open_reader(self._settings) as consumer:
            for partition in range(_partitions(consumer, topic)):
                consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
                while message := next_message(consumer, f"{topic}/{partition}"):
                    letter = _letter_of(message.value())
                    if letter and selection.takes(letter) and (id_of(letter), letter.ts) not in seen:
                        seen.add((id_of(letter), letter.ts))
                        yield letter


def _letter_of(value: bytes | None) -> DeadLetter | None:
    try:
        return read(DeadLetter, value)
    except DecodeError:
        return None  # the sink of dead letters has said so in its log; there is nothing to show or to send


def _partitions(consumer: Consumer, topic: str) -> int:
    """How many partitions a topic has; none if it is not there."""
    found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    return 0 if found.error is not None else len(found.partitions)


def originals_of(settings: Settings, letters: Sequence[DeadLetter]) -> list[Original | None]:
    """The record at each letter's place, None where there is none any more."""
    places = [(letter.topic, letter.partition) for letter in letters]
    with open_reader(settings) as consumer:
        sizes = {topic: _partitions(consumer, topic) for topic, _ in set(places)}
        held = {place: _held(consumer, *place) for place in set(places) if place[1] < sizes[place[0]]}
        return [
            _original_of(consumer, letter) if letter.offset in held.get(place, ()) else None
            for letter, place in zip(letters, places, strict=True)
        ]


def _held(consumer: Consumer, topic: str, partition: int) -> range:
    """The offsets that a partition holds. tansu 0.6 tells the first offset of the last batch as the end, and does not
    answer when it is asked for an offset beyond the end; so the end is looked for."""
    first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_TIMEOUT_S)
    told = end
    consumer.assign([TopicPartition(topic, partition, told)])
    while end < told + _LARGEST_BATCH and (message := next_message(consumer, f"{topic}/{partition}")):
        end = (message.offset() or 0) + 1
    return range(first, end)


def _original_of(consumer: Consumer, letter: DeadLetter) -> Original | None:
    consumer.assign([TopicPartition(letter.topic, letter.partition, letter.offset)])
    message = next_message(consumer, str(id_of(letter)))
    if message is None or message.offset() != letter.offset:
        return None  # compacted, or deleted meanwhile
    key = message.key()
    return Original(message.value() or b"", key.encode() if isinstance(key, str) else key)


def send(settings: Settings, records: Iterable[Resend]) -> list[str | None]:
    """Send records to the partitions that they came from.

    Returns:
        For each, None when the broker has it, else why not.

    Raises:
        BrokerError: the client cannot be used as it is set up.
    """
    outcomes: list[str | None] = []
    own = {"message.timeout.ms": int(_TIMEOUT_S * 1e3), "message.max.bytes": _LARGEST}
    try:
        producer = Producer(producer_config(settings) | own, logger=LibrdkafkaLog())
    except KafkaException as error:
        raise BrokerError(f"librdkafka refuses the bus settings: {error.args[0]}; check CALLGAUGE_*") from error
    for place, record in enumerate(records):
        outcomes.append("not acknowledged in time")
        _produce(producer, record, place, outcomes)
    producer.flush(_TIMEOUT_S + 5)
    return outcomes


def _produce(producer: Producer, record: Resend, place: int, outcomes: list[str | None]) -> None:
    def on_delivery(error: KafkaError | None, _message: Any) -> None:
        outcomes[place] = None if error is None else error.str()

    while True:
        try:
            producer.produce(
                record.topic, record.value, record.key, partition=record.partition, on_delivery=on_delivery
            )
            return
        except BufferError:
            producer.poll(0.1)
        except KafkaException as error:
            outcomes[place] = error.args[0].str()
            return
