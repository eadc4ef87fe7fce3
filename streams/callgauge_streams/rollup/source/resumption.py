"""Finds where rollup goes on in a partition that it takes over, and reads the ids of the records just before."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator

import aiokafka
import msgspec
from faust.types import TP

from callgauge.errors import BrokenChain, BrokerError
from callgauge.settings import Settings
from callgauge_streams.bus.blocks import Resumption, resume_after_retention
from callgauge_streams.bus.commit_note import CommitNote
from callgauge_streams.bus.reader import PartitionHead, beyond_end, open_reader
from callgauge_streams.bus.records import Records
from callgauge_streams.bus.steps import note_step
from callgauge_streams.bus.takeover import Start, Stored
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import kinds_of
from callgauge_streams.rollup.source.duplicates import SeenIds
from callgauge_streams.rollup.source.horizon import read_horizon
from callgauge_streams.rollup.source.state_machine import seen_in

__all__ = ["Resumer"]

log = logging.getLogger(__name__)

_MINUTE_S = 60.0
# A broker's clock may be behind ours by so much; a minute is taken as over only after that.
_CLOCKS_DIFFER_S = 600.0


class Resumer:
    """Finds the starts of partitions, and keeps the ids of the records before each until its source is made.

    Args:
        on_loss: told how many offsets of a partition are lost.
        now: epoch seconds.
    """

    def __init__(
        self,
        settings: Settings,
        config: RollupConfig,
        on_loss: Callable[[TP, int], None],
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._config = config
        self._kinds = kinds_of(settings.topics)
        self._on_loss = on_loss
        self._now, self._sleep = now, sleep
        # Kept by start: a takeover that fails must not remove what an earlier one has found.
        self._seen: dict[tuple[TP, int], SeenIds] = {}

    async def start_of(self, consumer: aiokafka.AIOKafkaConsumer, tp: TP, stored: Stored) -> Start:
        """Where to go on: at the committed block start, or at the log's start if nothing was committed, or after both
        if retention has deleted records before they were counted.

        Raises:
            BrokerError: the committed offset lies beyond the log's end.
        """
        aiotp = aiokafka.TopicPartition(tp.topic, tp.partition)
        note_step("asking for the log's beginning")
        log_start: int = (await consumer.beginning_offsets([aiotp]))[aiotp]
        if stored.offset is None:
            start = Start(log_start, CommitNote(epoch=self._config.epoch))  # nobody has counted anything before
        elif stored.offset >= log_start:
            await self._refuse_beyond_end(tp, stored.offset)
            start = Start(stored.offset, self._still_true(stored.note))
        else:
            resumption = await self._resume(tp, stored.offset, stored.note)
            start = Start(resumption.start, self._loss_noted(tp, stored, resumption))
        # This is read before anything is counted, as the rows depend on it.
        self._seen[tp, start.offset] = await asyncio.to_thread(self._seen_before, tp, start.offset)
        return start

    async def _refuse_beyond_end(self, tp: TP, committed: int) -> None:
        """End the process when the log is not the one that the offset was committed for. Where counting should go on is
        for people to say: in a topic made anew at its start, in a log that was cut perhaps elsewhere."""
        note_step("comparing what is committed with the log's end")
        end = await asyncio.to_thread(self._end_before, tp, committed)
        if end is not None:
            holds = self._kinds[tp.topic].name
            raise BrokerError(
                f"{beyond_end(f'{tp.topic}-{tp.partition}', committed, end)}. Nothing is counted until you say where "
                f"to go on: stop all rollup workers and run `callgauge reaggregate --from 1970-01-01 --topic {holds}`, "
                "which sets the group back to the log's first record; a topic made anew is another source, so nothing "
                "of it is counted twice"
            )

    def _end_before(self, tp: TP, committed: int) -> int | None:
        with open_reader(self._settings) as consumer:
            head = PartitionHead(consumer, tp.topic, tp.partition)
            return head.end if head.end < committed and head.ends_before(committed) else None

    def _seen_before(self, tp: TP, start: int) -> SeenIds:
        return seen_in(self._config, self._kinds[tp.topic], self._horizon(tp, start))

    def _horizon(self, tp: TP, start: int) -> Iterator[Records]:
        note_step("reading the ids of the records before its start")
        for records in read_horizon(self._settings, *tp, start):
            yield records
            note_step("reading the ids of the records before its start")

    def _still_true(self, note: CommitNote) -> CommitNote:
        """Drop what the old note says of confirmed rows if it is of another epoch: those rows become void once our
        start is told."""
        if note.epoch == self._config.epoch:
            return note
        return msgspec.structs.replace(note, counted_to=-1, minute=-1, epoch="")

    async def _resume(self, tp: TP, committed: int, note: CommitNote) -> Resumption:
        """The next offset where a block certainly begins. At the log's end that is known only when the minute is over,
        so this may wait up to a minute."""
        end, since = -1, 0.0
        while True:
            note_step("looking for a block start after retention")
            resumption, is_cut, log_end = await asyncio.to_thread(self._look, tp, committed, note)
            if is_cut or self._is_past(note.minute if resumption.lost_from < 0 else -1):
                return resumption
            if log_end != end:
                end, since = log_end, self._now()
                what = "retention has deleted the block that was open; counting goes on where the next one begins"
                log.info(f"%s/%d: {what}, in up to a minute; the last record has offset %d", *tp, log_end - 1)
            elif self._now() - since > _MINUTE_S:
                return resumption
            await self._sleep(1.0)

    def _look(self, tp: TP, committed: int, note: CommitNote) -> tuple[Resumption, bool, int]:
        """Where to go on in the log as it is now, whether a block certainly begins there, and the log's end."""
        block_offsets = self._config.block_offsets if note.epoch == self._config.epoch else None
        with open_reader(self._settings) as consumer:
            head = PartitionHead(consumer, tp.topic, tp.partition)
            found = resume_after_retention(committed, note.counted_to, note.minute, head, block_offsets)
            return found, found.is_cut(head, block_offsets), head.end

    def _is_past(self, minute: int) -> bool:
        """Whether a minute of append time is certainly over. The minute -1 is not known, so it is."""
        return 0 <= minute < (self._now() - _CLOCKS_DIFFER_S) // _MINUTE_S

    def _loss_noted(self, tp: TP, stored: Stored, resumption: Resumption) -> CommitNote:
        """Keep a loss in the note until a later block start is committed, so that each takeover tells it again and it
        cannot be missed. A loss that was noted before is dropped if records were counted after it: then it has been
        told, since a start is sent before its first row.
        """
        before = stored.note.lost_from if stored.note.counted_to < 0 else -1
        lost = [offset for offset in (before, resumption.lost_from) if offset >= 0]
        if resumption.lost_from >= 0:
            self._on_loss(tp, resumption.start - resumption.lost_from)
            what = (
                "retention has eaten records before they were counted: offsets %d to %d are in no window, and counting "
                "goes on after them; raise the topic's retention.ms, or run more rollup workers"
            )
            log.error(f"%s/%d: {what}", *tp, resumption.lost_from, resumption.start - 1)
        else:
            what = "retention has deleted the committed offset %d, but nothing that was not counted"
            log.info(f"%s/%d: {what}", *tp, stored.offset)
        return CommitNote(lost_from=min(lost, default=-1), epoch=self._still_true(stored.note).epoch)

    def take_seen(self, tp: TP, start: int) -> SeenIds:
        """The ids of the horizon before a start. They are handed over once, since counting adds to them.

        Raises:
            BrokenChain: no takeover has found this start.
        """
        seen = self._seen.pop((tp, start), None)
        if seen is None:
            raise BrokenChain(f"{tp.topic}-{tp.partition}: the ids before offset {start} were not read")
        for other in [key for key in list(self._seen) if key[0] == tp]:
            self._seen.pop(other, None)
        return seen

    def forget(self) -> None:
        """Forget partitions that are taken away."""
        self._seen.clear()
