"""KafkaTransport against a broker: tansu, which starts in a second."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # mypy: admin uses the name without exporting it

from callgauge import Gauge, Settings, load_settings
from callgauge.codec import read
from callgauge.errors import BrokerError, SettingError
from callgauge.schema import Call
from callgauge.spill.records import read_lines
from callgauge.transport import KafkaTransport, producer_config
from callgauge_deploy.process import wait_until
from tests.brokers import Broker
from tests.forked import Child
from tests.quickest import quickest


@pytest.fixture
def bus(tansu: Broker, settings_of: Callable[..., Settings]) -> Settings:
    """Settings with a calls topic of their own, made without callgauge's help."""
    settings = settings_of(tansu, service="search", linger_ms=5)
    topic = settings.topics.calls
    admin = AdminClient(settings.librdkafka())
    admin.create_topics([NewTopic(topic.name, topic.partitions, 1)])[topic.name].result(10)
    return settings


def consumed(settings: Settings, count: int) -> list[Call]:
    """All calls of the topic: at least `count` are waited for, and a second more for any that should not be there."""
    consumer = Consumer(settings.librdkafka() | {"group.id": "test", "isolation.level": "read_committed"})
    topic = settings.topics.calls
    consumer.assign([TopicPartition(topic.name, partition, 0) for partition in range(topic.partitions)])
    calls: list[Call] = []
    for _ in range(10):
        calls += [read(Call, m.value()) for m in consumer.consume(10_000, 1.0) if not m.error()]
        if len(calls) >= count:
            break
    calls += [read(Call, m.value()) for m in consumer.consume(10_000, 1.0) if not m.error()]
    consumer.close()
    return calls


def test_full_librdkafka_queue_loses_nothing(bus: Settings) -> None:
    """With room for 10 messages in librdkafka, 2,000 calls arrive, each once."""
    transport = KafkaTransport(bus, {"queue.buffering.max.messages": 10})
    with Gauge(bus, transport=transport) as gauge:
        ids = [gauge.emit(model="m") for _ in range(2_000)]
        assert gauge.flush(30) == 0
        assert gauge.stats.delivered == 2_000
    assert sorted(call.event_id for call in consumed(bus, 2_000)) == sorted(ids)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_with_an_open_connection(bus: Settings) -> None:
    """A child forked from a process with an open producer delivers by its own; all calls arrive once; both end."""
    with Gauge(bus) as gauge:
        gauge.emit(event_id="a")
        assert gauge.flush(10) == 0

        def deliver() -> str:
            gauge.emit(event_id="b")
            return str(gauge.flush(30))

        child = Child(deliver)
        gauge.emit(event_id="c")
        assert gauge.flush(30) == 0
        assert child.result() == "0"
    assert sorted(call.event_id for call in consumed(bus, 3)) == ["a", "b", "c"]


def test_unreachable_broker_costs_only_the_calls(settings_of: Callable[..., Settings], tansu: Broker) -> None:
    """Nothing listens there: emit goes on, flush gives up in time, close reports the calls as failed."""
    settings = settings_of(tansu, service="s", bootstrap_servers="127.0.0.1:1")
    gauge = Gauge(settings)
    for _ in range(10):
        assert gauge.emit()
    assert gauge.flush(0.2) == 10
    assert gauge.close(0.2) == 10
    assert gauge.stats.failed == 10


def test_what_the_disk_kept_arrives_when_the_broker_is_there(bus: Settings, tmp_path: Path) -> None:
    """Nothing listens, the host ends, and nothing is lost: the next one delivers all, each once, partition by partition
    in order."""
    away = bus.model_copy(update={"bootstrap_servers": "127.0.0.1:1", "spill_dir": tmp_path, "queue_size": 100})
    gauge = Gauge(away)
    ids = [f"e{number:04d}" for number in range(500)]
    for event_id in ids:
        while not gauge.emit(event_id=event_id, trace_id=f"t{int(event_id[1:]) % 3}"):
            time.sleep(0.001)
    assert gauge.close(0.1) == 0
    assert (gauge.stats.spilled, gauge.stats.failed) == (500, 0)
    with Gauge(bus.model_copy(update={"spill_dir": tmp_path})) as after:
        assert wait_until(lambda: after.stats.replayed == 500, 60, poll_s=0.05)
    calls = consumed(bus, 500)
    assert sorted(call.event_id for call in calls) == ids
    for trace_id in ("t0", "t1", "t2"):
        of_trace = [call.event_id for call in calls if call.trace_id == trace_id]
        assert of_trace == sorted(of_trace)
    assert not list(tmp_path.iterdir())


AT_EXIT = """
import time
from callgauge import Gauge

gauge = Gauge()
for number in range(300):
    gauge.emit(event_id=f"e{number:03d}")
print(time.monotonic(), flush=True)
"""


def test_the_end_of_a_process_without_a_broker(tmp_path: Path) -> None:
    """It is held up for five seconds and no longer; what was not delivered is on disk."""

    def ended_s() -> float:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        more = {
            "CALLGAUGE_SERVICE": "s",
            "CALLGAUGE_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "CALLGAUGE_SPILL_DIR": str(folder),
        }
        ended = subprocess.run([sys.executable, "-c", AT_EXIT], env=os.environ | more, capture_output=True, check=True)
        took_s = time.monotonic() - float(ended.stdout)
        found = [read_lines(path.read_bytes()) for path in sorted(folder.glob("*.spill"))]
        kept = [message.key.decode() for messages, _ in found for message in messages]
        assert kept == [f"e{n:03d}" for n in range(300)]
        assert sum(damaged for _, damaged in found) == 0
        return took_s

    assert quickest(ended_s, 9.0) < 9.0


def test_refused_settings_are_explained() -> None:
    """What librdkafka does not accept is a BrokerError; a file that is missing is known before."""
    with pytest.raises(BrokerError, match="CALLGAUGE_"):
        KafkaTransport(load_settings(), {"acks": "most"}).open(lambda *_: None)
    with pytest.raises(SettingError, match="CALLGAUGE_SSL_CA_FILE: /nowhere: No such file"):
        KafkaTransport(load_settings(ssl_ca_file="/nowhere", security_protocol="SSL"))


def test_nothing_lost_nothing_twice_one_partitioner() -> None:
    """What every producer of calls must have."""
    config = producer_config(load_settings())
    assert config["enable.idempotence"] is True
    assert config["acks"] == "all"
    assert config["partitioner"] == "murmur2_random"
