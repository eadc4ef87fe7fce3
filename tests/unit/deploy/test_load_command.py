"""`callgauge load`: what it says it sent is on the bus, and the truth is in the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callgauge import Settings
from callgauge.codec import decode_call, decode_score
from callgauge.errors import SettingError
from callgauge.topics import Topic
from callgauge_deploy import cli
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker
from tests.chaos.topic import read_topic
from tests.unit.deploy.test_extras import command_with, run_with


@pytest.fixture
def bus(tansu: Broker, settings_of: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A bus with callgauge's topics, which the environment names."""
    settings = settings_of(tansu)
    ensure_topics(settings)
    monkeypatch.setenv("CALLGAUGE_BOOTSTRAP_SERVERS", settings.bootstrap_servers)
    monkeypatch.setenv("CALLGAUGE_TOPIC_PREFIX", settings.topic_prefix)
    return settings


def values_of(settings: Settings, topic: Topic) -> list[bytes]:
    """All that a topic holds."""
    return [message.value() or b"" for message in read_topic(settings, topic)]


def test_what_it_sends_is_on_the_bus(bus: Settings, tmp_path: Path) -> None:
    """Calls, scores and changes of breakers arrive once each; the truth names the incidents."""
    file = tmp_path / "truth.json"
    options = ["--rate", "20", "--services", "5", "--seconds", "120", "--speed", "0", "--seed", "3"]
    incidents = ["--incident", "breaker_opens@30s+1m", "--incident", "traffic_stops@1m+1m:service=chat-01"]
    result = CliRunner().invoke(cli.app, ["load", *options, *incidents, "--truth", str(file)])
    assert result.exit_code == 0, result.output
    calls = values_of(bus, bus.topics.calls)
    scores = values_of(bus, bus.topics.scores)
    assert result.output.startswith(f"{len(calls) + len(scores):,} messages")
    assert len({decode_call(value).event_id for value in calls}) == len(calls) > 1_000
    kinds = {type(decode_score(value)).__name__ for value in scores}
    assert kinds == {"ScoreCounted", "StateChangeCounted"}
    told = json.loads(file.read_text())
    assert [each["kind"] for each in told["incidents"]] == ["breaker_opens", "traffic_stops"]
    stopped = told["incidents"][1]
    assert stopped["calls_after"] == 0 < stopped["calls_before"]
    chat = [call.ts for call in map(decode_call, calls) if call.service == "chat-01"]
    assert not [ts for ts in chat if stopped["start_s"] <= ts < stopped["end_s"]]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--incident", "provider_dwn@1s+5s"], "did you mean provider_down?"),
        (["--seconds", "5", "--days", "1"], "give one of them"),
        (["--rate", "0.001", "--services", "100"], "too few"),
        (["--rate", "inf"], "write calls per second"),
        (["--truth", "/no-such-folder/truth.json"], "there is no folder /no-such-folder"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(options: list[str], told: str) -> None:
    """In one line."""
    result = CliRunner().invoke(cli.app, ["load", *options])
    assert isinstance(result.exception, SettingError)
    assert told in str(result.exception)
    assert "\n" not in str(result.exception)


def test_kinds_are_listed() -> None:
    """With what their severity means."""
    result = CliRunner().invoke(cli.app, ["load", "--kinds"])
    assert result.exit_code == 0
    assert "provider_down" in result.output
    assert len(result.output.splitlines()) >= 20


def test_its_extra_is_asked_for() -> None:
    """With the command alone; with the extra it needs nothing of streams."""
    result = command_with({"cli"}, "load", "--kinds")
    assert "is not installed: pip install 'callgauge[load]'\n" in result.stderr
    assert command_with({"cli", "load"}, "load", "--kinds").returncode == 0
    program = "import callgauge_load.incidents.spec, callgauge_load.made_load, callgauge_load.send"
    assert run_with({"load"}, program).returncode == 0
