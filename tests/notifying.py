"""A notifier as a process, receivers that count, and alerts to tell: for integration and chaos tests of notifiers."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from confluent_kafka import Producer

from callgauge.codec import encode
from callgauge.schema import Alert, AlertAction
from callgauge.settings import Settings
from callgauge_deploy.environment import child_environment
from callgauge_deploy.process import Child, end, tail, wait_until
from tests.forkserver import start
from tests.unit.sinks.notify.http_stub import Request, Stub

__all__ = ["Process", "Told", "running", "send_alerts"]

#: Receiver, alert_id (of PagerDuty the dedup_key) and state.
Told = tuple[str, str, str]


def send_alerts(settings: Settings, alerts: Iterable[Alert | AlertAction]) -> None:
    """Send alerts as detect does, and what people do with them, and wait for the broker."""
    producer = Producer(settings.librdkafka() | {"acks": "all", "partitioner": "murmur2_random"})
    for each in alerts:
        producer.produce(settings.topics.alerts.name, encode(each), each.fingerprint)
    assert producer.flush(30) == 0


class Process:
    """A notifier that can be killed and started again.

    Args:
        folder: for its log and its ready file.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._ready = folder / "ready"
        self._settings = settings.model_copy(update={"ready_file": self._ready})
        self.log = folder / "notify.log"
        self._child: Child | None = None
        self._pid = 0

    def start(self) -> None:
        """Start, and wait until the group has given it partitions."""
        self._ready.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "callgauge_deploy.cli", "notify"]
        child = start(argv, env=child_environment(self._settings), log=self.log)
        self._child, self._pid = child, child.pid
        ready = wait_until(lambda: self._ready.exists() or child.poll() is not None, 90)
        assert ready, "the notifier is not ready"
        assert child.poll() is None, tail(self.log)

    def kill(self) -> None:
        """SIGKILL, from any thread; `wait` afterwards."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> None:
        """Until it is gone."""
        assert self._child is not None
        self._child.wait(30)

    def stop(self) -> int:
        """SIGTERM. Returns the exit code."""
        return end(self._child, 30) if self._child is not None else 0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._child is not None and self._child.poll() is None


@contextmanager
def running(settings: Settings, folder: Path) -> Iterator[Process]:
    """A notifier that has started; ended at the end."""
    process = Process(settings, folder)
    process.start()
    try:
        yield process
    finally:
        process.stop()


class Counted:
    """Counts what stubs were told, by receiver, alert and state, and the messages that told something again.

    `on_news` is called before a request is answered.
    """

    def __init__(self) -> None:
        self.told: Counter[Told] = Counter()
        self.repeated: Counter[str] = Counter()
        self.on_news: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def webhook(self, request: Request) -> str:
        """The check of a stub that is a webhook."""
        alerts = [each["callgauge"] for each in request.json["alerts"]]
        self.count("webhook", [(each["alert_id"], state) for each in alerts for state in each["news"]])
        self.on_news()
        return ""

    def pagerduty(self, request: Request) -> str:
        """The check of a stub that is PagerDuty."""
        event = request.json
        state = {"trigger": "firing", "resolve": "resolved"}[event["event_action"]]
        self.count("pagerduty", [(event["dedup_key"], state)])
        self.on_news()
        return ""

    def count(self, receiver: str, news: Iterable[tuple[str, str]]) -> None:
        """A receiver took one message with this news: alert (or dedup_key) and state."""
        told = [(receiver, *each) for each in news]
        with self._lock:
            self.repeated[receiver] += any(each in self.told for each in told)
            self.told.update(told)


__all__ += ["Counted", "Stub"]
