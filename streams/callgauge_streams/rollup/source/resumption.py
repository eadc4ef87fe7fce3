"""Where rollup goes on in a partition that it takes over, and what was in the log just before."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import aiokafka
import msgspec
from faust.types import TP

from callgauge.errors import BrokenChain
from callgauge.settings import Settings
from callgauge_streams.bus.blocks import Resumption, resume_after_retention
from callgauge_streams.bus.commit_note import CommitNote
from callgauge_streams.bus.reader import PartitionHead, open_reader
from callgauge_streams.bus.takeover import Start, Stored
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import kinds_of
from callgauge_streams.rollup.source.duplicates import SeenIds
from callgauge_streams.rollup.source.horizon import read_horizon
from callgauge_streams.rollup.source.state_machine import seen_in

__all__ = ["Resumer"]

log = logging.getLogger(__name__)

_MINUTE_S = 60.0
# By how much a broker's clock may be behind ours, when we tell that a minute is over without waiting for it.
_CLOCKS_DIFFER_S = 600.0


class Resumer:
    """Finds starts, and keeps the ids before them until the source is made.

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
        # By start: a takeover that comes to nothing must leave what an earlier one has found.
        self._seen: dict[tuple[TP, int], SeenIds] = {}

    async def start_of(self, consumer: aiokafka.AIOKafkaConsumer, tp: TP, stored: Stored) -> Start:
        """The committed block start; the log's start at first; after it when retention was faster."""
        aiotp = aiokafka.TopicPartition(tp.topic, tp.partition)
        log_start: int = (await consumer.beginning_offsets([aiotp]))[aiotp]
        if stored.offset is None:
            start = Start(log_start, CommitNote(epoch=self._config.epoch))  # nobody has counted anything before
        elif stored.offset >= log_start:
            start = Start(stored.offset, self._still_true(stored.note))
        else:
            resumption = await self._resume(tp, stored.offset, stored.note)
            start = Start(resumption.start, self._loss_noted(tp, stored, resumption))
        # Nobody else reads it, so it is known before anything is counted.
        self._seen[tp, start.offset] = await asyncio.to_thread(self._seen_before, tp, start.offset)
        return start

    def _seen_before(self, tp: TP, start: int) -> SeenIds:
        return seen_in(self._config, self._kinds[tp.topic], read_horizon(self._settings, *tp, start))

    def _still_true(self, note: CommitNote) -> CommitNote:
        """Rows of another epoch are void as soon as our start is told, and of ours nothing is confirmed yet."""
        if note.epoch == self._config.epoch:
            return note
        return msgspec.structs.replace(note, counted_to=-1, minute=-1, epoch="")

    async def _resume(self, tp: TP, committed: int, note: CommitNote) -> Resumption:
        """Where the rule cuts next. At the log's end we wait for that: no longer than a minute without a record."""
        end, since = -1, 0.0
        while True:
            resumption, is_cut, log_end = await asyncio.to_thread(self._look, tp, committed, note)
            if is_cut or self._is_past(note.minute if resumption.lost_from < 0 else -1):
                return resumption
            if log_end != end:
                end, since = log_end, self._now()
                log.info("%s-%d: waiting for a block start, up to a minute after offset %d", *tp, log_end - 1)
            elif self._now() - since > _MINUTE_S:
                return resumption
            await self._sleep(1.0)

    def _look(self, tp: TP, committed: int, note: CommitNote) -> tuple[Resumption, bool, int]:
        """Where to go on in the log as it is now, whether the rule cuts there, and the log's end."""
        block_offsets = self._config.block_offsets if note.epoch == self._config.epoch else None
        with open_reader(self._settings) as consumer:
            head = PartitionHead(consumer, tp.topic, tp.partition)
            found = resume_after_retention(committed, note.counted_to, note.minute, head, block_offsets)
            return found, found.is_cut(head, block_offsets), head.end

    def _is_past(self, minute: int) -> bool:
        """Whether a minute of append time is surely over; -1: not known."""
        return 0 <= minute < (self._now() - _CLOCKS_DIFFER_S) // _MINUTE_S

    def _loss_noted(self, tp: TP, stored: Stored, resumption: Resumption) -> CommitNote:
        """A loss is noted until a later block start is committed: told at each takeover, it cannot fall silent.

        One that was noted before has been told if anything was counted after it: a start is told before its first row.
        """
        before = stored.note.lost_from if stored.note.counted_to < 0 else -1
        lost = [offset for offset in (before, resumption.lost_from) if offset >= 0]
        if resumption.lost_from >= 0:
            self._on_loss(tp, resumption.start - resumption.lost_from)
            what = "retention has eaten records before they were counted: offsets %d up to %d are lost"
            log.error(f"%s-%d: {what}", *tp, resumption.lost_from, resumption.start)
        else:
            log.info("%s-%d: retention has passed %s, all before it was counted", *tp, stored.offset)
        return CommitNote(lost_from=min(lost, default=-1), epoch=self._still_true(stored.note).epoch)

    def take_seen(self, tp: TP, start: int) -> SeenIds:
        """The ids of the horizon before a start; given once, since whoever counts adds to them.

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
        """Partitions are taken away."""
        self._seen.clear()
