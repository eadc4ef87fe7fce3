"""The broker is killed under a running rollup worker and comes back with its log."""

from __future__ import annotations

import time
from pathlib import Path

from callgauge_deploy.process import wait_until
from tests.brokers import Broker
from tests.chaos.pipeline import pipeline_settings
from tests.integration.rollup_stream import RollupStream

CALLS = 10_000
DOWN_S = 8.0


def test_a_broker_that_was_away_costs_nothing(own_kafka: Broker, tmp_path: Path) -> None:
    """The worker goes on, or ends with an error and is started again; either way every window is exact."""
    stream = RollupStream(pipeline_settings(own_kafka.bootstrap, tmp_path))
    stream.publish(CALLS)
    with stream.worker() as worker:
        stream.wait_counted(worker)
        own_kafka.kill()
        time.sleep(DOWN_S)
        own_kafka.start()
        stream.publish(CALLS)
        wait_until(lambda: worker.process.poll() is not None or all_counted(stream), 60, poll_s=0.5)
        if worker.process.poll() is not None:
            assert worker.process.returncode != 0
            worker.start()
        stream.wait_counted(worker)
    stream.assert_commits_are_confirmed()
    stream.assert_exact()
    stream.close()


def all_counted(stream: RollupStream) -> bool:
    return stream.windows.poll().counted() >= len(stream.calls)
