"""`callgauge alerts` and what is below it: what they print, write and refuse, with a bus in memory."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from callgauge.errors import CallgaugeError, StoreError
from callgauge.schema import Alert, AlertAction
from callgauge_deploy import cli
from callgauge_rules.alert_book import AlertBook
from tests.unit.streams.rules.people import T0, acknowledge, episode, silence

CHAT = episode(service="chat\x1b[2J")
SEARCH, OVER = episode(start=50.0, service="search"), episode("resolved", seq=2, service="over")


class Bus:
    """Records in memory: the log that is read, and what was published."""

    def __init__(self) -> None:
        self.records: list[Alert | AlertAction] = [CHAT, SEARCH, OVER, acknowledge(SEARCH, why="me")]
        self.published: list[tuple[AlertAction, int | None]] = []
        self.unreadable = 0

    def __call__(self, _settings: object) -> Bus:
        return self

    def read_to_end(self) -> AlertBook:
        book = AlertBook()
        for record in self.records:
            book.take(record, 3)
        return book

    def close(self) -> None:
        """Nothing is open."""

    def publish(self, action: AlertAction, partition: int | None = None) -> None:
        self.published.append((action, partition))
        self.records.append(action)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bus:
    made = Bus()
    monkeypatch.setattr("callgauge_actions.alert_log.AlertLog", made)
    monkeypatch.setattr("callgauge_actions.publish.Publisher", made)
    monkeypatch.setattr(time, "time", lambda: T0 + 120)
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path))
    return made


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli.app, ["alerts", *arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def refused(*arguments: str) -> str:
    with pytest.raises(CallgaugeError) as error:
        CliRunner().invoke(cli.app, ["alerts", *arguments], catch_exceptions=False)
    return str(error.value)


def rows(output: str) -> list[list[str]]:
    return [line.split("\t") for line in output.splitlines()]


def test_active_alerts(bus: Bus) -> None:
    """The newest first, what is over is not there; control characters are escaped."""
    head, *found = rows(run())
    assert head[:4] == ["id", "state", "severity", "rule"]
    assert [(row[0], row[1], row[4]) for row in found] == [
        (SEARCH.alert_id, "acknowledged", "service=search"),
        (CHAT.alert_id, "firing", "service=chat\\x1b[2J"),
    ]
    assert found[0][5:7] == ["2023-11-14 22:14:10Z", "1m"]
    assert found[0][-1] == "ann: me"
    assert run("--active") == run()


@pytest.mark.parametrize(
    ("aggregate", "value", "shown"),
    [
        ("latency_p95_ms", 3333.3333333333335, "3.33 s"),
        ("error_rate", 1 / 3, "33.3 %"),
        ("cost_usd", 0.1 + 0.2, "$0.3"),
        ("calls", 1234.0, "1,234"),
        ("of a newer version", 2 / 3, "0.6667"),
        ("calls", None, ""),
    ],
)
def test_values_are_readable(bus: Bus, aggregate: str, value: float | None, shown: str) -> None:
    """A few digits and the unit; as JSON they are exact."""
    bus.records = [SEARCH.model_copy(update={"aggregate": aggregate, "value": value})]
    head, row = rows(run())
    assert row[head.index("value")] == shown
    assert json.loads(run("--json"))[0]["value"] == value


def test_active_alerts_as_json(bus: Bus) -> None:
    """Everything, and who did what."""
    bus.publish(silence("service=~chat.*", until=900.0))
    first, second = json.loads(run("--json"))
    assert (first["shown"], first["acknowledged"]["who"], first["fingerprint"]) == (
        "acknowledged",
        "ann",
        SEARCH.fingerprint,
    )
    assert (second["shown"], second["silence"]["silence_id"]) == ("silenced", "s1")


def test_nothing_is_active(bus: Bus) -> None:
    """It says so, and where those of before are."""
    bus.records = [OVER]
    assert run().strip() == "no alert is active; --history shows those of before"
    assert json.loads(run("--json")) == []


def test_history_without_a_store_is_that_of_the_bus(bus: Bus) -> None:
    """With the ends, and who has acknowledged; the reason goes to standard error."""
    done = CliRunner().invoke(cli.app, ["alerts", "--history"])
    assert "the store cannot be asked" in done.stderr
    _, *found = rows(done.stdout)
    assert {(row[0], row[1], bool(row[6]), row[8]) for row in found} == {
        (SEARCH.alert_id, "acknowledged", False, "ann"),
        (CHAT.alert_id, "firing", False, ""),
        (OVER.alert_id, "resolved", True, ""),
    }
    assert run("--history", "--hours", "0").splitlines()[-1] == "no alert fired in the last 0 hours"


def test_history_comes_from_the_store(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """If that can be asked."""
    seen = bus.read_to_end().shown(OVER, T0)
    monkeypatch.setattr("callgauge_deploy.alert_history.stored_history", lambda *_: [(OVER, seen)])
    assert [each["alert_id"] for each in json.loads(run("--history", "--json"))] == [OVER.alert_id]


@pytest.mark.parametrize(("command", "action"), [("ack", "acknowledge"), ("resolve", "resolve")])
def test_alerts_are_acted_on(bus: Bus, command: str, action: str) -> None:
    """Beside the alert; by whom and why; said only when it is written."""
    out = run(command, CHAT.alert_id[:8], "--why", "mine", "--by", "bob")
    assert out == f"{CHAT.alert_id} slow: {action}d by bob\n"
    ((done, partition),) = bus.published
    assert (done.action, done.alert_id, done.who, done.why, done.how, partition) == (
        action, CHAT.alert_id, "bob", "mine", "cli", 3,
    )  # fmt: skip


def test_the_same_again_writes_nothing(bus: Bus) -> None:
    """It says who was first, and that is no failure."""
    assert "was acknowledged by ann" in run("ack", SEARCH.alert_id)
    assert not bus.published


def test_of_several_ids_one_is_wrong(bus: Bus) -> None:
    """Nothing is written."""
    assert "there is no alert 'zzz'" in refused("ack", CHAT.alert_id, "zzz")
    assert not bus.published


def test_silences(bus: Bus) -> None:
    """Made, listed with what they hide, ended, and listed as over."""
    made = run("silence", "service=~chat.*", "--for", "2h", "--why", "load test")
    ((action, partition),) = bus.published
    assert partition is None
    assert made == f"{action.silence_id}: silent until 2023-11-15 00:15:20Z; hides 1 active alert\n"
    _, row = rows(run("silences"))
    assert row[:3] == [action.silence_id, "in force", "service=~chat.*"]
    assert row[5] == "2h"
    (found,) = json.loads(run("silences", "--json"))
    assert found["hides"] == [CHAT.alert_id]
    assert run("unsilence", action.silence_id[:6]) == f"{action.silence_id}: ended\n"
    assert "was over" in run("unsilence", action.silence_id)
    assert run("silences").strip() == "nothing is silenced"
    assert rows(run("silences", "--all"))[1][1] == "over"


def test_one_alert_is_silenced(bus: Bus) -> None:
    """By its id."""
    run("silence", "--alert", CHAT.alert_id)
    assert bus.published[0][0].matchers == ["rule=slow", f"service={CHAT.labels['service']}"]


@pytest.mark.parametrize(
    "arguments",
    [["silence"], ["silence", "service=a", "--alert", "x"], ["silence", "service=a", "--for", "2 hours"]],
)
def test_wrong_arguments(bus: Bus, arguments: list[str]) -> None:
    """Told as such, with exit code 2."""
    run(*arguments, code=2)
    assert not bus.published


def test_what_the_broker_did_not_take_is_not_said_to_be_done(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error instead."""

    def fails(*_: Any) -> None:
        raise StoreError("not acknowledged")

    monkeypatch.setattr(bus, "publish", fails)
    assert refused("ack", CHAT.alert_id) == "not acknowledged"
