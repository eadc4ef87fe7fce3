"""Taking partitions over on real brokers: terms, what retention ate, being set back, partitions that come later."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from callgauge.codec import encode
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_streams.bus.commit_note import CommitNote
from tests.brokers import Broker
from tests.chaos.pipeline import Role, pipeline_settings, role_command
from tests.commands import callgauge
from tests.integration.rollup_stream import RollupStream
from tests.random_calls import random_calls

BLOCK = 256

NewStream = Callable[..., RollupStream]


@pytest.fixture
def stream_on(tmp_path: Path) -> Iterator[NewStream]:
    """Makes streams on a broker."""
    streams: list[RollupStream] = []

    def make(broker: Broker, **overrides: object) -> RollupStream:
        values: dict[str, object] = {"block_offsets": BLOCK, "fetch_max_records": 200}
        streams.append(RollupStream(pipeline_settings(broker.bootstrap, tmp_path, **values | overrides)))
        return streams[-1]

    yield make
    for stream in streams:
        stream.close()


def count_all(stream: RollupStream) -> None:
    """A worker counts everything, is idle (on Kafka it notes that), and ends."""
    with stream.worker() as worker:
        stream.wait_reached(worker)
        pid = str(worker.process.pid)
        assert wait_until(lambda: idle(stream, pid), 60, poll_s=0.2)
        finish(stream, worker)


def read_all(stream: RollupStream) -> None:
    """A worker reads everything, and is killed before it is idle."""
    never_idle = stream.settings.model_copy(update={"idle_after_s": 600.0})
    with Role("reader", never_idle, role_command("rollup")) as worker:
        stream.wait_reached(worker)
        worker.kill()
    assert all(note.counted_to < 0 for _, note in notes(stream))


def idle(stream: RollupStream, pid: str) -> bool:
    """Whether all sources of a worker are idle, all their rows sent."""
    told = [r for _, r in stream.windows.poll().records if r.kind == "progress" and r.worker.endswith(f"-{pid}")]
    return bool(told) and all(source.idle for source in told[-1].sources)


def notes(stream: RollupStream) -> list[tuple[int, CommitNote]]:
    """Committed offset and note of each partition."""
    settings = stream.settings
    consumer = Consumer(settings.librdkafka() | {"group.id": settings.group("rollup"), "enable.auto.commit": False})
    wanted = [TopicPartition(settings.topics.calls.name, number) for number in range(settings.partitions)]
    found = consumer.committed(wanted, timeout=20)
    consumer.close()
    return [(tp.offset, CommitNote.decode(tp.metadata)) for tp in found]


def eat(stream: RollupStream, *up_to: int) -> None:
    """What retention does, to each partition's log."""
    topic = stream.settings.topics.calls.name
    admin = AdminClient(stream.settings.librdkafka())
    wanted = [TopicPartition(topic, number, offset) for number, offset in enumerate(up_to)]
    for future in admin.delete_records(wanted).values():
        future.result()


def number_of(source: str) -> int:
    return int(source.rpartition("/")[2])


def test_each_takeover_is_told_first_and_under_a_higher_term(broker: Broker, stream_on: NewStream) -> None:
    """In every partition the epoch start precedes all else of its source; kill -9 and a restart raise the term."""
    stream = stream_on(broker)
    for _ in range(3):
        stream.publish(1_000)
        with stream.worker() as worker:
            stream.wait_reached(worker)
            stream.wait_counted(worker)
            worker.kill()
    for partition in range(stream.settings.windows_partitions):
        told = set()
        for number, record in stream.windows.read().records:
            if number != partition:
                continue
            if record.kind == "epoch":
                told.add(record.source)
            sources = [s.source for s in record.sources] if record.kind == "progress" else [record.source]
            assert told.issuperset(sources), record
        starts = stream.windows.starts(partition)
        for source in {start.source for start in starts}:
            own = [(start.term, start.from_offset) for start in starts if start.source == source]
            assert len(own) == 3
            assert own == sorted(own)
    if broker.name == "kafka":  # tansu forgets notes
        newest = {number_of(start.source): start.term for start in stream.windows.starts()}
        assert [note.term for _, note in notes(stream)] == [newest[0], newest[1]]
    stream.assert_exact()


def test_progress_tells_what_is_committed(broker: Broker, stream_on: NewStream) -> None:
    """A block start that the broker has accepted, never ahead of it."""
    stream = stream_on(broker)
    stream.publish(3_000)
    with stream.worker() as worker:
        stream.wait_counted(worker)
        assert wait_until(lambda: min(stream.committed()) > 0, 60, poll_s=0.2)
        assert wait_until(lambda: told_is_committed(stream), 60, poll_s=0.2)


def told_is_committed(stream: RollupStream) -> bool:
    """Whether the newest progress record tells what the broker holds. It is read first, and may only be behind."""
    told = told_committed(stream)
    committed = dict(enumerate(stream.committed()))
    assert all(told[number] <= committed[number] for number in told)
    return told == committed


def told_committed(stream: RollupStream) -> dict[int, int]:
    progress = [record for _, record in stream.windows.poll().records if record.kind == "progress"][-1]
    return {number_of(source.source): source.committed for source in progress.sources if source.holds == "calls"}


def test_a_takeover_whose_commit_is_refused_sends_nothing(broker: Broker, stream_on: NewStream) -> None:
    """The group moved on without this member: it joins again, and only the takeover that was accepted is told."""
    stream = stream_on(broker)
    stream.publish(2_000)
    with stream.faulty("illegal generation", 1) as worker:
        stream.wait_counted(worker)
        assert "refusing a commit" in worker.log.read_text()
        told = stream.windows.starts()
        assert [number_of(start.source) for start in told] in ([0, 1], [1, 0])
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    stream.assert_exact()


@pytest.mark.parametrize("point", ["agent hangs", "loop hangs"])
@pytest.mark.parametrize("role", ["rollup", "detect"])
def test_a_worker_that_hangs_ends_itself(tansu: Broker, stream_on: NewStream, role: str, point: str) -> None:
    """With one line that says where."""
    stream = stream_on(tansu, stall_s=3.0, groupings=Settings.model_fields["groupings"].default)
    stream.publish(2_000)
    if role == "detect":
        count_all(stream)
    with stream.faulty(point, 2, role) as worker:
        assert worker.wait(60) == 1
        last = worker.log.read_text().splitlines()[-1]
    topic = stream.settings.topics.calls if role == "rollup" else stream.settings.topics.windows
    assert last.startswith(f"callgauge: {role}: no progress for 3 s at offset ")
    assert f" of {topic.name}-" in last


def test_a_stopped_worker_goes_on(tansu: Broker, stream_on: NewStream) -> None:
    """SIGSTOP for longer than the stall limit is nobody's fault."""
    stream = stream_on(tansu, stall_s=5.0, session_timeout_s=30.0)
    stream.publish(500)
    with stream.worker() as worker:
        stream.wait_counted(worker)
        worker.process.send_signal(signal.SIGSTOP)
        stream.publish(2_000)
        time.sleep(6)  # longer than it may stand still
        worker.process.send_signal(signal.SIGCONT)
        stream.wait_counted(worker)


@pytest.mark.kafka
def test_what_retention_ate_is_told_and_the_rest_counted_once(kafka: Broker, stream_on: NewStream) -> None:
    """Lost from the committed offset up to the next block; told again until a later block start is committed."""
    stream = stream_on(kafka, partitions=1)
    stream.publish(600)
    read_all(stream)
    [committed] = stream.committed()
    stream.publish(2_000)
    eat(stream, committed + 300)
    count_all(stream)
    lost = [start for start in stream.windows.starts() if start.lost_from >= 0]
    assert lost[0].lost_from == committed
    start = lost[0].from_offset
    assert committed + 300 <= start <= committed + 300 + BLOCK
    assert start % BLOCK == 0 or start in {summary.block for summary in stream.windows.summaries.values()}
    counted = {block: s.counted for (_, block), s in stream.windows.summaries.items() if block >= start}
    assert sum(counted.values()) == 2_600 - start
    [(_, note)] = notes(stream)
    assert note.lost_from == -1
    assert "retention has eaten" in (stream.settings.data_dir / "rollup0.log").read_text()


@pytest.mark.kafka
def test_a_loss_is_told_until_a_later_block_is_committed(kafka: Broker, stream_on: NewStream) -> None:
    """A worker that was killed between commit and broadcast does not silence it."""
    stream = stream_on(kafka, partitions=1)
    stream.publish(200)
    read_all(stream)
    stream.publish(500)
    eat(stream, 300)
    with stream.faulty("epoch start", 1) as worker:
        assert worker.wait(60) != 0
    assert [told.lost_from for told in stream.windows.read().starts()] == [-1]
    [(start, note)] = notes(stream)
    assert (start >= 300, note.lost_from) == (True, 0)
    with stream.worker() as role:
        stream.wait_reached(role)
    told = stream.windows.read().starts()[-1]
    assert (told.lost_from, told.from_offset) == (0, start)


@pytest.mark.kafka
def test_retention_of_what_was_counted_is_no_loss(kafka: Broker, stream_on: NewStream) -> None:
    """An idle source has all its rows confirmed, though the open block's start is what is committed."""
    stream = stream_on(kafka, partitions=1)
    stream.publish(2 * BLOCK)
    count_all(stream)
    [(committed, note)] = notes(stream)
    assert committed < note.counted_to == 2 * BLOCK
    eat(stream, 2 * BLOCK)
    stream.publish(300)  # of another block, whatever the minute
    count_all(stream)
    assert [start.lost_from for start in stream.windows.starts()] == [-1, -1]
    stream.assert_exact()


@pytest.mark.kafka
def test_partitions_that_are_added_are_read_from_their_beginning(kafka: Broker, stream_on: NewStream) -> None:
    """A running worker notices them within a minute."""
    stream = stream_on(kafka, partitions=1)
    topic = stream.settings.topics.calls.name
    stream.publish(500)
    with stream.worker() as worker:
        stream.wait_counted(worker)
        admin = AdminClient(stream.settings.librdkafka())
        admin.create_partitions([NewPartitions(topic, 3)])[topic].result()
        calls = list(random_calls(400, seed=77))
        producer = Producer(stream.settings.librdkafka())
        for at, call in enumerate(calls):
            producer.produce(topic, encode(call), call.trace_id, partition=1 + at % 2)
        assert producer.flush(30) == 0
        stream.calls += calls
        stream.wait_counted(worker, timeout_s=60)
    starts = {number_of(start.source): start.from_offset for start in stream.windows.starts()}
    assert (starts[1], starts[2]) == (0, 0)
    stream.assert_exact()


def reaggregate(stream: RollupStream, since: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    done = callgauge(stream.settings, "reaggregate", "--from", since)
    return done.returncode, (done.stdout + done.stderr).decode()


def finish(stream: RollupStream, worker: Role) -> None:
    worker.process.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0


def test_the_past_is_not_aggregated_again_beside_a_worker(broker: Broker, stream_on: NewStream) -> None:
    """It would commit over what was set back."""
    stream = stream_on(broker, partitions=1)
    stream.publish(600)
    with stream.worker() as worker:
        stream.wait_counted(worker)
        assert wait_until(lambda: stream.committed() == [512], 60)
        code, said = reaggregate(stream, "0")
        assert code == 1, said
        assert said.startswith("callgauge: error: ")
        assert "stop all rollup workers" in said
        assert stream.committed() == [512]


@pytest.mark.kafka
def test_the_past_is_aggregated_again(kafka: Broker, stream_on: NewStream) -> None:
    """From the block that holds the time, under the term that is stored. (tansu takes no commit from outside for a
    group that had members.)"""
    stream = stream_on(kafka, partitions=1)
    stream.publish(600)
    time.sleep(1.5)
    since = time.time()
    stream.publish(600)
    count_all(stream)
    [(committed, note)] = notes(stream)
    rows = len(stream.windows.read().rows)
    code, said = reaggregate(stream, str(since))
    assert code == 0, said
    assert said.splitlines()[-1].split() == ["0", f"{committed:,}", "512"]
    assert notes(stream) == [(512, CommitNote(term=note.term))]
    count_all(stream)
    assert stream.windows.read().starts()[-1].from_offset == 512
    again: list[Any] = stream.windows.rows[rows:]
    assert {row.block for row in again} >= {512, 768, 1_024}
    stream.assert_exact()


@pytest.mark.kafka
def test_the_past_cannot_be_aggregated_from_before_the_log(kafka: Broker, stream_on: NewStream) -> None:
    """Then from the first whole block that is left, and the table says so."""
    stream = stream_on(kafka, partitions=2)
    stream.publish(2_400)
    count_all(stream)
    eat(stream, 100, 0)
    code, said = reaggregate(stream, "1970-01-01T00:00")
    assert code == 0, said
    assert "the log begins at 100" in said
    assert [offset for offset, _ in notes(stream)] == [256, 0]
    count_all(stream)
    stream.assert_exact()
