"""A real Prometheus for tests: Debian's package `prometheus`, on a free loopback port."""

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
from urllib.parse import quote

from callgauge_deploy.process import end, free_port, spawn, tail, wait_until

__all__ = ["Prometheus", "PrometheusMissing", "promtool", "start_prometheus"]

RULES = Path(__file__).parents[1] / "deploy" / "prometheus"


class PrometheusMissing(Exception):
    """There is none on this machine."""


def promtool(*arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run Prometheus's own checks; the caller looks at the exit code.

    Raises:
        PrometheusMissing: there is none on this machine.
    """
    if shutil.which("promtool") is None:
        raise PrometheusMissing("promtool is missing: apt-get install prometheus")
    return subprocess.run(["promtool", *arguments], input=text, capture_output=True, timeout=60, check=False)


class Prometheus:
    """One server that is asked over its API."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def is_ready(self) -> bool:
        """It has read its database and answers queries."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=10) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False

    def ask(self, expression: str) -> dict[str, float]:
        """Evaluate an instant query: JSON of the labels -> value."""
        with urllib.request.urlopen(f"{self._url}/api/v1/query?query={quote(expression)}", timeout=10) as answer:  # noqa: S310
            found = json.load(answer)["data"]["result"]
        return {json.dumps(each["metric"], sort_keys=True): float(each["value"][1]) for each in found}

    def rules(self) -> list[dict[str, Any]]:
        """Every rule that was loaded, with its health."""
        with urllib.request.urlopen(f"{self._url}/api/v1/rules", timeout=10) as answer:  # noqa: S310
            groups = json.load(answer)["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


@contextmanager
def start_prometheus(folder: Path, *targets: int) -> Iterator[Prometheus]:
    """A running Prometheus that scrapes these ports once a second by our rules, stopped at the end.

    Raises:
        PrometheusMissing: there is none on this machine.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise PrometheusMissing("Prometheus is missing: apt-get install prometheus")
    port, log = free_port(), folder / "prometheus.log"
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES / "*.rules.yml")],
        "scrape_configs": [
            {"job_name": "callgauge", "static_configs": [{"targets": [f"127.0.0.1:{each}" for each in targets]}]}
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    argv = [
        program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with log.open("wb") as output:
        process = spawn(argv, stdout=output, stderr=subprocess.STDOUT, env=dict(os.environ))
    try:
        prometheus = Prometheus(port)
        ready = wait_until(lambda: process.poll() is not None or prometheus.is_ready(), 60)
        if not ready or process.poll() is not None:
            raise RuntimeError(f"Prometheus did not come up. Its output:\n{tail(log)}")
        yield prometheus
    finally:
        end(process, 10)
