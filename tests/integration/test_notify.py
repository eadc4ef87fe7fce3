"""The notifier as a process against real brokers: told once, noted, committed; kill -9 between sending and noting."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from confluent_kafka import Consumer

from callgauge.codec import read
from callgauge.schema import DeadLetter
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker
from tests.notifying import Counted, Process, running, send_alerts
from tests.unit.sinks.notify.alerts import alert
from tests.unit.sinks.notify.http_stub import Answer, Stub, serving

QUICK = "group_wait: 100ms, group_interval: 100ms"
ROUTES = f"""
receivers:
  - {{name: hook, type: webhook, url: "URL"}}
  - {{name: dead, type: webhook, url: "http://127.0.0.1:1/hunter2", retry_for: 2s}}
  - {{name: log, type: file, path: "FOLDER/alerts.jsonl"}}
routes:
  - {{name: dead, match: [service=dead], receiver: dead, {QUICK}, continue: true}}
  - {{name: hook, receiver: hook, group_by: [service], {QUICK}, continue: true}}
  - {{name: log, receiver: log}}
"""


@pytest.fixture
def notified(broker: Broker, settings_of: Callable[..., Settings], tmp_path: Path) -> Settings:
    settings = settings_of(
        broker, routes_file=tmp_path / "routes.yaml", notify_allow_http=True, notify_allow_hosts="127.0.0.1"
    )
    ensure_topics(settings)
    return settings


def write_routes(folder: Path, stub: Stub) -> None:
    (folder / "routes.yaml").write_text(dedent(ROUTES).replace("URL", stub.url).replace("FOLDER", str(folder)))


def about_receivers(stub: Stub) -> list[dict[str, str]]:
    """The labels of the alerts about receivers that a webhook was told."""
    alerts = [each for request in stub.requests for each in request.json["alerts"]]
    return [each["labels"] for each in alerts if "receiver" in each["labels"]]


def lines(folder: Path) -> list[tuple[str, str]]:
    """Rule and news of each line of the file receiver."""
    path = folder / "alerts.jsonl"
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [(line["alert"]["rule"], state) for line in found for state in line["news"]]


def test_killed_between_sending_and_noting(notified: Settings, tmp_path: Path) -> None:
    """The webhook takes the alert and the notifier is killed before it hears so: told twice, with one id, and never
    again by later processes. The end is told once.
    """
    counted = Counted()
    with serving(Stub(counted.webhook)) as stub:
        write_routes(tmp_path, stub)
        process = Process(notified, tmp_path)
        counted.on_news = process.kill
        process.start()
        send_alerts(notified, [alert()])
        process.wait()
        counted.on_news = lambda: None
        process.start()
        firing, resolved = ("webhook", alert().alert_id, "firing"), ("webhook", alert().alert_id, "resolved")
        assert wait_until(lambda: counted.told[firing] == 2 and len(lines(tmp_path)) >= 1, 60)
        assert len({request.headers["webhook-id"] for request in stub.requests}) == 1
        assert process.stop() == 0
        process.start()
        send_alerts(notified, [alert(), alert("resolved")])
        assert wait_until(lambda: counted.told[resolved] == 1 and len(lines(tmp_path)) >= 2, 60)
        assert process.stop() == 0
    assert counted.told == {firing: 2, resolved: 1}
    assert sorted(set(lines(tmp_path))) == [("slow", "firing"), ("slow", "resolved")]


def test_a_dead_receiver_holds_up_nobody(notified: Settings, tmp_path: Path) -> None:
    """Nothing listens at `dead`: the others hear of the alert, then it is a dead letter and they hear of that."""
    counted = Counted()
    with serving(Stub(counted.webhook)) as stub:
        write_routes(tmp_path, stub)
        with running(notified, tmp_path) as process:
            send_alerts(notified, [alert(labels={"service": "dead"}), alert(rule="other")])
            assert wait_until(lambda: {"slow", "other"} <= {rule for rule, _ in lines(tmp_path)}, 60)
            assert wait_until(lambda: ("notification_failed", "firing") in lines(tmp_path), 60)
            assert wait_until(lambda: bool(about_receivers(stub)), 60)
            letters = dead_letters(notified)
            assert process.alive
            assert "hunter2" not in process.log.read_text() + str(letters)
    assert [(letter.topic, letter.reason) for letter in letters] == [
        ("notify dead", "given up after 2 s: 127.0.0.1: ConnectError")
    ]
    assert about_receivers(stub)[0] == {"alertname": "notification_failed", "severity": "error", "receiver": "dead"}


def test_an_outage_of_the_receiver_is_waited_for(notified: Settings, tmp_path: Path) -> None:
    """503 three times, then it takes the alert: once."""
    counted = Counted()
    answers = [Answer(503) for _ in range(3)]
    with serving(Stub()) as stub:
        stub.otherwise = lambda request: answers.pop() if answers else Answer(200, counted.webhook(request).encode())
        write_routes(tmp_path, stub)
        with running(notified, tmp_path):
            send_alerts(notified, [alert()])
            assert wait_until(lambda: bool(counted.told), 60)
    assert counted.told == {("webhook", alert().alert_id, "firing"): 1}
    assert len(stub.requests) == 4


def test_two_notifiers_share_the_alerts(notified: Settings, tmp_path: Path) -> None:
    """Each alert is told by one of them; when one is killed the other goes on, and knows what was told."""
    counted = Counted()
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    alerts = [alert(labels={"service": f"s{number}"}) for number in range(40)]
    with serving(Stub(counted.webhook)) as stub:
        write_routes(tmp_path, stub)
        with running(notified, folders[0]) as first, running(notified, folders[1]):
            send_alerts(notified, alerts)
            assert wait_until(lambda: len(counted.told) == 40, 60)
            first.kill()
            first.wait()
            over = [alert("resolved", labels={"service": f"s{number}"}) for number in range(40)]
            send_alerts(notified, over)
            assert wait_until(lambda: len(counted.told) == 80, 90)
    assert {state for _, _, state in counted.told} == {"firing", "resolved"}
    # What the first one had told and not noted when it was killed may come twice; the rest must not.
    assert sum(1 for count in counted.told.values() if count > 1) <= 1


def dead_letters(settings: Settings) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    consumer = Consumer(settings.librdkafka() | {"group.id": settings.group("test"), "auto.offset.reset": "earliest"})
    consumer.subscribe([settings.topics.dead.name])

    def read_more() -> bool:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found.append(read(DeadLetter, message.value()))
        return bool(found)

    try:
        assert wait_until(read_more, 60)
    finally:
        consumer.close()
    return found
