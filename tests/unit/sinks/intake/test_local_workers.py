"""What the workers of a local stack say on their pages of metrics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from callgauge_deploy.process import free_port
from callgauge_intake.local_workers import metrics_ports_in, unprocessed_of


def test_ports_stand_in_the_file_of_the_stack(tmp_path: Path) -> None:
    """Role -> port."""
    file = tmp_path / "stack.json"
    file.write_text(json.dumps({"metrics": {"rollup": 1, "detect": 2}, "pids": {}}))
    assert metrics_ports_in(file) == {"rollup": 1, "detect": 2}


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"metrics": [1]}', '{"metrics": {"rollup": "x"}}'])
def test_without_a_stack_there_are_none(tmp_path: Path, text: str | None) -> None:
    """No file, or one that somebody is writing."""
    if text is not None:
        (tmp_path / "stack.json").write_text(text)
    assert metrics_ports_in(tmp_path / "stack.json") == {}


def test_a_worker_tells_what_it_is_not_done_with() -> None:
    """By topic and partition; one that does not answer tells nothing."""
    registry = CollectorRegistry()
    gauge = Gauge("callgauge_lag_records", "Lag.", ("app", "topic", "partition"), registry=registry)
    gauge.labels("rollup", "llm.calls", "3").set(17)
    port, nobody = free_port(), free_port()
    server, thread = start_http_server(port, "127.0.0.1", registry)
    try:
        assert unprocessed_of({"rollup": port, "detect": nobody}) == {"rollup": {("llm.calls", 3): 17}, "detect": {}}
    finally:
        server.shutdown()
        thread.join()
