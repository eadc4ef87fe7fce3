"""A real Alertmanager for tests: Debian's package `prometheus-alertmanager`, on a free loopback port."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from callgauge_deploy.process import end, free_port, listening, spawn, tail, wait_until

__all__ = ["Alertmanager", "AlertmanagerMissing", "start_alertmanager"]

_CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
_NAMES = ("prometheus-alertmanager", "alertmanager")


class AlertmanagerMissing(Exception):
    """There is none on this machine."""


class Alertmanager:
    """One node; keeps its silences in `folder`."""

    def __init__(self, folder: Path) -> None:
        found = next(filter(None, map(shutil.which, _NAMES)), None)
        if found is None:
            raise AlertmanagerMissing("Alertmanager is missing: apt-get install prometheus-alertmanager")
        self._program, self._folder = found, folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, or start again, and wait until it answers."""
        (self._folder / "alertmanager.yml").write_text(_CONFIG)
        log = self._folder / "alertmanager.log"
        argv = [
            self._program,
            f"--config.file={self._folder / 'alertmanager.yml'}",
            f"--storage.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
        with log.open("ab") as output:
            self._process = spawn(argv, stdout=output, env=dict(os.environ))
        process = self._process
        ready = wait_until(lambda: process.poll() is not None or listening(self.port), 60)
        if not ready or process.poll() is not None:
            raise RuntimeError(f"Alertmanager did not come up. Its output:\n{tail(log)}")

    def stop(self) -> None:
        """SIGTERM."""
        if self._process is not None:
            end(self._process, 10)

    def alerts(self, query: str = "") -> dict[str, dict[str, Any]]:
        """What it takes for firing, by alertname and service."""
        found = self.ask(f"/api/v2/alerts?{query}")
        return {f"{each['labels']['alertname']}/{each['labels'].get('service', '')}": each for each in found}

    def ask(self, path: str, body: Any = None) -> Any:
        """GET, or POST if there is a body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)


@contextmanager
def start_alertmanager(folder: Path) -> Iterator[Alertmanager]:
    """A running Alertmanager, stopped at the end.

    Raises:
        AlertmanagerMissing: there is none on this machine.
    """
    made = Alertmanager(folder)
    made.start()
    try:
        yield made
    finally:
        made.stop()
