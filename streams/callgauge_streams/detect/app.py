"""The detect worker: a Faust app around `Engine`, one engine for each partition of the windows topic."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import aiokafka
from faust.types import TP

from callgauge.codec import encode
from callgauge.dead_letter import dead_key
from callgauge.errors import BrokerError, DecodeError
from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_rules.in_force import InForce
from callgauge_streams.bus.chunk import Chain, Chunk
from callgauge_streams.bus.outbox import Outbox, Outgoing
from callgauge_streams.bus.reader import beyond_end, open_reader, read_range
from callgauge_streams.bus.steps import note_step
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.history import (
    current_alerts,
    decided_at,
    end_before,
    learned_states,
    log_start,
    offset_at,
)
from callgauge_streams.detect.history_span import read_back_ms
from callgauge_streams.detect.learned_states import LearnedState
from callgauge_streams.detect.rules_in_force import RulesInForce
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
        self._origin = origin
        self._timeout_ms = int(settings.source_timeout_s * 1000)
        self._before: dict[TP, _Before] = {}
        self._engines: dict[TP, tuple[Chain, Engine]] = {}

    async def start_of(self, consumer: aiokafka.AIOKafkaConsumer, tp: TP, committed: int | None) -> int:
        """Where to begin reading: as far back as the longest lookback, so that the windows are known again.

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
        start = await self._look_back(tp, first, live_from)
        if end is not None:
            before = self._before[tp]
            before.current = [alert.model_copy(update={"offset": -1}) for alert in before.current]
        return start

    async def _look_back(self, tp: TP, first: int, live_from: int) -> int:
        """Find out what is known of a partition before its records from `live_from` on are judged, and from which
        offset on it must be read again.

        Args:
            first: the log's first offset.
        """
        await self._rules.fresh()
        settings, partition, version = self._settings, tp.partition, self._rules.version
        current = await asyncio.to_thread(current_alerts, settings, partition)
        note_step("looking for the offset to read from")
        at_ms = await asyncio.to_thread(decided_at, settings, partition, live_from) if live_from > first else None
        rules = self._rules.known_at(at_ms or 0)
        before = self._before[tp] = _Before(live_from, at_ms or 0, rules, version, current, whole=live_from == first)
        if live_from == first:
            return first
        if any(each.rule.learns for each in rules):
            before.learned = await asyncio.to_thread(learned_states, settings, partition)
        span_ms = read_back_ms([each.rule for each in rules], self._timeout_ms)
        since_ms = 0 if at_ms is None else at_ms - span_ms
        start = (
            live_from if at_ms is None else await asyncio.to_thread(offset_at, settings, partition, since_ms, live_from)
        )
        what = (
            "reading back from offset %d, for the windows that rules look back at; alerts are decided from offset %d on"
        )
        log.info(f"%s/%d: {what}", *tp, start, live_from)
        before.whole = start == first
        return start

    def forget(self, revoked: Iterable[TP]) -> None:
        """Drop the state of partitions that are taken away."""
        for tp in revoked:
            self._engines.pop(tp, None)

    async def take(self, tp: TP, chunk: Chunk) -> None:
        """Judge a chunk's records, send the alerts that follow, then allow the chunk to be committed."""
        await self._rules.fresh()
        if not self._app.consumer.holds(tp, chunk):
            return
        chain, engine = self._engine(tp, chunk)
        if self._has_other_rules(self._before[tp]):
            engine = await self._with_other_rules(tp, chain)
            if not self._app.consumer.holds(tp, chunk):
                return
            self._engines[tp] = chain, engine
        fresh = chain.accept(chunk)
        if fresh is None:
            return
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
        await self._send(tp, engine, alerts)
        self._app.consumer.confirm(tp, max(chunk.last + 1, self._before[tp].live_from), chunk.generation)

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

    def _engine(self, tp: TP, chunk: Chunk) -> tuple[Chain, Engine]:
        if tp not in self._engines:
            self._engines[tp] = Chain(chunk.start), self._make(tp)
        return self._engines[tp]

    def _make(self, tp: TP) -> Engine:
        before = self._before[tp]
        return Engine(
            before.rules,
            log=f"{self._origin}/{tp.partition}",
            source_timeout_ms=self._timeout_ms,
            live_from=before.live_from,
            current=before.current,
            learned=before.learned,
            whole=before.whole,
            tells_losses=tp.partition == 0,
        )

    def _has_other_rules(self, before: _Before) -> bool:
        """Whether the stream's rules have changed since a partition was taken over."""
        if before.version == self._rules.version:
            return False
        before.version = self._rules.version
        return self._rules.known_at(before.at_ms) != before.rules

    async def _with_other_rules(self, tp: TP, chain: Chain) -> Engine:
        """An engine that judges by the rules that are known now, and has read what they look back at: as if this worker
        had just been started. What other rules judge is not yet judged, so nothing is told in another way."""
        first = await asyncio.to_thread(log_start, self._settings, tp.partition)
        log.info("%s/%d: other rules are known; the windows that they look back at are read again", *tp)
        start = await self._look_back(tp, first, max(self._before[tp].live_from, chain.next_offset))
        engine = self._make(tp)
        await asyncio.to_thread(self._read_again, tp, engine, start, chain.next_offset)
        return engine

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
class _Before:
    """What is known of a partition before its log is read.

    Attributes:
        live_from: the first offset that is not decided yet.
        rules, version: those that were known then, for whoever judges from `at_ms` on.
        whole: it is read from its beginning.
    """

    live_from: int
    at_ms: int
    rules: list[InForce]
    version: int
    current: list[Alert]
    learned: list[LearnedState] = field(default_factory=list)
    whole: bool = False


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
