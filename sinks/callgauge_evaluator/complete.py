"""Up to which instant the store has all calls and scores.

An instant is complete when everything is stored that was on the topics once the clock had passed it by the
out-of-orderness bound. The ends of the partitions are read then, and compared with what the sinks say they have stored
(`stored_offsets`). Calls that come later than the bound count from the instant on that is judged after they came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaException, TopicPartition

from callgauge.errors import BrokerError
from callgauge.settings import Settings
from callgauge_evaluator.binding import MINUTE_MS
from callgauge_history.store import Ask

__all__ = ["Complete", "ends_of", "stored_to"]

_TIMEOUT_S = 30.0
#: Source -> the offset behind its last record.
Ends = Mapping[str, int]


class Complete:
    """See above.

    Args:
        read_ends: the ends of all partitions now.
        lateness_ms: the out-of-orderness bound.
    """

    def __init__(self, read_ends: Callable[[], Ends], lateness_ms: int) -> None:
        self._read_ends, self._lateness_ms = read_ends, lateness_ms
        self._waiting: deque[tuple[int, Ends]] = deque()
        self._complete_ms = 0

    def up_to(self, now_ms: int, ask: Ask) -> int:
        """The last complete instant, epoch ms; 0 if none is known yet.

        Raises:
            BrokerError, StoreError: they cannot be asked.
        """
        newest_ms = (now_ms - self._lateness_ms) // MINUTE_MS * MINUTE_MS
        if newest_ms > (self._waiting[-1][0] if self._waiting else self._complete_ms):
            self._waiting.append((newest_ms, self._read_ends()))
        if self._waiting:
            stored = stored_to(ask)
            while self._waiting and all(stored.get(source, 0) >= end for source, end in self._waiting[0][1].items()):
                self._complete_ms = self._waiting.popleft()[0]
        return self._complete_ms


def stored_to(ask: Ask) -> dict[str, int]:
    """Source -> the offset behind the last record that the sinks have stored."""
    rows = ask("SELECT source, max(next_offset) FROM stored_offsets GROUP BY source").rows
    return {str(source): int(offset) for source, offset in rows}


def ends_of(consumer: Any, settings: Settings, origins: Mapping[str, str]) -> Ends:
    """The ends of the partitions of calls and scores that hold records.

    Args:
        origins: topic -> "cluster id/topic id".

    Raises:
        BrokerError: the broker does not answer.
    """
    ends: dict[str, int] = {}
    try:
        for topic in (settings.topics.calls.name, settings.topics.scores.name):
            for number in consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions:
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT_S)
                if high > low:
                    ends[f"{origins[topic]}/{number}"] = high
    except KafkaException as error:
        raise BrokerError(f"{settings.bootstrap_servers}: {error.args[0].str()}; is the broker up?") from error
    return ends
