"""What is judged from history at each instant: the rules of the set in force, and the budgets."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from callgauge.errors import BrokerError
from callgauge.log_once import LibrdkafkaLog
from callgauge.settings import Settings
from callgauge_evaluator.binding import bind_history
from callgauge_evaluator.evaluation import Judges, RuleJudge
from callgauge_rules.rule_sets import KnownSet, RuleBook

__all__ = ["HistoryRules", "RulesTopic", "Written"]

log = logging.getLogger(__name__)

_TIMEOUT_S = 30.0


class Written(NamedTuple):
    """A record of the rules topic."""

    offset: int
    appended_ms: int
    value: bytes | None


class HistoryRules:
    """See above.

    Args:
        new: gives the records of the rules topic that came since it was called last.
    """

    def __init__(self, book: RuleBook, budgets: Sequence[Judges], new: Callable[[], Iterable[Written]] = tuple) -> None:
        self._book, self._budgets, self._new = book, tuple(budgets), new
        self._made: dict[int, tuple[KnownSet, Sequence[Judges]]] = {}

    def read(self) -> None:
        """Take note of the rule sets that have come.

        Raises:
            BrokerError: the topic cannot be read.
        """
        for record in self._new():
            refused = self._book.take(*record)
            if refused is not None:
                log.warning("rule set %s is not used: %s", refused.version or "?", refused.reason)

    def at(self, at_ms: int) -> Sequence[Judges]:
        """What is judged at an instant."""
        known = self._book.at(at_ms)
        made = self._made.get(known.offset)
        if made is None or made[0] is not known:
            made = self._made[known.offset] = (known, self._judges_of(known))
        return made[1]

    def _judges_of(self, known: KnownSet) -> Sequence[Judges]:
        rules, refused = bind_history(known.placed)
        for name, why in refused.items():
            log.warning("rule %s is judged nowhere: %s", name, why)
        return [*(RuleJudge(rule) for rule in rules), *self._budgets]


class RulesTopic:
    """The rules topic, from its beginning."""

    def __init__(self, settings: Settings) -> None:
        self._partition = TopicPartition(settings.topics.rules.name, 0)
        self._servers = settings.bootstrap_servers
        self._consumer: Any = Consumer(
            settings.librdkafka()
            | {
                "group.id": settings.group("reader"),  # librdkafka wants a name; nothing is ever committed
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
            },
            logger=LibrdkafkaLog(again_after_s=60.0),
        )
        self._next_offset: int | None = None

    def read(self) -> Iterator[Written]:
        """The records that have come since the last time, up to the end that the topic has now.

        Raises:
            BrokerError: the broker does not answer.
        """
        topic, number = self._partition.topic, self._partition.partition
        try:
            low, end = self._consumer.get_watermark_offsets(self._partition, timeout=_TIMEOUT_S)
            if self._next_offset is None:
                self._consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING)])
                self._next_offset = low
            deadline = time.monotonic() + _TIMEOUT_S
            while self._next_offset < end:
                for message in self._consumer.consume(1_000, 0.1):
                    if message.error() is None:
                        self._next_offset = message.offset() + 1
                        yield Written(message.offset(), message.timestamp()[1], message.value())
                position = self._consumer.position([self._partition])[0].offset
                self._next_offset = max(self._next_offset, position)  # what was compacted away leaves holes
                if time.monotonic() > deadline:
                    raise BrokerError(f"{topic} at {self._servers}: no answer within {_TIMEOUT_S:g} s")
        except KafkaException as error:
            raise BrokerError(f"{topic} at {self._servers}: {error.args[0].str()}; is the broker up?") from error
