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
from callgauge.errors import BrokerError, DecodeError
from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_rules.bound import BoundRule
from callgauge_rules.placing import place
from callgauge_rules.rules import load_rules
from callgauge_streams.bus.chunk import Chain, Chunk
from callgauge_streams.bus.outbox import Outbox, Outgoing
from callgauge_streams.bus.reader import beyond_end
from callgauge_streams.bus.steps import note_step
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.history import current_alerts, end_before, learned_states, offset_before
from callgauge_streams.detect.history_span import read_back_ms
from callgauge_streams.detect.learned_states import LearnedState
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
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.messages import decode_windows

__all__ = ["DetectWorker", "detect_app", "run"]

log = logging.getLogger(__name__)


class DetectWorker:
    """The engines this process holds, and the alerts it sends.

    Args:
        origin: "cluster id/topic id" of the windows topic.
    """

    def __init__(self, app: Any, settings: Settings, rules: list[BoundRule], origin: str) -> None:
        self._app = app
        self._outbox = Outbox(app)
        self._settings = settings
        self._rules = rules
        self._origin = origin
        self._timeout_ms = int(settings.source_timeout_s * 1000)
        self._learns = any(rule.learns for rule in rules)
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
        log_start: int = (await consumer.beginning_offsets([aiotp]))[aiotp]
        live_from = max(log_start, committed or 0)
        current = await asyncio.to_thread(current_alerts, self._settings, tp.partition)
        note_step("comparing what is committed with the log's end")
        end = await asyncio.to_thread(end_before, self._settings, tp.partition, live_from) if committed else None
        if end is not None:
            where = f"{tp.topic}-{tp.partition}"
            what = "all that it holds is judged from its beginning, and what is committed is set back"
            self._app.logger.error("%s: %s", beyond_end(where, live_from, end), what)
            live_from, current = log_start, [alert.model_copy(update={"offset": -1}) for alert in current]
        if live_from == log_start:
            self._before[tp] = _Before(live_from, current, whole=True)
            return log_start
        learned = await asyncio.to_thread(learned_states, self._settings, tp.partition) if self._learns else []
        note_step("looking for the offset to read from")
        span_ms = read_back_ms(self._rules, self._timeout_ms)
        start = await asyncio.to_thread(offset_before, self._settings, tp.partition, live_from, span_ms)
        what = (
            "reading back from offset %d, for the windows that rules look back at; alerts are decided from offset %d on"
        )
        log.info(f"%s/%d: {what}", *tp, start, live_from)
        self._before[tp] = _Before(live_from, current, learned, whole=start == log_start)
        return start

    def forget(self, revoked: Iterable[TP]) -> None:
        """Drop the state of partitions that are taken away."""
        for tp in revoked:
            self._engines.pop(tp, None)

    async def take(self, tp: TP, chunk: Chunk) -> None:
        """Judge a chunk's records, send the alerts that follow, then allow the chunk to be committed."""
        if not self._app.consumer.holds(tp, chunk):
            return
        chain, engine = self._engine(tp, chunk)
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
        await self._outbox.settled()
        self._app.consumer.confirm(tp, max(chunk.last + 1, self._before[tp].live_from), chunk.generation)

    def _engine(self, tp: TP, chunk: Chunk) -> tuple[Chain, Engine]:
        if tp not in self._engines:
            before = self._before[tp]
            engine = Engine(
                self._rules,
                log=f"{self._origin}/{tp.partition}",
                source_timeout_ms=self._timeout_ms,
                live_from=before.live_from,
                current=before.current,
                learned=before.learned,
                whole=before.whole,
                tells_losses=tp.partition == 0,
            )
            self._engines[tp] = Chain(chunk.start), engine
        return self._engines[tp]

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
        whole: it is read from its beginning.
    """

    live_from: int
    current: list[Alert]
    learned: list[LearnedState] = field(default_factory=list)
    whole: bool = False


def _outgoing(topic: str, tp: TP, alert: Alert) -> Outgoing:
    return topic, tp.partition, alert.fingerprint.encode(), encode(alert)


def _columns(chunk: Chunk) -> tuple[Any, Any, Any]:
    records = chunk.records
    return records.offsets.tolist(), records.timestamps_ms.tolist(), records.values()


def load_bound_rules(settings: Settings) -> list[BoundRule]:
    """The configured rules that the stream judges, each with its grouping set; the others are named in the log."""
    placed = place(load_rules(settings.rules_file), parse_groupings(settings.groupings))
    for each in (each for each in placed if each.bound is None):
        log.warning("rule %s is not judged here but evaluated from history: %s", each.rule.name, each.why)
    return [each.bound for each in placed if each.bound]


def detect_app(settings: Settings) -> Any:
    """The Faust app, ready to run."""
    app = make_app(settings, "detect")
    worker = DetectWorker(app, settings, load_bound_rules(settings), describe_origins(settings).windows)
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
