"""Against a real Alertmanager: our alerts appear there, stay as long as they fire, resolve, and are silenced there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_notify.grouping.notice import Item
from callgauge_notify.receivers.alertmanager import AlertmanagerReceiver, alert_for_alertmanager
from callgauge_notify.routing.receiver_kinds import AlertmanagerSpec
from tests.alertmanager import Alertmanager, AlertmanagerMissing, start_alertmanager
from tests.brokers import Broker, in_ci
from tests.notifying import running, send_alerts
from tests.unit.sinks.notify.alerts import alert, notice
from tests.unit.sinks.notify.http_stub import local_web

pytestmark = pytest.mark.xdist_group("Alertmanager")  # one for all of them


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """Skipped without one, an error in CI."""
    try:
        with start_alertmanager(tmp_path_factory.mktemp("alertmanager")) as made:
            yield made
    except AlertmanagerMissing as error:
        if in_ci():
            raise
        pytest.skip(str(error))


def receiver_of(alertmanager: Alertmanager) -> AlertmanagerReceiver:
    return AlertmanagerReceiver(AlertmanagerSpec(name="am", url=SecretStr(alertmanager.url)), local_web())


def recent(state: str = "firing", **changes: Any) -> Any:
    now = time.time()
    ends_at = now - 5 if state == "resolved" else None
    return alert(state, start=now - 120, ends_at=ends_at, **changes)


def test_our_alerts_appear_and_resolve(alertmanager: Alertmanager) -> None:
    """With their labels and annotations; it ends five minutes ahead while it fires."""
    receiver, labels = receiver_of(alertmanager), {"service": "appear", "model": "gpt-4o"}
    before = time.time()
    receiver.deliver(notice(recent(labels=labels, runbook="https://wiki/slow", severity="error")))
    found = alertmanager.alerts()["slow/appear"]
    assert found["labels"] == {"alertname": "slow", "severity": "error", "service": "appear", "model": "gpt-4o"}
    assert found["annotations"]["runbook_url"] == "https://wiki/slow"
    assert found["generatorURL"] == "https://wiki/slow"
    assert before + 299 < datetime.fromisoformat(found["endsAt"]).timestamp() <= time.time() + 300
    receiver.deliver(notice(recent("resolved", labels=labels, severity="error")))
    assert "slow/appear" not in alertmanager.alerts()


def test_it_takes_whatever_detect_makes(alertmanager: Alertmanager) -> None:
    """An end before the start, times ahead, empty and odd values of labels, no value: never a 400."""
    now = time.time()
    odd = [
        alert("resolved", start=now - 10, ends_at=now - 100, labels={"service": "o1"}),
        alert(start=now + 1_000, labels={"service": "o2"}),
        alert(start=now, labels={"service": "", "model": 'a"b\\c\n\x00 ü'}, value=None, rule="odd-rule"),
    ]
    receiver_of(alertmanager).deliver(notice(*odd))
    assert "slow/o2" in alertmanager.alerts()


def test_its_own_silences_work(alertmanager: Alertmanager) -> None:
    """A silence of the service suppresses our alert there."""
    now = datetime.now(UTC)
    silence = {
        "matchers": [{"name": "service", "value": "quiet", "isRegex": False, "isEqual": True}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "test",
        "comment": "known",
    }
    alertmanager.ask("/api/v2/silences", silence)
    receiver_of(alertmanager).deliver(notice(recent(labels={"service": "quiet"}), recent(labels={"service": "loud"})))

    def audible() -> set[str]:
        return set(alertmanager.alerts("silenced=false"))

    assert wait_until(lambda: "slow/loud" in audible() and "slow/quiet" not in audible(), 60)
    assert "slow/quiet" in alertmanager.alerts()


def test_what_fires_is_sent_again() -> None:
    """Each time its end moves ahead, four times the interval or five minutes."""
    ends = [
        alert_for_alertmanager(Item(alert()), now, resend_s)["endsAt"]
        for now, resend_s in ((1.7e9 + 60, 60.0), (1.7e9 + 120, 60.0), (1.7e9 + 120, 300.0))
    ]
    assert ends == ["2023-11-14T22:19:20.000Z", "2023-11-14T22:20:20.000Z", "2023-11-14T22:35:20.000Z"]


def test_over_restarts_of_both(
    tansu: Broker, alertmanager: Alertmanager, settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    """The notifier is killed and Alertmanager, which forgets its alerts, starts anew: the alert is there again within
    `resend`, though nothing new was read; its end reaches Alertmanager, too."""
    (tmp_path / "routes.yaml").write_text(
        f"receivers: [{{name: am, type: alertmanager, url: '{alertmanager.url}', resend: 1s}}]\n"
        "routes: [{name: am, receiver: am}]\n"
    )
    settings: Settings = settings_of(
        tansu, routes_file=tmp_path / "routes.yaml", notify_allow_http=True, notify_allow_hosts="127.0.0.1"
    )
    ensure_topics(settings)
    labels = {"service": "restarts"}
    begun = recent(labels=labels)
    with running(settings, tmp_path) as process:
        send_alerts(settings, [begun])
        assert wait_until(lambda: "slow/restarts" in alertmanager.alerts(), 60)
        process.kill()
        process.wait()
        alertmanager.stop()
        alertmanager.start()
        assert "slow/restarts" not in alertmanager.alerts()
        process.start()
        assert wait_until(lambda: "slow/restarts" in alertmanager.alerts(), 60)
        over = begun.model_copy(update={"state": "resolved", "seq": 2, "ends_at": time.time()})
        send_alerts(settings, [over])
        assert wait_until(lambda: "slow/restarts" not in alertmanager.alerts(), 60)
