"""A local stack that is started again on its folder ends the alerts of its former bus."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from callgauge.codec import encode
from callgauge.schema import Alert
from callgauge.settings import load_settings
from callgauge_deploy.former_alerts import REASON, _ask
from callgauge_deploy.process import wait_until
from callgauge_deploy.stack import LocalStack

LATEST = "SELECT rule, state, seq, reason FROM alerts_latest ORDER BY rule"


def alert(rule: str, state: Any) -> Alert:
    now = time.time()
    return Alert(
        alert_id=f"id-{rule}", fingerprint=f"f-{rule}", seq=0, state=state, rule=rule, severity="critical",
        labels={"service": "chat"}, starts_at=now, at=now, fired_at=None if state == "pending" else now,
        aggregate="error_rate", lookback_s=300.0, op="gt", threshold=0.05, value=0.5, n=20, summary=f"{rule} is wrong",
        log="former/windows/0", offset=1,
    )  # fmt: skip


@pytest.mark.only_long
def test_a_restart_ends_what_the_former_bus_left_firing(tmp_path: Path) -> None:
    """In the store and for those who are told; what had not fired is ended too, and told to nobody."""
    said: list[str] = []
    shown: list[str] = []

    def stack() -> LocalStack:
        return LocalStack(
            load_settings(), data_dir=tmp_path, with_gateway=False, say=said.append, show_alert=shown.append
        )

    def latest(running: LocalStack) -> list[list[Any]]:
        return _ask(running.info, LATEST)

    with stack() as running:
        producer = Producer(running.settings.librdkafka())
        for each in (alert("firing_one", "firing"), alert("pending_one", "pending")):
            producer.produce(running.settings.topics.alerts.name, encode(each), each.fingerprint.encode())
        assert producer.flush(30) == 0
        assert wait_until(lambda: len(latest(running)) == 2, 60, poll_s=0.2)
        assert wait_until(lambda: any("firing_one is wrong" in line for line in shown), 60, poll_s=0.2)
    assert said == []
    shown.clear()
    with stack() as running:
        ended = [["firing_one", "resolved", 1, REASON], ["pending_one", "resolved", 1, REASON]]
        assert wait_until(lambda: latest(running) == ended, 60, poll_s=0.2), latest(running)
        assert wait_until(lambda: any("firing_one" in line for line in shown), 60, poll_s=0.2)
        assert not any("pending_one" in line for line in shown)
    assert said == ["2 alerts of the former bus ended: what they were judged by is gone"]
    said.clear()
    with stack() as running:
        assert latest(running) == ended
    assert said == []
