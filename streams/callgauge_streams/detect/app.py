"""The detect worker: a Faust app around `Engine`, one engine for each partition of the windows topic."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import aiokafka
from faust.types import TP

from callgauge.codec import encode
from callgauge.dead_letter import dead_key
from callgauge.errors import BrokerError, DecodeError
from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_streams.bus.chunk import Chain, Chunk
from callgauge_streams.bus.outbox import Outbox, Outgoing
from callgauge_streams.bus.reader import beyond_end, open_reader, read_range
from callgauge_streams.bus.steps import note_step
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.engine_snapshot import MANIFEST, Saver
from callgauge_streams.detect.history import end_before, log_start
from callgauge_streams.detect.look_back import Known, LookBack
from callgauge_streams.detect.rules_in_force import RulesInForce
from callgauge_streams.detect.told import Told
from callgauge_streams.detect.warm_up import warm_up
from callgauge_streams.worker.app import (
    chunk_topic,
    describe_origins,
    make_app,
    run_worker,
    use_chunks,
    wrong_partitions,
)
from callgauge_streams.worker.metrics import Metrics
from callgauge_windows.messages import decode_windows

__all__ = ["DetectWorker", "detect_app", "run"]

log = logging.getLogger(__name__)

# An engine is saved every so often by the log's clock, and by this machine's no more often than half of it: while a
# worker catches up the log's clock runs ahead.
_LEAST = 0.5


class DetectWorker:
    """The engines this process holds, and the alerts it sends.

    Args:
        origin: "cluster id/topic id" of the windows topic.
    """

    def __init__(self, app: Any, settings: Settings, rules: RulesInForce, origin: str) -> None:
        self._app = app
        self._outbox = Outbox(app)
        self._settings = settings
        self._rules = rules
        self._look_back = LookBack(settings, rules, origin)
        self._known: dict[TP, Known] = {}
        self._judged: dict[TP, _Judged] = {}

    async def start_of(self, consumer: aiokafka.AIOKafkaConsumer, tp: TP, committed: int | None) -> int:
        """Where to begin reading: after the last snapshot, or as far back as the longest lookback.

        Raises:
            BrokerError: the partition was added to the topic; no rows belong there.
        """
        if tp.partition >= self._settings.windows_partitions:
            found = consumer.partitions_for_topic(tp.topic) or {tp.partition}
            raise BrokerError(wrong_partitions(self._settings, max(found) + 1))
        aiotp = aiokafka.TopicPartition(tp.topic, tp.partition)
        note_step("asking for the log's beginning")
        first: int = (await consumer.beginning_offsets([aiotp]))[aiotp]
        live_from = max(first, committed or 0)
        note_step("comparing what is committed with the log's end")
        end = await asyncio.to_thread(end_before, self._settings, tp.partition, live_from) if committed else None
        if end is not None:
            where = f"{tp.topic}-{tp.partition}"
            what = "all that it holds is judged from its beginning, and what is committed is set back"
            self._app.logger.error("%s: %s", beyond_end(where, live_from, end), what)
            live_from = first
        known = self._known[tp] = await self._look_back.known(tp.partition, first, live_from, snapshots=end is None)
        if end is not None:
            known.current = [alert.model_copy(update={"offset": -1}) for alert in known.current]
        return known.start

    def forget(self, revoked: Iterable[TP]) -> None:
        """Drop the state of partitions that are taken away."""
        for tp in revoked:
            self._judged.pop(tp, None)

    async def take(self, tp: TP, chunk: Chunk) -> None:
        """Judge a chunk's records, send the alerts that follow, then allow the chunk to be committed."""
        await self._rules.fresh()
        if not self._app.consumer.holds(tp, chunk):
            return
        judged = self._judged.get(tp) or self._judged.setdefault(tp, self._make(tp, Chain(chunk.start)))
        if self._has_other_rules(self._known[tp]):
            judged = await self._with_other_rules(tp, judged.chain)
            if not self._app.consumer.holds(tp, chunk):
                return
            self._judged[tp] = judged
        fresh = judged.chain.accept(chunk)
        if fresh is None:
            return
        engine = judged.engine
        left_out, folded = engine.left_out, engine.folded
        alerts = [alert for record in zip(*_columns(fresh), strict=True) for alert in self._decide(tp, engine, *record)]
        if engine.left_out > left_out:
            what = (
                "rows are of windows too old to be judged, or in the future; no rule sees them, ClickHouse has them: "
                "is the past being aggregated again, or is the clock of a service wrong?"
            )
            log.warning("%s/%d: %d %s", *tp, engine.left_out - left_out, what)
        if engine.folded and not folded:
            what = "there are too many series: those that are new are judged as __other__ (see alert too_many_series)"
            log.warning("%s/%d: %s", *tp, what)
        await self._send(tp, engine, judged.told.new(alerts))
        live_from = self._known[tp].live_from
        if chunk.last + 1 >= live_from:
            await self._save(tp, judged, chunk)
        self._app.consumer.confirm(tp, max(chunk.last + 1, live_from), chunk.generation)

    async def _send(self, tp: TP, engine: Engine, alerts: list[Alert]) -> None:
        topics = self._settings.topics
        # One after the other: the next worker takes the alerts that are on the topic as told, so they must have been
        # sent.
        for topic in (topics.alerts.name, topics.alerts_current.name):
            await self._outbox.put(_outgoing(topic, tp, alert) for alert in alerts)
            await self._outbox.settled()
        # After the alerts: what was learned of a window stands for what was told of it.
        await self._outbox.put(
            (topics.detect_state.name, tp.partition, key.encode(), value) for key, value in engine.take_states()
        )
        if tp.partition == 0:  # each worker reads the rules; one tells what cannot be used
            letters = [each.letter for each in self._rules.take_unusable()]
            await self._outbox.put((topics.dead.name, 0, dead_key(letter), encode(letter)) for letter in letters)
        await self._outbox.settled()

    async def _save(self, tp: TP, judged: _Judged, chunk: Chunk) -> None:
        """Save the engine as it is after a chunk, if it is time to. All its alerts are on their topic."""
        clock_ms, now_s = int(chunk.records.timestamps_ms[-1]), time.monotonic()
        every_s = self._settings.snapshot_s
        if clock_ms - judged.saved_ms < every_s * 1000 or now_s - judged.saved_s < _LEAST * every_s:
            return
        saved = await asyncio.to_thread(judged.saver.save, chunk.last + 1)
        topic = self._settings.topics.detect_state.name
        # The manifest last: until it is there the snapshot before counts, and after it nobody wants that any more.
        for part in (saved.pieces, {MANIFEST: saved.manifest}, dict.fromkeys(saved.gone)):
            await self._outbox.put((topic, tp.partition, key.encode(), value) for key, value in part.items())
            await self._outbox.settled()
        judged.saved_ms, judged.saved_s = clock_ms, now_s

    def _make(self, tp: TP, chain: Chain) -> _Judged:
        return _Judged(chain, *self._look_back.engine(tp.partition, self._known[tp]))

    def _has_other_rules(self, known: Known) -> bool:
        """Whether the stream's rules have changed since a partition was taken over."""
        if known.version == self._rules.version:
            return False
        known.version = self._rules.version
        return self._rules.known_at(known.at_ms) != known.rules

    async def _with_other_rules(self, tp: TP, chain: Chain) -> _Judged:
        """An engine that judges by the rules that are known now, and has read what they look back at: as if this worker
        had just been started. What other rules judge is not yet judged, so nothing is told in another way."""
        first = await asyncio.to_thread(log_start, self._settings, tp.partition)
        log.info("%s/%d: other rules are known; the windows that they look back at are read again", *tp)
        live_from = max(self._known[tp].live_from, chain.next_offset)
        known = self._known[tp] = await self._look_back.known(tp.partition, first, live_from, snapshots=False)
        judged = await asyncio.to_thread(self._make, tp, chain)
        await asyncio.to_thread(self._read_again, tp, judged.engine, known.start, chain.next_offset)
        return judged

    def _read_again(self, tp: TP, engine: Engine, begin: int, end: int) -> None:
        with open_reader(self._settings) as consumer:
            for record in read_range(consumer, tp.topic, tp.partition, begin, end):
                self._decide(tp, engine, *record)

    def _decide(self, tp: TP, engine: Engine, offset: int, timestamp_ms: int, value: bytes | None) -> list[Alert]:
        try:
            record = decode_windows(value)
        except DecodeError as error:
            # Skipped here; the windows sink reads the same record and puts it on the dead-letter topic.
            what = "cannot be read (%s) and is in no window that rules see; do all rollup workers run this version?"
            log.error(f"%s/%d offset %d: {what} `callgauge dead` shows the record", *tp, offset, error)
            return []
        return engine.take(offset, timestamp_ms, record)


@dataclass
class _Judged:
    """What this process judges a partition with."""

    chain: Chain
    engine: Engine
    saver: Saver
    told: Told
    saved_ms: int = 0
    """When it was saved last, by the log's clock, and by this machine's."""
    saved_s: float = 0.0


def _outgoing(topic: str, tp: TP, alert: Alert) -> Outgoing:
    return topic, tp.partition, alert.fingerprint.encode(), encode(alert)


def _columns(chunk: Chunk) -> tuple[Any, Any, Any]:
    records = chunk.records
    return records.offsets.tolist(), records.timestamps_ms.tolist(), records.values()


def detect_app(settings: Settings) -> Any:
    """The Faust app, ready to run."""
    app = make_app(settings, "detect")
    worker = DetectWorker(app, settings, RulesInForce(settings), describe_origins(settings).windows)
    use_chunks(app, start_of=worker.start_of, on_revoked=worker.forget, metrics=Metrics("detect"))

    async def detect(stream: Any) -> None:
        async for event in stream.events():
            await worker.take(event.message.tp, event.value)
            app.consumer.done(event.message.tp, event.value)

    async def ready() -> None:
        if settings.ready_file:
            settings.ready_file.touch()

    app.agent(chunk_topic(app, settings.topics.windows.name), name="detect")(detect)
    app.task(ready)
    return app


def run(settings: Settings) -> None:
    """Run a detect worker until SIGTERM."""
    app = detect_app(settings)
    warm_up()
    run_worker(app, settings)
