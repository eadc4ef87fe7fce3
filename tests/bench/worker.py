"""Real rollup workers under measurement: where they run, and what they needed, by the progress that they tell."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psutil
from confluent_kafka import Consumer, TopicPartition

from callgauge.codec import decode_window_record
from callgauge.settings import Settings
from tests.bench.process import cores, on_core, peak_mb
from tests.bench.reading import Reading, Sample, reading_of
from tests.chaos.pipeline import Role, ends, role_command

__all__ = ["PATIENCE", "cpu_s", "follow_progress", "pid_of", "read_rollup", "worker_on_its_core"]

TIMEOUT_S = 600.0

#: Settings of a worker whose event loop may be busy for seconds: the 3 s of the chaos runs would take its partitions.
#: tansu lets it wait for its first partitions for half of the session.
PATIENCE = {"session_timeout_s": 12.0, "heartbeat_s": 1.0}


def worker_on_its_core() -> list[str]:
    """The command of a worker that has a core to itself: this process, and all that it starts from now on but the
    worker, stays on the others. With a single core they share it."""
    program, *arguments = role_command("rollup")
    *others, core = cores()
    if not others:
        return [program, *arguments]
    os.sched_setaffinity(0, others)
    return on_core(core, [program, *arguments])


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds a process has used so far, user and system."""
    times = process.cpu_times()
    return float(times.user + times.system)


def pid_of(progress: Any) -> int:
    """The process that told it."""
    return int(progress.worker.rpartition("-")[2])


def follow_progress(settings: Settings, start: int, check: Callable[[], None]) -> Iterator[Any]:
    """Progress records as they come, of all workers; there is one a second of each.

    Args:
        start: offset in the windows topic's first partition, which has them all.
        check: raises when there is nothing more to wait for.

    Raises:
        RuntimeError: it was not enough within ten minutes.
    """
    consumer = Consumer(settings.librdkafka() | {"group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(settings.topics.windows.name, 0, start)])
    deadline = time.monotonic() + TIMEOUT_S
    try:
        while time.monotonic() < deadline:
            check()
            for message in consumer.consume(1_000, timeout=0.02):
                value = message.value()
                if value and b'"kind":"progress"' in value[:40]:  # rows are many and of no interest
                    yield decode_window_record(value)
    finally:
        consumer.close()
    raise RuntimeError(f"the workers did not finish within {TIMEOUT_S:g} s")


def read_rollup(
    settings: Settings,
    count: int,
    command: Sequence[str] | None = None,
    on_start: Callable[[], None] = lambda: None,
) -> Reading:
    """One worker, from its first progress to the one that covers all.

    Args:
        command: starts it otherwise than usual.
        on_start: called when it has its partitions.

    Raises:
        RuntimeError: it ended by itself, or did not read `count` calls in time.
        ValueError: it was through before it had told its progress twice.
    """
    start = ends(settings, settings.topics.windows.name, 1)[0]
    samples: list[Sample] = []
    with Role("rollup", settings, command) as worker:
        process = psutil.Process(worker.process.pid)
        for record in follow_progress(settings, start, worker.check):
            if pid_of(record) != process.pid:
                continue  # one that read this topic before
            if not samples:
                on_start()
            reached = sum(source.next_offset for source in record.sources)
            samples.append(Sample(record.at_ms / 1000, reached, cpu_s(process)))
            if reached >= count:
                break
        peak = peak_mb(process.pid)
    try:
        # progress is told once a second: the end lies somewhere in the last second, which is left out if it can be
        return reading_of(samples[:-1], peak)
    except ValueError:
        return reading_of(samples, peak)
