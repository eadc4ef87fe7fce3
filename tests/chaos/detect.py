"""Two detect workers that are killed, frozen and started again, and the alerts of a run without any of it.

    python -m tests.chaos.detect --kills 100 --broker kafka

One worker is killed at random or at a point between alert, snapshot and commit (`tests.chaos.detect_worker`), the other
one takes over; now and then one is frozen for longer than the group waits, and goes on as a zombie. In the end the log
is read from its beginning once more, by a group of its own. Rows come late, and rules look back further than windows
are kept one by one.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from callgauge.codec import encode
from callgauge.schema import Alert, EpochStart, Progress, SourceProgress, WindowRow
from callgauge.settings import Settings, load_settings
from callgauge_deploy.environment import child_environment
from callgauge_deploy.process import end, wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_rules.rules import bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_streams.worker.app import describe_origins
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.messages import decode_windows
from tests.brokers import Broker, start_broker
from tests.chaos.detect_worker import POINTS
from tests.forkserver import forking, start
from tests.integration.test_detect import by_identity, records, told

__all__ = ["Result", "run"]

RULES = """
rules:
  - {name: failing, by: [model], aggregate: error_rate, lookback: 30s, value: 0.3, min_count: 5, for: 20s,
     keep_firing_for: 20s, cooldown: 60s}
  - {name: many, by: [model], aggregate: errors, lookback: 20m, warning: 200, critical: 330}
  - {name: silent, by: [model], aggregate: calls, lookback: 20s, op: lt, value: 5, keep_firing_for: 30s}
  - {name: unusual, by: [model], aggregate: errors, lookback: 10s, detector: zscore, level: low,
     parameters: {size: 20, min_history: 3, tiers: {low: 1}}}
"""
GROUPINGS, WINDOW_MS, MODELS, SOURCE = "model@10s", 10_000, 8, "s"
_BLOCK = 30
"""Windows a block."""
_STUCK_S = 180.0
"""A group that commits nothing for so long is stuck."""


@dataclass
class Result:
    """What came out."""

    expected: int
    lost: int
    twice: int
    wrong: int
    told_again: int = 0
    reached: dict[str, int] = field(default_factory=dict)
    from_snapshots: int = 0


def window_messages(settings: Settings, window: int) -> Iterator[tuple[int, bytes]]:
    """(partition, value): rows of each model, some of them late, then how far it got."""
    block = window // _BLOCK * _BLOCK
    if window % _BLOCK == 0:
        epoch = encode(EpochStart(source=SOURCE, from_offset=0, epoch="e", term=1))
        yield from ((partition, epoch) for partition in range(settings.windows_partitions))
    for model in range(MODELS):
        quiet = (window // 7) % (5 + model) == 0
        for back in [0, *([4] if (window + model) % 9 == 0 else []), *([40] if (window + model) % 23 == 0 else [])]:
            if (quiet and not back) or window < back:
                continue
            failing = ((window - back) // (5 + model)) % 2
            row = WindowRow(
                grouping=GROUPINGS, series_id=model, window_start_ms=(window - back) * WINDOW_MS, window_ms=WINDOW_MS,
                source=SOURCE, block=block, epoch="e", n=10 + back, labels={"model": f"m{model}"},
                errors={"other": 8} if failing else {},
            )  # fmt: skip
            yield model % settings.windows_partitions, encode(row)
    done = SourceProgress(
        source=SOURCE, block=block, next_offset=window, watermark_ms=(window + 1) * WINDOW_MS, idle=False,
        committed=block,
    )  # fmt: skip
    for partition in range(settings.windows_partitions):
        yield partition, encode(Progress(worker="w", at_ms=0, sources=[done]))


def expected(settings: Settings) -> list[Alert]:
    """What the engine says when it reads the whole log at once."""
    rules = bind(load_rules(settings.rules_file), parse_groupings(GROUPINGS))
    alerts: list[Alert] = []
    origin = describe_origins(settings).windows
    for partition in range(settings.windows_partitions):
        engine = Engine(
            rules, log=f"{origin}/{partition}", source_timeout_ms=int(settings.source_timeout_s * 1000), live_from=0,
            whole=True, tells_losses=partition == 0,
        )  # fmt: skip
        for message in records(settings, settings.topics.windows.name, partition):
            record = decode_windows(message.value())
            alerts += engine.take(message.offset(), message.timestamp()[1], record)
    return alerts


class _Traffic(threading.Thread):
    """Publishes windows until it is told to stop."""

    def __init__(self, settings: Settings, pause_s: float) -> None:
        super().__init__(daemon=True)
        self._settings, self._pause_s = settings, pause_s
        self.stopped = threading.Event()
        self.windows = 0

    def run(self) -> None:
        producer = Producer(self._settings.librdkafka() | {"enable.idempotence": True})
        while not self.stopped.wait(self._pause_s):
            for partition, value in window_messages(self._settings, self.windows):
                producer.produce(self._settings.topics.windows.name, value, partition=partition)
            assert producer.flush(60) == 0
            self.windows += 1


class _Workers:
    """Two workers; one that ended is started again."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self.processes: dict[str, Any] = {}

    def start(self, name: str, *command: str) -> None:
        program = ["-m", *(command or ("callgauge_deploy.cli", "detect"))]
        named = {"worker_name": name} if self._settings.worker_name else {}
        environment = child_environment(self._settings.model_copy(update=named))
        self.processes[name] = start([sys.executable, *program], env=environment, log=self._folder / f"{name}.log")

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait(30)

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self._folder.glob("*.log")))

    def end(self) -> None:
        for process in self.processes.values():
            end(process, 30)


def run(settings: Settings, folder: Path, *, kills: int, freezes: int, seed: int, pause_s: float = 0.05) -> Result:
    """Play it."""
    rng = random.Random(seed)
    ensure_topics(settings)
    workers, traffic, reached = _Workers(settings, folder), _Traffic(settings, pause_s), dict.fromkeys(POINTS, 0)
    traffic.start()
    try:
        for name in ("detect-a", "detect-b"):
            workers.start(name)
        faults = [*(["kill"] * kills), *(["freeze"] * freezes)]
        rng.shuffle(faults)
        for fault in faults:
            _do(fault, workers, settings, rng, reached)
        traffic.stopped.set()
        traffic.join(120)
        wanted = by_identity(expected(settings))
        _wait(lambda: by_identity(told(settings)).keys() >= wanted.keys(), settings, workers)
        again = settings.model_copy(update={"group_prefix": f"{settings.group_prefix}x"})
        workers.end()
        result = _compare(wanted, told(settings))
        print(result, flush=True)
        # From the beginning, by a group that has committed nothing: all of it was told.
        workers = _Workers(again, folder)
        before = len(told(settings))
        workers.start("detect-again")
        _wait(lambda: _has_read_all(again), again, workers)
        result.told_again = len(told(settings)) - before
    finally:
        traffic.stopped.set()
        workers.end()
    logs = workers.logs()
    result.reached, result.from_snapshots = reached, logs.count("going on from the snapshot")
    return result


def _do(fault: str, workers: _Workers, settings: Settings, rng: random.Random, reached: dict[str, int]) -> None:
    name = rng.choice(sorted(workers.processes))
    if fault == "kill" and rng.random() < 0.3:
        time.sleep(rng.uniform(0.5, 2.0))
        workers.kill(name)
        workers.start(name)
        return
    point = rng.choice(sorted(POINTS))
    number = "SIGKILL" if fault == "kill" else "SIGSTOP"
    workers.kill(name)
    workers.start(name, "tests.chaos.detect_worker", point, str(rng.randrange(1, 4)), number)
    process = workers.processes[name]
    if fault == "kill":
        if wait_until(lambda: process.poll() is not None, 30, poll_s=0.1):
            reached[point] += 1
        else:
            workers.kill(name)
    else:
        time.sleep(settings.session_timeout_s * 2)
        process.send_signal(signal.SIGCONT)
        reached[point] += 1
        time.sleep(1.0)
        workers.kill(name)
    workers.start(name)


def _wait(condition: Callable[[], bool], settings: Settings, workers: _Workers) -> None:
    """Wait as long as the group gets on, however slow the machine is."""
    committed: dict[int, int] = {}
    while not wait_until(condition, _STUCK_S, poll_s=1.0):
        before, committed = committed, _committed(settings)
        assert committed != before, workers.logs()[-20_000:]


def _has_read_all(settings: Settings) -> bool:
    """Whether the group has committed the end of every partition."""
    topic, committed = settings.topics.windows, _committed(settings)
    last = {number: [m.offset() for m in records(settings, topic.name, number)][-1] for number in committed}
    return all(committed[number] > last[number] for number in committed)


def _committed(settings: Settings) -> dict[int, int]:
    """What the group has committed of each partition."""
    topic = settings.topics.windows
    consumer = Consumer(settings.librdkafka() | {"group.id": settings.group("detect")})
    try:
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        return {at.partition: at.offset for at in consumer.committed(partitions, timeout=30)}
    finally:
        consumer.close()


def _compare(wanted: dict[Any, Alert], found: list[Alert]) -> Result:
    """`twice` counts transitions that lie on the topic more than once: they are equal, and replace themselves."""
    known = by_identity(found)
    return Result(
        expected=len(wanted),
        lost=len(wanted.keys() - known.keys()),
        twice=len(found) - len(known),
        wrong=len(known.keys() - wanted.keys())
        + sum(known[key] != alert for key, alert in wanted.items() if key in known),
    )


def settings_for(broker: Broker, folder: Path) -> Settings:
    """Topics and groups of its own. Workers have names, and so are static members, but not on tansu: what it lets them
    wait there counts as silence (callgauge_deploy.local_settings)."""
    rules, prefix = folder / "rules.yaml", f"c{uuid.uuid4().hex[:8]}"
    rules.write_text(RULES)
    return load_settings(
        bootstrap_servers=broker.bootstrap, topic_prefix=prefix, group_prefix=prefix, groupings=GROUPINGS,
        rules_file=rules, windows_partitions=2, session_timeout_s=6.0, rebalance_timeout_s=4.0, heartbeat_s=1.5,
        snapshot_s=0.5, api_port=0, worker_name="" if broker.name == "tansu" else "detect",
    )  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--freezes", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broker", choices=["tansu", "kafka"], default="tansu")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, forking(), start_broker(options.broker) as broker:
        settings = settings_for(broker, Path(name))
        result = run(settings, Path(name), kills=options.kills, freezes=options.freezes, seed=options.seed)
    print(result)
    if result.lost or result.wrong or result.told_again:
        sys.exit(1)


if __name__ == "__main__":
    main()
