"""Replay loses nothing, keeps the pace, and says clearly what the bus refused."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # mypy: admin uses the name without exporting it

from callgauge import BrokerError, Call, Settings, load_settings
from callgauge_load import replay
from tests.brokers import Broker


@pytest.fixture
def bus(tansu: Broker, settings_of: Callable[..., Settings]) -> Settings:
    """Settings with a calls topic of their own."""
    settings = settings_of(tansu)
    admin, topic = AdminClient(settings.librdkafka()), settings.topics.calls.name
    admin.create_topics([NewTopic(topic, 4, 1)])[topic].result(10)
    return settings


def trace(count: int, step_s: float = 0.1) -> list[Call]:
    return [Call(event_id=f"e{i}", ts=1.7e9 + i * step_s, service="s") for i in range(count)]


def test_all_calls_are_produced(bus: Settings) -> None:
    """5,000 calls as fast as possible: all confirmed, progress told on the way and at the end."""
    told: list[int] = []
    result = replay(trace(5_000), bus, on_progress=told.append)
    assert (result.produced, result.failed) == (5_000, 0)
    assert len(told) == 6
    assert told == sorted(told)
    assert told[-1] == 5_000


def test_pace_is_kept(bus: Settings) -> None:
    """A second of trace at ten times its speed takes a tenth of a second, not less."""
    started = time.monotonic()
    assert replay(trace(11), bus, speed=10.0).produced == 11
    assert time.monotonic() - started >= 0.1


def test_a_call_too_large_is_counted(bus: Settings) -> None:
    """One call the bus cannot take does not end the replay."""
    large = Call(event_id="large", ts=1.7e9, service="s", tags={"x": "y" * 2_000_000})
    result = replay([large, *trace(3)], bus)
    assert (result.produced, result.failed) == (3, 1)
    assert result.reasons == {"MSG_SIZE_TOO_LARGE": 1}


def test_missing_topic_is_named(tansu: Broker, settings_of: Callable[..., Settings]) -> None:
    """A bus without callgauge's topics is refused before anything is sent."""
    settings = settings_of(tansu)
    with pytest.raises(BrokerError, match=f"has no topic {settings.topics.calls.name}"):
        replay(trace(1), settings)


def test_unreachable_bus_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens there: BrokerError names the address and the setting."""
    monkeypatch.setattr("callgauge_load.publish.CONNECT_S", 0.5)
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1 .*CALLGAUGE_BOOTSTRAP_SERVERS"):
        replay(trace(1), load_settings(bootstrap_servers="127.0.0.1:1"))
