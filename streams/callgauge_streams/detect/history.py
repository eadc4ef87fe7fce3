"""What detect reads before it starts: the state of each alert, and how far back the windows must be read.

Plain consumers without a group: they commit nothing and count nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Message, TopicPartition
from msgspec import MsgspecError

from callgauge.codec import read_alert_record
from callgauge.errors import DecodeError
from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_streams.bus.reader import PartitionHead, next_message, open_reader
from callgauge_streams.bus.steps import note_step
from callgauge_streams.detect.engine_snapshot import MANIFEST, Manifest, is_piece, read_manifest
from callgauge_streams.detect.learned_states import LearnedState, decode_state

__all__ = ["SavedState", "current_alerts", "decided_at", "end_before", "log_start", "offset_at", "saved_state"]

_TIMEOUT_S = 30.0
log = logging.getLogger(__name__)


def current_alerts(settings: Settings, partition: int) -> list[Alert]:
    """The last transition of each alert of a partition, from the compacted topic."""
    topic = settings.topics.alerts_current.name
    found: dict[str, Alert] = {}
    with open_reader(settings) as consumer:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
        note_step(f"reading {topic}")
        while message := next_message(consumer, f"{topic}/{partition}"):
            note_step(f"reading {topic}")
            _take_note(found, message)
    return list(found.values())


def _take_note(found: dict[str, Alert], message: Message) -> None:
    key, value = (message.key() or b"").decode(errors="replace"), message.value()
    if value is None:
        found.pop(key, None)  # somebody has removed the alert
        return
    try:
        alert = read_alert_record(value)
    except DecodeError as error:
        where = f"{message.topic()}/{message.partition()} offset {message.offset()}"
        what = "the state of an alert cannot be read (%s): if it was firing, it fires once more, as a new alert"
        log.error(f"%s: {what}", where, error)
        return
    if not isinstance(alert, Alert):
        return  # what people do decides nothing here
    known = found.get(alert.fingerprint)
    # A worker that hung while sending may have written an old transition after a newer one of the next worker.
    if known is None or known.log != alert.log or (alert.offset, alert.at) >= (known.offset, known.at):
        found[alert.fingerprint] = alert


@dataclass
class SavedState:
    """What workers before have saved of a partition.

    Attributes:
        learned: what detectors have learned of single series, still encoded: of many series it is large, and not needed
            where there is a snapshot.
        pieces: of snapshots, by their keys (`engine_snapshot`).
    """

    learned: list[bytes]
    pieces: dict[str, bytes]

    def states(self) -> Iterator[LearnedState]:
        """What was learned, one by one."""
        for value in self.learned:
            with suppress(MsgspecError):  # of another version: the detector learns anew
                yield decode_state(value)

    def manifest(self) -> Manifest | None:
        """Of a snapshot that is whole; None if there is none."""
        manifest = read_manifest(self.pieces.get(MANIFEST, b""))
        return manifest if manifest is not None and all(key in self.pieces for key in manifest.keys) else None


def saved_state(settings: Settings, partition: int) -> SavedState:
    """What was saved, from the compacted topic."""
    topic = settings.topics.detect_state.name
    found: dict[str, bytes] = {}
    with open_reader(settings) as consumer:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
        note_step(f"reading {topic}")
        while message := next_message(consumer, f"{topic}/{partition}"):
            note_step(f"reading {topic}")
            key, value = (message.key() or b"").decode(errors="replace"), message.value()
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
    learned = [value for key, value in found.items() if not is_piece(key)]
    return SavedState(learned, {key: value for key, value in found.items() if is_piece(key)})


def end_before(settings: Settings, partition: int, committed: int) -> int | None:
    """The end of the windows topic's log if that lies before what was committed, else None."""
    with open_reader(settings) as consumer:
        head = PartitionHead(consumer, settings.topics.windows.name, partition)
        return head.end if head.ends_before(committed) else None


def log_start(settings: Settings, partition: int) -> int:
    """The first offset of the windows topic that is still there."""
    with open_reader(settings) as consumer:
        return PartitionHead(consumer, settings.topics.windows.name, partition).start


def decided_at(settings: Settings, partition: int, live_from: int) -> int | None:
    """When the last record that was decided was appended to the windows topic; None if it is not there.

    Args:
        live_from: the first offset not decided yet, > the log's start.
    """
    topic = settings.topics.windows.name
    with open_reader(settings) as consumer:
        consumer.assign([TopicPartition(topic, partition, live_from - 1)])
        decided = next_message(consumer, f"{topic}/{partition}")
        return None if decided is None else int(decided.timestamp()[1])


def offset_at(settings: Settings, partition: int, since_ms: int, live_from: int) -> int:
    """The first offset of the windows topic that was appended then or later, at most `live_from`."""
    topic = settings.topics.windows.name
    with open_reader(settings) as consumer:
        since = TopicPartition(topic, partition, max(since_ms, 0))
        found = consumer.offsets_for_times([since], timeout=_TIMEOUT_S)[0].offset
    return min(found, live_from) if found >= 0 else live_from
