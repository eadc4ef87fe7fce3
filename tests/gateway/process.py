"""The gateway as a process, and what is on the bus after it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from confluent_kafka import Consumer, TopicPartition

from callgauge.settings import Settings
from callgauge_deploy.process import end, free_port, tail, wait_until
from tests.forkserver import ForkedProcess, start

__all__ = ["RunningGateway", "everything_on", "running_gateway"]


class RunningGateway:
    """A gateway that can be killed and started again on its port."""

    def __init__(self, settings: Settings, folder: Path, **variables: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._ready = folder / "gateway.ready"
        self._log = folder / "gateway.log"
        self._environment = os.environ | {
            "CALLGAUGE_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "CALLGAUGE_TOPIC_PREFIX": settings.topic_prefix,
            "CALLGAUGE_GATEWAY_PORT": str(self.port),
            "CALLGAUGE_READY_FILE": str(self._ready),
            **variables,
        }
        self.process: ForkedProcess | Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it serves."""
        self._ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "callgauge_deploy.cli", "gateway"]
        process = self.process = start(command, env=self._environment, log=self._log)
        assert wait_until(lambda: self._ready.exists() or process.poll() is not None, 60), self.log
        assert process.poll() is None, self.log

    @property
    def log(self) -> str:
        """The end of what it logged."""
        return tail(self._log)

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def terminate(self, grace_s: float = 30.0) -> int:
        """SIGTERM; gives the exit code."""
        assert self.process is not None
        return end(self.process, grace_s)


@contextmanager
def running_gateway(settings: Settings, folder: Path, **variables: str) -> Iterator[RunningGateway]:
    """A gateway that serves, ended at the end."""
    gateway = RunningGateway(settings, folder, **variables)
    try:
        gateway.start()
        yield gateway
    finally:
        if gateway.process is not None and gateway.process.poll() is None:
            gateway.kill()


def everything_on(settings: Settings, topic: str) -> list[bytes]:
    """The values of all records of a topic now."""
    consumer = Consumer(settings.librdkafka() | {"group.id": "none", "enable.auto.commit": False})
    try:
        places = []
        for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            first, last = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
            if last > first:
                places.append((TopicPartition(topic, partition, first), last))
        consumer.assign([place for place, _ in places])
        left = {place.partition: last for place, last in places}
        values: list[bytes] = []
        while left:
            for message in consumer.consume(10_000, timeout=1.0):
                assert not message.error(), message.error()
                values.append(message.value() or b"")
                if (message.offset() or 0) + 1 >= left.get(message.partition() or 0, 0):
                    left.pop(message.partition() or 0, None)
        return values
    finally:
        consumer.close()
