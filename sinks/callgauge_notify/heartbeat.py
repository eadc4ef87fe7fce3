"""The dead-man's switch: a URL is fetched once a minute while the whole pipeline is alive.

Whoever watches the URL (healthchecks.io, Uptime Kuma, ...) raises an alarm when the requests stop.
The pipeline is alive while

- rollup tells its progress on the windows topic, and the watermark of each source that is not idle is young enough;
- detect has read the windows topic up to a little before its end (its group's committed offsets);
- the loop of this notifier goes round.

Nothing is fetched when one of these fails: the alarm must come from outside, since nothing in here can be relied on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from callgauge.codec import decode_window_record
from callgauge.errors import DecodeError
from callgauge.schema import Progress
from callgauge.settings import Settings
from callgauge_notify.receivers.receiver import NotDelivered, Refused
from callgauge_notify.receivers.web import Web, check_answer

__all__ = ["Heartbeat", "Pulse", "ReadLag"]

log = logging.getLogger(__name__)

_EVERY_S, _ASK_S = 60.0, 5.0
#: Progress is told every second; a worker unheard for so long is gone, and its sources with it.
_UNHEARD_S = 30.0


@dataclass(slots=True)
class Pulse:
    """What is known of the pipeline, and whether that is life. Pure; times are epoch seconds.

    Args:
        lag_s: how old the watermark of a source may be that is not idle.
    """

    lag_s: float
    _sources: dict[str, tuple[float, float, bool]] = field(default_factory=dict)

    def take(self, progress: Any, at: float) -> None:
        """A worker told its progress."""
        for source in progress.sources:
            self._sources[source.source] = (at, source.watermark_ms / 1e3, source.idle)

    def problem(self, now: float, detect_lag_s: float | None, loop_age_s: float) -> str:
        """What is not alive; "" if everything is.

        Args:
            detect_lag_s: the age of the oldest window record that detect has not read; None if that is not known.
            loop_age_s: since the notifier's loop last went round.
        """
        if loop_age_s > self.lag_s:
            return f"the notifier's loop has not gone round for {loop_age_s:.0f} s"
        heard = [source for source in self._sources.values() if now - source[0] <= _UNHEARD_S]
        if not heard:
            return "no rollup worker tells its progress"
        behind = max((now - watermark for _, watermark, idle in heard if not idle), default=0.0)
        if behind > self.lag_s:
            return f"rollup is {behind:.0f} s behind"
        if detect_lag_s is None:
            return "it is not known how far detect has read"
        if detect_lag_s > self.lag_s:
            return f"detect is {detect_lag_s:.0f} s behind"
        return ""


class ReadLag:
    """How old the oldest record is that a group has not committed, from the ends of partitions seen over time. Pure."""

    def __init__(self) -> None:
        self._ends: dict[int, list[tuple[float, int]]] = {}

    def end(self, partition: int, offset: int, at: float) -> None:
        """The partition ended here at this time."""
        seen = self._ends.setdefault(partition, [])
        if not seen or seen[-1][1] < offset:
            seen.append((at, offset))

    def committed(self, partition: int, offset: int) -> None:
        """The group has read up to here."""
        self._ends[partition] = [each for each in self._ends.get(partition, []) if each[1] > offset]

    def lag_s(self, now: float) -> float:
        """Seconds."""
        return max((now - seen[0][0] for seen in self._ends.values() if seen), default=0.0)


class Loop(Protocol):
    """The notifier, as far as it is watched.

    Attributes:
        turned_at: seconds on the monotonic clock when its loop last went round.
    """

    turned_at: float


class Heartbeat:
    """See above."""

    def __init__(
        self,
        settings: Settings,
        web: Web,
        loop: Loop,
        clock: Callable[[], float] = time.time,
        every_s: float = _EVERY_S,
    ) -> None:
        self._every_s = every_s
        self._settings = settings
        self._topic = settings.topics.windows.name
        self._url = settings.heartbeat_url.get_secret_value()
        self._web = web
        self._loop = loop
        self._clock = clock
        self._pulse = Pulse(settings.heartbeat_lag_s)
        self._lag = ReadLag()
        self._lag_known = False
        self._stop = threading.Event()
        self.ready = threading.Event()
        self.sent = 0

    def stop(self) -> None:
        """End soon. To be called from another thread."""
        self._stop.set()

    def run(self) -> None:
        """Watch and fetch until `stop` is called."""
        consumer = Consumer(
            self._settings.librdkafka() | {"group.id": self._settings.group("detect"), "enable.auto.commit": False}
        )
        try:
            partitions = range(self._settings.windows_partitions)
            # Assigned, never subscribed: the group is only asked for its offsets, and not joined.
            consumer.assign([TopicPartition(self._topic, number, OFFSET_END) for number in partitions])
            self.ready.set()
            next_at = ask_at = self._clock()
            while not self._stop.is_set():
                self._listen(consumer)
                if self._clock() >= ask_at:
                    self._ask_detect(consumer)
                    ask_at = self._clock() + _ASK_S
                if self._clock() >= next_at:
                    self._beat()
                    next_at = self._clock() + self._every_s
        finally:
            consumer.close()

    def _listen(self, consumer: Consumer) -> None:
        for message in consumer.consume(500, 0.5):
            if message.error() is not None:
                continue
            try:
                record = decode_window_record(message.value())
            except DecodeError:
                continue
            if record.kind == Progress.model_fields["kind"].default:
                self._pulse.take(record, self._clock())

    def _ask_detect(self, consumer: Consumer) -> None:
        """Where the windows topic ends, and how far detect's group has committed."""
        wanted = [TopicPartition(self._topic, number) for number in range(self._settings.windows_partitions)]
        try:
            for each in wanted:
                self._lag.end(each.partition, consumer.get_watermark_offsets(each, timeout=5)[1], self._clock())
            for found in consumer.committed(wanted, timeout=5):
                self._lag.committed(found.partition, found.offset)
            self._lag_known = True
        except KafkaException as error:
            log.warning("heartbeat: the broker does not say how far detect has read: %s", error.args[0].str())
            self._lag_known = False

    def _detect_lag_s(self) -> float | None:
        return self._lag.lag_s(self._clock()) if self._lag_known else None

    def _beat(self) -> None:
        age_s = time.monotonic() - self._loop.turned_at
        problem = self._pulse.problem(self._clock(), self._detect_lag_s(), age_s)
        if problem:
            log.warning("no heartbeat: %s", problem)
            return
        try:
            answer = self._web.get(self._url)
            check_answer(self._url, answer.status_code, answer.headers, self._clock())
            self.sent += 1
        except (NotDelivered, Refused) as error:
            log.warning("heartbeat not taken: %s", error)
