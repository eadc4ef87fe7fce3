"""The processes under test, the way a supervisor runs them, and what can be asked of them from outside."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from callgauge.settings import Settings, load_settings
from callgauge.store_address import EMBEDDED, is_embedded
from callgauge_deploy.environment import child_environment
from callgauge_deploy.process import end, free_port, tail, wait_until
from tests.chaos.load import GROUPINGS
from tests.embedded_store import place_new
from tests.forkserver import ForkedProcess, start

__all__ = ["Role", "committed", "ends", "pipeline_settings", "query", "quiet", "role_command"]


def pipeline_settings(bootstrap: str, folder: Path, **overrides: object) -> Settings:
    """Settings of a pipeline of its own: topics, groups, store and ports nobody else uses; short timeouts."""
    prefix = f"c{secrets.token_hex(5)}"
    values: dict[str, object] = {
        "bootstrap_servers": bootstrap,
        "topic_prefix": prefix,
        "group_prefix": prefix,
        "partitions": 2,
        "windows_partitions": 2,
        # the group soon notices a killed worker (the brokers of these tests allow it), and tansu's JoinGroup answers
        # soon
        "session_timeout_s": 3.0,
        "rebalance_timeout_s": 1.5,
        "heartbeat_s": 0.5,
        "block_offsets": 8_192,
        "groupings": GROUPINGS,
        "idle_after_s": 0.4,
        "store": f"chdb://{folder / 'clickhouse'}",
        "data_dir": folder,
        "sink_batch_s": 0.3,
        "sink_batch_rows": 5_000,
        "api_port": free_port(),
        "api_token": secrets.token_urlsafe(16),
    }
    return load_settings(**values | overrides)


def quiet(settings: Settings) -> dict[str, Any]:
    """Connection settings of the harness's own clients, which log nothing: that a broker is away is part of the
    test."""
    return settings.librdkafka() | {"log_level": 0}


def role_command(role: str) -> list[str]:
    """The program of a role, as the local stack starts it."""
    return [sys.executable, "-m", "callgauge_deploy.cli", role]


class Role:
    """One process of the pipeline; `kill` and `start` it as often as you like."""

    def __init__(self, name: str, settings: Settings, command: Sequence[str] | None = None, **env: str) -> None:
        self.name = name
        self.log = settings.data_dir / f"{name}.log"
        self._store = settings.store_dsn
        self._ready_file = settings.data_dir / f"{name}.ready"
        self._env = child_environment(settings.model_copy(update={"ready_file": self._ready_file})) | env
        self._command = list(command or role_command(name))
        self._process: ForkedProcess | subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Role:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            end(self._process, 10.0)

    def start(self) -> None:
        """Start it; returns at once."""
        self._ready_file.unlink(missing_ok=True)
        if self.name == "sinks" and is_embedded(self._store):
            place_new(Path(self._store.removeprefix(EMBEDDED)))
        self._process = start(self._command, env=self._env, log=self.log)

    def wait_ready(self, timeout_s: float = 90.0) -> None:
        """Wait until it says that it is ready.

        Raises:
            RuntimeError: it ended, or did not say so in time.
        """
        if not wait_until(lambda: not self.alive or self._ready_file.exists(), timeout_s) or not self.alive:
            raise RuntimeError(f"{self.name} did not become ready:\n{tail(self.log)}")

    @property
    def process(self) -> ForkedProcess | subprocess.Popen[bytes]:
        """The process that was started last."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def check(self) -> None:
        """Raise RuntimeError if it ended by itself."""
        if not self.alive:
            raise RuntimeError(f"{self.name} ended by itself with code {self.process.poll()}:\n{tail(self.log)}")

    def kill(self) -> None:
        """SIGKILL a process that runs, and wait until it is gone."""
        self.check()
        self.process.kill()
        if (code := self.process.wait()) != -signal.SIGKILL:
            raise RuntimeError(f"{self.name} ended with code {code} before it was killed")

    def wait(self, timeout_s: float) -> int:
        """Its exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        return self.process.wait(timeout_s)


@cache
def _http() -> httpx.Client:
    """One client for all: to make one reads the system's certificates, for a sixth of a second."""
    return httpx.Client(verify=False, trust_env=False)  # noqa: S501 - plain HTTP, to this machine


def query(settings: Settings, sql: str) -> list[list[Any]]:
    """Rows of a query, from the sinks process that holds the folder; asks again while that is being restarted.

    Raises:
        httpx.HTTPError: nobody answered for a minute, or the query was refused.
    """
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = _http().post(
                f"http://{settings.api_host}:{settings.api_port}/v1/query",
                json={"sql": sql},
                headers={"Authorization": f"Bearer {settings.api_token.get_secret_value()}"},
                timeout=60,
            )
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
            continue
        if answer.status_code != 200:
            raise httpx.HTTPError(answer.text)
        rows: list[list[Any]] = answer.json()["rows"]
        return rows


def committed(settings: Settings, role: str, topic: str, partitions: int) -> list[int]:
    """What a role's group has committed, per partition; -1 where nothing."""
    wanted = [TopicPartition(topic, number) for number in range(partitions)]

    def ask(consumer: Consumer) -> list[int]:
        return [max(found.offset, -1) for found in consumer.committed(wanted, timeout=20)]

    return _with_consumer(settings, role, ask)


def ends(settings: Settings, topic: str, partitions: int) -> list[int]:
    """The offset after the last record of each partition, found by reading up to it: asked for the end, tansu 0.6 names
    the first offset of the last batch.

    Raises:
        RuntimeError: the end was not reached within a minute.
    """

    def ask(consumer: Consumer) -> list[int]:
        consumer.assign([TopicPartition(topic, number, OFFSET_END) for number in range(partitions)])
        found: dict[int, int] = {}
        deadline = time.monotonic() + 60
        while len(found) < partitions:
            for message in consumer.consume(10_000, timeout=0.05):
                error, partition, offset = message.error(), message.partition(), message.offset()
                if error is None or partition is None or offset is None:
                    continue
                if error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                found[partition] = offset
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"{topic}: of {partitions} partitions only the ends {found} were reached in a minute"
                )
        return [found[number] for number in range(partitions)]

    return _with_consumer(settings, "nobody", ask, eof=True)


def _with_consumer(
    settings: Settings, role: str, ask: Callable[[Consumer], list[int]], *, eof: bool = False
) -> list[int]:
    own = {"group.id": settings.group(role), "enable.auto.commit": False, "enable.partition.eof": eof}
    own |= {"fetch.wait.max.ms": 20, "fetch.error.backoff.ms": 20}  # by default each fetch of nothing waits for 500
    consumer = Consumer(quiet(settings) | own)
    try:
        return ask(consumer)
    finally:
        consumer.close()
