"""A service sends a new model name with every call, 1,000 a second; the alert of another service fires all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer

from callgauge.codec import encode
from callgauge.schema import Alert, Call
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker
from tests.chaos.pipeline import Role, pipeline_settings, quiet
from tests.integration.test_detect import told

PER_S, VICTIM_PER_S = 1_000, 10
#: Detect without any series takes about 190 MB; what it may keep of an explosion is the cap, whatever comes.
MOST_MB = 500
GROUPINGS = "@10s model@10s service@10s service,feature,provider,model@60s service,model,prompt_version@60s"


class Explosion:
    """Sends until it is stopped: calls of `bulk`, each to a model of its own, and of `victim`, which all fail."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._sender = threading.Thread(target=self._send, name="explosion")
        self.began = time.monotonic()

    @contextmanager
    def running(self) -> Iterator[None]:
        self._sender.start()
        try:
            yield
        finally:
            self._stop.set()
            self._sender.join()

    @property
    def lasted_s(self) -> float:
        return time.monotonic() - self.began

    def _send(self) -> None:
        producer = Producer(quiet(self._settings) | {"partitioner": "murmur2_random", "linger.ms": 50})
        for tick in count():
            for number in range(PER_S // VICTIM_PER_S):
                name = f"{tick}-{number}"
                self._produce(producer, Call(event_id=name, ts=time.time(), service="bulk", model=f"model-{name}"))
            failed = Call(
                event_id=f"v{tick}", ts=time.time(), service="victim", model="m", status="error", error_type="timeout"
            )
            self._produce(producer, failed)
            producer.poll(0)
            if self._stop.wait(max(0.0, (tick + 1) / VICTIM_PER_S - self.lasted_s)):
                producer.flush(30)
                return

    def _produce(self, producer: Producer, call: Call) -> None:
        producer.produce(self._settings.topics.calls.name, encode(call), call.event_id.encode())


def firing(alerts: list[Alert], rule: str, **labels: str) -> bool:
    return any(a.rule == rule and a.state == "firing" and a.labels.items() >= labels.items() for a in alerts)


@pytest.mark.only_long
def test_one_services_labels_silence_nobody(tansu: Broker, tmp_path: Path) -> None:
    """It lasts three minutes, in which detect used to grow until its watchdog ended it."""
    settings = pipeline_settings(
        tansu.bootstrap, tmp_path, partitions=4, windows_partitions=4, groupings=GROUPINGS, stall_s=60.0
    )
    ensure_topics(settings)
    with Role("rollup", settings) as rollup, Role("detect", settings) as detect:
        rollup.wait_ready()
        detect.wait_ready()
        most_mb = 0.0
        explosion = Explosion(settings)

        def seen() -> bool:
            nonlocal most_mb
            rollup.check()
            detect.check()
            most_mb = max(most_mb, psutil.Process(detect.process.pid).memory_info().rss / 2**20)
            alerts = told(settings)
            fired = firing(alerts, "high_error_rate", service="victim")
            return fired and firing(alerts, "too_many_series", service="bulk", label="model")

        with explosion.running():
            assert wait_until(seen, 150, poll_s=1.0), [alert.summary for alert in told(settings)]
            assert wait_until(lambda: seen() and explosion.lasted_s > 180.0, 240, poll_s=1.0)
        alerts = [alert for alert in told(settings) if alert.rule == "too_many_series"]
        assert [(alert.state, alert.labels["service"]) for alert in alerts] == [("firing", "bulk")]
        assert most_mb < MOST_MB
        print(f"detect: at most {most_mb:.0f} MB in {explosion.lasted_s:.0f} s")
