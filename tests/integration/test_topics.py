"""The topics are made once, as asked for, on both brokers; what exists is reported and left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource

from callgauge.errors import BrokerError
from callgauge.settings import Settings, load_settings
from callgauge_deploy.topics import Difference, ensure_topics
from tests.brokers import Broker, free_port


def config_of(settings: Settings, topic: str) -> dict[str, str]:
    admin = AdminClient(settings.librdkafka())
    (answer,) = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)]).values()
    return {name: str(entry.value) for name, entry in answer.result(20).items()}


def partitions_of(settings: Settings) -> dict[str, int]:
    admin = AdminClient(settings.librdkafka())
    topics = admin.list_topics(timeout=20).topics
    return {topic.name: len(topics[topic.name].partitions) for topic in settings.topics.all()}


def test_all_topics_are_made_as_asked(settings: Settings) -> None:
    """Partitions, retention, compaction and timestamps are those of the settings."""
    assert ensure_topics(settings) == []
    assert partitions_of(settings) == {topic.name: topic.partitions for topic in settings.topics.all()}
    for topic in settings.topics.all():
        found = config_of(settings, topic.name)
        assert {key: found[key] for key in topic.config()} == topic.config()


def test_a_second_run_changes_nothing(settings: Settings) -> None:
    """Making topics is idempotent."""
    ensure_topics(settings)
    assert ensure_topics(settings) == []


def test_a_difference_is_told_and_left(broker: Broker, settings_of: Callable[..., Settings]) -> None:
    """Other partition counts are named, with what was found, and stay."""
    ensure_topics(settings_of(broker, partitions=1))
    wanted = settings_of(broker, partitions=3)
    topics = wanted.topics
    expected = [Difference(t.name, "partitions", "3", "1") for t in (topics.calls, topics.scores, topics.content)]
    assert ensure_topics(wanted) == expected
    assert partitions_of(wanted)[topics.calls.name] == 1


def test_an_unreachable_broker_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what, where and what to do."""
    monkeypatch.setattr("callgauge_deploy.topics.TIMEOUT_S", 0.5)
    bootstrap = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerError, match=rf"cannot list the topics on {bootstrap}.*CALLGAUGE_BOOTSTRAP_SERVERS"):
        ensure_topics(load_settings(bootstrap_servers=bootstrap))


@pytest.mark.kafka
def test_a_refusal_is_an_error(kafka: Broker, settings_of: Callable[..., Settings]) -> None:
    """More replicas than brokers: the broker's word is in the message."""
    settings = settings_of(kafka, replication_factor=3)
    with pytest.raises(BrokerError, match=rf"cannot make topic {settings.topics.calls.name}.*[Rr]eplication"):
        ensure_topics(settings)
