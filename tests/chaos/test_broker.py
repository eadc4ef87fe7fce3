"""The broker is killed under a running rollup worker and comes back with its log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from callgauge_deploy.process import wait_until
from tests.brokers import Broker, KafkaMissing, in_ci, start_broker
from tests.chaos.pipeline import pipeline_settings
from tests.integration.rollup_stream import RollupStream

CALLS = 10_000
DOWN_S = 8.0


@pytest.mark.kafka
def test_a_broker_that_was_away_costs_nothing(tmp_path: Path) -> None:
    """The worker goes on, or ends with an error and is started again; either way every window is exact."""
    with own_kafka() as broker:
        stream = RollupStream(pipeline_settings(broker.bootstrap, tmp_path))
        stream.publish(CALLS)
        with stream.worker() as worker:
            stream.wait_counted(worker)
            broker.kill()
            time.sleep(DOWN_S)
            broker.start()
            stream.publish(CALLS)
            wait_until(lambda: worker.process.poll() is not None or all_counted(stream), 60, poll_s=0.5)
            if worker.process.poll() is not None:
                assert worker.process.returncode != 0
                worker.start()
            stream.wait_counted(worker)
        stream.assert_commits_are_confirmed()
        stream.assert_exact()
        stream.close()


@contextmanager
def own_kafka() -> Iterator[Broker]:
    """A broker that no other test uses."""
    with ExitStack() as stack:
        try:
            broker = stack.enter_context(start_broker("kafka"))
        except KafkaMissing as error:
            if in_ci():
                raise
            pytest.skip(str(error))
        yield broker


def all_counted(stream: RollupStream) -> bool:
    return stream.windows.poll().counted() >= len(stream.calls)
