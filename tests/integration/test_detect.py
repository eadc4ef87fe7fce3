"""Detect on a real log: killed and started again in the middle, it tells each transition once, and the right ones."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from callgauge.codec import encode, read
from callgauge.schema import Alert, Progress, SourceProgress, WindowRow
from callgauge.settings import Settings, load_settings
from callgauge_deploy.environment import child_environment
from callgauge_deploy.process import end, spawn, wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_rules.rules import bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_streams.worker.app import describe_origins
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.messages import decode_windows
from tests.brokers import Broker
from tests.forkserver import start

RULES = """
rules:
  - {name: failing, by: [model], aggregate: error_rate, lookback: 30s, value: 0.3, min_count: 5, for: 20s,
     keep_firing_for: 20s, cooldown: 60s}
  - {name: unusual, by: [model], aggregate: errors, lookback: 10s, detector: zscore, level: low,
     parameters: {size: 20, min_history: 3, tiers: {low: 1}}}
"""
GROUPINGS = "model@10s"
WINDOWS, MODELS = 60, 8


def messages(settings: Settings, window: int) -> Iterator[tuple[int, bytes]]:
    """(partition, value): a window's rows of eight models, each failing at times of its own, then how far it got."""
    for model in range(MODELS):
        failing = (window // (5 + model)) % 2
        yield (
            model % settings.windows_partitions,
            encode(
                WindowRow(
                    grouping=GROUPINGS,
                    series_id=model,
                    window_start_ms=window * 10_000,
                    window_ms=10_000,
                    source="s",
                    block=0,
                    epoch="e",
                    n=10,
                    labels={"model": f"m{model}"},
                    errors={"other": 8} if failing else {},
                )
            ),
        )
    done = SourceProgress(source="s", block=0, next_offset=window, watermark_ms=(window + 1) * 10_000, idle=False)
    for partition in range(settings.windows_partitions):
        yield partition, encode(Progress(worker="w", at_ms=0, sources=[done]))


@contextmanager
def detect(settings: Settings, log: Path) -> Iterator[Any]:
    process = start([sys.executable, "-m", "callgauge_deploy.cli", "detect"], env=child_environment(settings), log=log)
    try:
        yield process
    finally:
        end(process, 15)


def records(settings: Settings, topic: str, partition: int) -> Iterator[Any]:
    """All messages of a partition, up to its end now."""
    own = {"group.id": "unused", "enable.auto.commit": False, "enable.partition.eof": True}
    own |= {"fetch.wait.max.ms": 20}  # by default the end is told half a second later
    consumer = Consumer(settings.librdkafka() | own)
    try:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
        while message := consumer.poll(10):
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                return
            assert error is None
            yield message
        raise AssertionError(f"{topic}/{partition} does not answer")
    finally:
        consumer.close()


def told(settings: Settings) -> list[Alert]:
    topic = settings.topics.alerts
    return [read(Alert, m.value()) for p in range(topic.partitions) for m in records(settings, topic.name, p)]


def expected(settings: Settings) -> list[Alert]:
    """What the engine says when it reads the whole log at once."""
    rules = bind(load_rules(settings.rules_file), parse_groupings(GROUPINGS))
    alerts: list[Alert] = []
    origin = describe_origins(settings).windows
    for partition in range(settings.windows_partitions):
        engine = Engine(
            rules, log=f"{origin}/{partition}", source_timeout_ms=int(settings.source_timeout_s * 1000), live_from=0,
            whole=True,
        )  # fmt: skip
        for message in records(settings, settings.topics.windows.name, partition):
            record = decode_windows(message.value())
            alerts += engine.take(message.offset(), message.timestamp()[1], record)
    return alerts


def by_identity(alerts: list[Alert]) -> dict[Any, Alert]:
    found: dict[Any, Alert] = {}
    for alert in alerts:
        assert found.setdefault((alert.fingerprint, alert.starts_at, alert.seq), alert) == alert
    return found


class Publisher:
    """Publishes windows in order, confirmed, a little apart."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = Producer(settings.librdkafka() | {"enable.idempotence": True})
        self._next = 0

    def to(self, window: int) -> None:
        while self._next < window:
            for partition, value in messages(self._settings, self._next):
                self._producer.produce(self._settings.topics.windows.name, value, partition=partition)
            assert self._producer.flush(30) == 0
            self._next += 1
            time.sleep(0.05)


def wait_for(condition: Callable[[], bool], folder: Path) -> None:
    assert wait_until(condition, 60, poll_s=0.5), (folder / "detect.log").read_text()


def more_than(known: int, settings: Settings) -> Callable[[], bool]:
    return lambda: len(told(settings)) > known


def has_told(wanted: dict[Any, Alert], settings: Settings) -> Callable[[], bool]:
    return lambda: by_identity(told(settings)).keys() >= wanted.keys()


@pytest.mark.long
def test_kills_change_no_alert(
    broker: Broker, settings_of: Callable[..., Settings], tmp_path: Path, long: bool
) -> None:
    """Two kills, five with --long; each after other windows, and each costs a session timeout."""
    kills = 5 if long else 2
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    settings = settings_of(
        broker,
        groupings=GROUPINGS,
        rules_file=rules,
        windows_partitions=2,
        worker_name="detect-1",
        snapshot_s=0.2,
    )
    ensure_topics(settings)
    publish = Publisher(settings)
    for kill in range(kills + 1):
        with detect(settings, tmp_path / "detect.log") as process:
            tells_more = more_than(len(told(settings)), settings)
            publish.to(WINDOWS * (kill + 1) // (kills + 1))
            wait_for(tells_more, tmp_path)
            if kill < kills:
                process.kill()
            else:
                wanted = by_identity(expected(settings))
                wait_for(has_told(wanted, settings), tmp_path)
    assert by_identity(told(settings)) == wanted
    assert {alert.state for alert in wanted.values()} == {"pending", "firing", "resolved"}
    assert {alert.rule for alert in wanted.values()} == {"failing", "unusual"}
    assert len(wanted) > MODELS


def test_a_wrong_rule_file_ends_detect_with_one_clear_line(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("[model]", "[modle]"))
    process = spawn(
        [sys.executable, "-m", "callgauge_deploy.cli", "detect"],
        env=child_environment(load_settings(rules_file=rules)),
        stderr=(tmp_path / "err").open("wb"),
    )
    assert process.wait(60) == 1
    assert "rules.yaml, line 3: failing: by: 'modle' is no label; did you mean model?" in (tmp_path / "err").read_text()
    assert "Traceback" not in (tmp_path / "err").read_text()
