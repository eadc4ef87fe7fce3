"""Real brokers for tests, chaos runs and benchmarks: tansu and Apache Kafka, on free loopback ports.

with start_broker("kafka") as broker:
    broker.kill()   # SIGKILL
    broker.start()  # same port, same folder: Kafka has its log again, tansu starts empty
"""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from callgauge_deploy.process import end, free_port, listening, spawn, tail, wait_until
from callgauge_deploy.tansu import Tansu
from tests.kafka_jars import KafkaMissing, kafka_jars

__all__ = ["Broker", "Kafka", "KafkaMissing", "Tansu", "free_port", "in_ci", "start_broker"]

HOST = "127.0.0.1"
HERE = Path(__file__).parent

# A broker of the tests lives for minutes: compiling its code twice, and collecting garbage on all cores, costs more CPU
# than it gives back.
JVM = ("-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/log
# one broker holds everything
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# quick on a small machine: few internal partitions, small index files, no waiting for a group to gather
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
log.index.size.max.bytes=1048576
group.initial.rebalance.delay.ms=0
# a killed worker is missed soon
group.min.session.timeout.ms=1000
# a broker killed with -9 is let in again when its old session has ended
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
# as managed Kafkas are: a topic nobody made is an error
auto.create.topics.enable=false
# tests send a poison message of 2 MB
message.max.bytes=4194304
replica.fetch.max.bytes=4194304
"""


class Broker(Protocol):
    """What a test may do to a broker."""

    @property
    def name(self) -> str:
        """tansu or kafka."""

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""

    @property
    def pid(self) -> int:
        """Process id of the running broker."""

    @property
    def alive(self) -> bool:
        """Whether the process runs."""

    def start(self) -> None:
        """Start, or start again on the same port and folder, and wait until it answers."""

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""

    def stop(self) -> None:
        """SIGTERM, then SIGKILL."""


class Kafka:
    """One Apache Kafka node (KRaft, broker and controller in one) that keeps its log in `folder`."""

    name = "kafka"

    def __init__(self, folder: Path) -> None:
        """`folder`: existing or not; a log found in it is used."""
        self.folder = folder
        self.port = free_port()
        self._controller_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        if self._process is None:
            raise RuntimeError("Kafka was not started: call start() first")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout_s: float = 120.0) -> None:
        """Start and wait until an admin client gets an answer; nothing happens when it runs already.

        Raises:
            KafkaMissing: Java or Maven is missing, or the jars cannot be fetched.
            RuntimeError: it ended or did not answer within `timeout_s`; with the end of its output.
        """
        if self.alive:
            return
        classpath = f"{kafka_jars()}/*"
        properties = self._configure(classpath)
        log4j = f"-Dlog4j2.configurationFile={HERE / 'kafka' / 'log4j2.xml'}"
        with self._log.open("ab") as log:
            argv = ["java", *JVM, log4j, "-cp", classpath, "kafka.Kafka", str(properties)]
            self._process = spawn(argv, stdout=log, cwd=self.folder)
        if not wait_until(lambda: not self.alive or self._answers(), timeout_s, poll_s=0.2) or not self.alive:
            self.kill()
            raise RuntimeError(f"Kafka did not come up on {self.bootstrap}. Its output:\n{tail(self._log)}")

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. The log stays in the folder."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, grace_s: float = 15.0) -> None:
        """SIGTERM, and SIGKILL after `grace_s` seconds. The log stays in the folder."""
        if self._process is not None:
            end(self._process, grace_s)

    def properties(self) -> str:
        """The text of server.properties."""
        return PROPERTIES.format(host=HOST, port=self.port, controller_port=self._controller_port, folder=self.folder)

    def format_arguments(self) -> list[str]:
        """What the tool that formats the folder is told besides."""
        return []

    def client(self) -> dict[str, Any]:
        """How a client of librdkafka reaches it."""
        return {"bootstrap.servers": self.bootstrap}

    @property
    def _log(self) -> Path:
        return self.folder / "kafka.log"

    def _configure(self, classpath: str) -> Path:
        """Write server.properties; format the folder the first time."""
        properties = self.folder / "server.properties"
        self.folder.mkdir(parents=True, exist_ok=True)
        properties.write_text(self.properties())
        if not (self.folder / "log" / "meta.properties").exists():
            cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes)[:22].decode()
            argv = ["java", *JVM, "-cp", classpath, "kafka.tools.StorageTool", "format"]
            # "=" because an id may begin with a dash
            subprocess.run(
                [*argv, f"--cluster-id={cluster_id}", "-c", str(properties), *self.format_arguments()],
                check=True,
                capture_output=True,
            )
        return properties

    def _answers(self) -> bool:
        # Only dial with librdkafka once the port is open: it backs off and writes to standard error otherwise.
        if not listening(self.port):
            return False
        try:
            return bool(AdminClient(self.client() | {"log_level": 0}).list_topics(timeout=2).brokers)
        except KafkaException:
            return False


@contextmanager
def start_broker(name: str, folder: Path | None = None) -> Iterator[Broker]:
    """A running broker, stopped at the end.

    Args:
        name: "tansu" or "kafka".
        folder: where Kafka keeps its log; without one, a temporary folder that is removed at the end.
    """
    with ExitStack() as stack:
        if name == "tansu":
            broker: Broker = Tansu()  # keeps everything in memory
        else:
            if folder is None:
                own = tempfile.TemporaryDirectory(prefix="callgauge-", ignore_cleanup_errors=True)
                folder = Path(stack.enter_context(own)) / "kafka"
            broker = Kafka(folder)
        stack.callback(broker.stop)
        broker.start()
        yield broker


def in_ci() -> bool:
    """Whether a missing program is an error (CI=true) instead of a reason to skip."""
    return os.environ.get("CI", "").lower() in ("true", "1")
