"""What a worker leaves behind: a log that can be read, and nothing in the temporary folder."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from callgauge.settings import Settings
from callgauge_deploy.environment import child_environment
from callgauge_deploy.process import spawn, wait_until
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker, start_broker


@pytest.mark.parametrize("role", ["rollup", "detect"])
def test_a_worker_leaves_no_folder_and_few_lines(
    tansu: Broker, settings_of: Callable[..., Settings], tmp_path: Path, role: str
) -> None:
    """After SIGTERM the temporary folder is empty; the log says what was read and why it ended, and no more."""
    settings = settings_of(tansu)
    topic = settings.topics.calls if role == "rollup" else settings.topics.windows
    ensure_topics(settings)
    temporary, log = tmp_path / "temporary", tmp_path / "log"
    temporary.mkdir()
    env = child_environment(settings) | {"TMPDIR": str(temporary)}
    with log.open("wb") as output:
        worker = spawn([sys.executable, "-m", "callgauge_deploy.cli", role], env=env, stdout=output)
    try:
        assert wait_until(lambda: f"{topic.name}/0 from offset 0" in log.read_text(), 60), log.read_text()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    finally:
        worker.kill()
        worker.wait(60)
    assert list(temporary.iterdir()) == []
    lines = [line.partition(": ")[2] for line in log.read_text().splitlines()]
    assert lines[0].startswith("starting")
    assert lines[1].startswith(f"assigned {topic.name}/0 from offset 0, {topic.name}/1 from offset 0, ")
    assert lines[2:] == ["SIGTERM: ending after what is under way is sent and committed"]


@pytest.mark.parametrize("role", ["rollup", "detect"])
def test_it_ends_although_its_broker_is_gone(settings_of: Callable[..., Settings], tmp_path: Path, role: str) -> None:
    """SIGTERM ends a worker that can neither send nor commit any more, within the grace that supervisors give."""
    with start_broker("tansu") as broker:
        settings = settings_of(broker)
        ensure_topics(settings)
        producer = Producer(settings.librdkafka())
        producer.produce(settings.topics.calls.name, b'{"event_id":"a","ts":1700000000,"service":"s"}')
        producer.flush(30)
        log = tmp_path / "log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "callgauge_deploy.cli", role]
            worker = spawn(command, env=child_environment(settings), stdout=output)
        try:
            assert wait_until(lambda: "/0 from offset 0" in log.read_text(), 60), log.read_text()
            broker.kill()
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(25) in (0, 1)
        finally:
            worker.kill()
            worker.wait(60)
