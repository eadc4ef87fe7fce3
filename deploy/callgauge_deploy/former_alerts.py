"""Ends the alerts that a former local bus left pending or firing.

The local bus is in memory. When it ends, the log by which its alerts were judged is gone, so nothing on the new bus
would ever end them: they would stay firing in `alerts_latest`, and whoever was told that they fire would never hear
that they do not. So at the start of the stack each of them is resolved, with that reason, by a transition on the new
bus's topic of alerts: the sink stores it, and notifiers tell it.

Which alerts are a former bus's? Those in the store that are not on the topic of this bus, which began empty. (The store
is asked first, so an alert that this bus tells meanwhile is on the topic when that is read.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import httpx
from confluent_kafka import OFFSET_BEGINNING, Producer, TopicPartition

from callgauge.codec import encode, read_alert_record
from callgauge.errors import BrokerError, StoreError
from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_deploy.data_dir import StackInfo
from callgauge_history.stored_alerts import ALERT_COLUMNS, alert_of
from callgauge_rules.alerts import ended
from callgauge_streams.bus.reader import next_message, open_reader

__all__ = ["REASON", "Episode", "end_former_alerts", "former_alerts"]

REASON = "the local bus was started again: the log that this alert was judged by is gone"
Episode = tuple[str, int]
"""Fingerprint and start, epoch ms, of an episode of an alert."""

_OPEN_SQL = f"SELECT {ALERT_COLUMNS} FROM alerts_latest WHERE state != 'resolved' ORDER BY at, fingerprint LIMIT 10000"  # noqa: S608 (names of ours)
_TIMEOUT_S = 30.0


def former_alerts(rows: Iterable[Sequence[Any]], told: set[Episode], at_ms: int) -> list[Alert]:
    """The transitions to resolved of the alerts that a former bus left.

    Args:
        rows: the store's answer, of alerts that are not resolved.
        told: the episodes that are on this bus.
        at_ms: the present time.
    """
    # The offset of such a transition is of no log.
    alerts = [alert_of(row).model_copy(update={"log": ""}) for row in rows]
    return [
        ended(alert, max(at_ms, round(alert.at * 1000)), -1, REASON) for alert in alerts if _episode(alert) not in told
    ]


def _episode(alert: Alert) -> Episode:
    return alert.fingerprint, round(alert.starts_at * 1000)


def end_former_alerts(settings: Settings, stack: StackInfo, at_ms: int) -> int:
    """Ask the store, end what a former bus left, and return how many alerts that were.

    Raises:
        StoreError: the console of the stack does not answer as it should.
        BrokerError: the bus does not answer.
    """
    rows = _ask(stack, _OPEN_SQL)
    if not rows:
        return 0
    alerts = former_alerts(rows, _told(settings), at_ms)
    _publish(settings, alerts)
    return len(alerts)


def _ask(stack: StackInfo, sql: str) -> list[list[Any]]:
    try:
        # Plain HTTP to this machine: no proxy of the environment, and no certificates, which take long to load.
        with httpx.Client(verify=False, trust_env=False, timeout=_TIMEOUT_S) as client:  # noqa: S501
            headers = {"Authorization": f"Bearer {stack.api_token}"}
            answer = client.post(f"{stack.api_url}/v1/query", json={"sql": sql}, headers=headers)
        body = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise StoreError(f"the console at {stack.api_url} does not answer as it should: {error}") from error
    if answer.status_code != 200:
        raise StoreError(f"the console at {stack.api_url}: {body.get('detail', f'HTTP {answer.status_code}')}")
    rows: list[list[Any]] = body["rows"]
    return rows


def _told(settings: Settings) -> set[Episode]:
    """The episodes on this bus's topic of alerts."""
    topic = settings.topics.alerts
    told: set[Episode] = set()
    with open_reader(settings) as consumer:
        for partition in range(topic.partitions):
            consumer.assign([TopicPartition(topic.name, partition, OFFSET_BEGINNING)])
            while message := next_message(consumer, f"{topic.name}/{partition}"):
                record = read_alert_record(message.value())
                if isinstance(record, Alert):
                    told.add(_episode(record))
    return told


def _publish(settings: Settings, alerts: Iterable[Alert]) -> None:
    failed: list[str] = []
    own = {"enable.idempotence": True, "partitioner": "murmur2_random"}
    producer = Producer(settings.librdkafka() | own)
    for alert in alerts:
        producer.produce(
            settings.topics.alerts.name,
            encode(alert),
            alert.fingerprint.encode(),
            on_delivery=lambda error, _: failed.append(error.str()) if error is not None else None,
        )
    left = producer.flush(_TIMEOUT_S)
    if left or failed:
        why = failed[0] if failed else f"no answer within {_TIMEOUT_S:g} s"
        raise BrokerError(
            f"{left + len(failed)} alerts were not taken by the bus at {settings.bootstrap_servers}: {why}"
        )
