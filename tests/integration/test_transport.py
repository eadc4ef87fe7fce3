"""The transport and the worker around it on real brokers: nothing is committed that is not confirmed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka import Producer

from callgauge.codec import encode
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from tests.brokers import Broker
from tests.chaos.pipeline import Role, pipeline_settings
from tests.integration.rollup_stream import RollupStream
from tests.quickest import quickest
from tests.random_calls import random_calls

BLOCK = 256
SLICE = 2_500
ENDS_WITHIN_S = 60.0
BETWEEN_S = 4.0

AGENT = [
    ("send", 40),
    ("acknowledgement", 60),
    ("after acknowledgements", 2),
    ("confirm", 3),
    ("take", 4),
    ("count", 5),
]
TICKER = [("tick", 3), ("due rows", 4), ("idle records", 1), ("progress", 3)]
TAKEOVER = [("committed", 1), ("log start", 2), ("horizon", 2), ("commit", 1), ("seek", 2), ("epoch start", 2)]
TRANSPORT = [("fetch", 3), ("cut", 2), ("flush", 1), ("commit", 2)]

NewStream = Callable[..., RollupStream]


@pytest.fixture
def new_stream(broker: Broker, tmp_path: Path) -> Iterator[NewStream]:
    """Makes streams that are closed at the end."""
    with ExitStack() as stack:

        def make(**overrides: object) -> RollupStream:
            settings: Settings = pipeline_settings(
                broker.bootstrap, tmp_path, **{"block_offsets": BLOCK, "fetch_max_records": 200} | overrides
            )
            stream = RollupStream(settings)
            stack.callback(stream.close)
            return stream

        yield make


def finish(stream: RollupStream) -> None:
    """A good worker counts the rest and ends on SIGTERM."""
    with stream.worker() as worker:
        stream.wait_reached(worker)
        stream.wait_counted(worker)
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    stream.assert_commits_are_confirmed()
    stream.assert_exact()


def exit_code_under_load(stream: RollupStream, worker: Role) -> int:
    """Send calls now and then until the worker has ended: a fault that needs one more commit comes at last, and so
    does one that needs an idle source."""
    for _ in range(int(ENDS_WITHIN_S / BETWEEN_S)):
        if wait_until(lambda: worker.process.poll() is not None, BETWEEN_S):
            return worker.wait(0)
        stream.publish(BLOCK)
    raise AssertionError(f"still running after {ENDS_WITHIN_S} s:\n{worker.log.read_text()}")


@pytest.mark.long
@pytest.mark.parametrize(
    "faults", [AGENT, TICKER, TAKEOVER, TRANSPORT], ids=["agent", "ticker", "takeover", "transport"]
)
def test_any_exception_ends_the_process_and_commits_nothing_wrong(
    broker: Broker, new_stream: NewStream, faults: list[tuple[str, int]], long: bool
) -> None:
    """One worker after the other fails at another await; whatever is committed is on the windows topic, and the
    last one's restart gives exactly the recount. Every other await on each broker, all on both in `make chaos`."""
    stream = new_stream()
    for point, nth in faults if long else faults[broker.name == "kafka" :: 2]:
        stream.publish(SLICE)
        with stream.faulty(point, nth) as worker:
            assert exit_code_under_load(stream, worker) not in (0, -signal.SIGKILL), point
        assert "Injected" in worker.log.read_text(), point
        stream.assert_commits_are_confirmed()
    finish(stream)


def test_the_start_is_committed_before_the_first_row_is_sent(new_stream: NewStream) -> None:
    """A worker whose very first send fails has committed where it began."""
    stream = new_stream()
    stream.publish(SLICE)
    assert stream.committed() == [-1, -1]
    with stream.faulty("send", 1) as worker:
        assert worker.wait(ENDS_WITHIN_S) != 0
    assert stream.windows.read().rows == []
    assert stream.committed() == [0, 0]
    finish(stream)


def test_a_block_that_is_open_is_not_committed(new_stream: NewStream) -> None:
    """Faust's own logic takes all that a fresh group has acked; here the open block's start stays, and its rows are
    sent again, equal, by the next worker."""
    stream = new_stream(block_offsets=65_536)
    stream.publish(3_000)
    for _ in range(2):
        finish(stream)
        # a new minute may have closed a block; then exactly its end is committed (finish has checked)
        starts = {(int(source.rpartition("/")[2]), block) for source, block in stream.windows.summaries}
        assert set(enumerate(stream.committed())) <= starts


def test_a_refused_commit_is_made_up_for(new_stream: NewStream) -> None:
    """Faust advances its own idea of what is committed when the group has rebalanced; here it is tried again."""
    stream = new_stream()
    with stream.faulty("refused commit", 4) as worker:
        for _ in range(3):
            stream.publish(SLICE)
            stream.wait_counted(worker)
            stream.assert_commits_are_confirmed()
        assert wait_until(lambda: "CommitFailedError" in worker.log.read_text(), 60)
        before = stream.committed()
        stream.publish(SLICE)
        assert wait_until(lambda: all(a > b for a, b in zip(stream.committed(), before, strict=True)), 60)
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    assert min(stream.committed()) > 0
    finish(stream)


def test_a_second_worker_joins_and_leaves(new_stream: NewStream) -> None:
    """Partitions move there and back in the middle of a stream, totals stay exact."""
    stream = new_stream()
    stream.publish(SLICE)
    with stream.worker(0) as first:
        stream.wait_counted(first)
        with stream.worker(1) as second:
            second.wait_ready()
            until = time.monotonic() + 60
            while "ssigned" not in second.log.read_text() and time.monotonic() < until:
                stream.publish(200)
                time.sleep(0.1)
            for _ in range(5):
                stream.publish(SLICE)
                time.sleep(0.3)
            stream.wait_counted(first)
            second.process.send_signal(signal.SIGTERM)
            stream.publish(SLICE)
            assert second.wait(60) == 0
        stream.publish(SLICE)
        stream.wait_counted(first)
        stream.assert_commits_are_confirmed()
    finish(stream)


def test_a_worker_with_held_work_ends_within_ten_seconds(new_stream: NewStream) -> None:
    """SIGTERM in the middle of a stream: exit code 0, nothing unconfirmed committed."""
    stream = new_stream()

    def ended_s() -> float:
        before = len(stream.windows.poll().rows)
        stream.publish(10_000)
        with stream.worker() as worker:
            assert wait_until(lambda: len(stream.windows.poll().rows) > before, 60)
            stream.publish(10_000)
            worker.process.send_signal(signal.SIGTERM)
            told = time.monotonic()
            assert worker.wait(60) == 0
            return time.monotonic() - told

    assert quickest(ended_s, 10.0) < 10.0
    stream.assert_commits_are_confirmed()
    finish(stream)


@pytest.mark.kafka
def test_records_of_aborted_transactions_are_not_counted(kafka: Broker, tmp_path: Path) -> None:
    """Calls of an aborted transaction are skipped, those of a committed one counted, in spite of holes in the offsets
    (Kafka only: tansu does not hide aborted records)."""
    stream = RollupStream(pipeline_settings(kafka.bootstrap, tmp_path, block_offsets=BLOCK, fetch_max_records=200))
    config = {"transactional.id": stream.settings.topic_prefix, "partitioner": "murmur2_random"}
    producer = Producer(stream.settings.librdkafka() | config)
    producer.init_transactions(30)
    for number in range(6):
        calls = list(random_calls(700, seed=100 + number))
        producer.begin_transaction()
        for call in calls:
            producer.produce(stream.settings.topics.calls.name, encode(call), call.trace_id)
        producer.flush(30)
        if number % 2:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
            stream.calls += calls
    with stream.worker() as worker:
        stream.wait_counted(worker)
    stream.assert_exact()
    stream.close()
