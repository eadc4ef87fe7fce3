"""Where a worker of a plain topic begins to read: at what was committed, or where the log begins."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiokafka

from callgauge.settings import Settings
from callgauge_streams.bus.reader import PartitionHead, beyond_end, open_reader
from callgauge_streams.bus.steps import note_step
from callgauge_streams.worker.metrics import Metrics

__all__ = ["start_from_commit"]

log = logging.getLogger(__name__)


def start_from_commit(settings: Settings, metrics: Metrics) -> Callable[..., Awaitable[int]]:
    """The function that `use_chunks` asks.

    What retention ate before it was read is counted and logged; a topic that was made anew is read from its beginning.
    """

    async def start_of(consumer: aiokafka.AIOKafkaConsumer, tp: Any, committed: int | None) -> int:
        aiotp = aiokafka.TopicPartition(tp.topic, tp.partition)
        note_step("asking for the log's beginning")
        log_start: int = (await consumer.beginning_offsets([aiotp]))[aiotp]
        if committed is None:
            return log_start
        if committed < log_start:
            metrics.lost(tp, log_start - committed)
            what = (
                "records were deleted by retention before they were scored: was this worker down for longer than that?"
            )
            log.error(f"%s/%d: %d {what}", *tp, log_start - committed)
            return log_start
        note_step("comparing what is committed with the log's end")
        end = await asyncio.to_thread(_end_before, settings, tp.topic, tp.partition, committed)
        if end is None:
            return committed
        where = f"{tp.topic}-{tp.partition}"
        log.error("%s; it is read from its beginning", beyond_end(where, committed, end))
        return log_start

    return start_of


def _end_before(settings: Settings, topic: str, partition: int, offset: int) -> int | None:
    """The log's end if it lies before an offset."""
    with open_reader(settings) as consumer:
        head = PartitionHead(consumer, topic, partition)
        return head.end if head.ends_before(offset) else None
