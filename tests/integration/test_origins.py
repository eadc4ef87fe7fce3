"""What names a source: the ids of cluster and topic."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka.admin import AdminClient

from callgauge.errors import BrokerError
from callgauge.origins import Origin, describe_origins
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker


def origin_of(settings: Settings, topic: str) -> Origin:
    return describe_origins(settings, [topic])[topic]


def test_a_topic_made_anew_is_another_origin(broker: Broker, settings_of: Callable[..., Settings]) -> None:
    """Under the same name in the same cluster; without that, the origin stays."""
    settings = settings_of(broker, partitions=3)
    ensure_topics(settings)
    name = settings.topics.calls.name
    first = origin_of(settings, name)
    assert (first.partitions, first.id.count("/") >= 1) == (3, True)
    assert origin_of(settings, name) == first

    admin = AdminClient(settings.librdkafka())
    admin.delete_topics([name])[name].result()

    def made() -> bool:
        try:
            ensure_topics(settings)
            return origin_of(settings, name).id != first.id
        except BrokerError:
            return False

    assert wait_until(made, 60, poll_s=0.3)


def test_what_is_missing_is_named(broker: Broker, settings_of: Callable[..., Settings]) -> None:
    """With the address and what to do."""
    settings = settings_of(broker)
    with pytest.raises(BrokerError, match=rf"topics nobody.made.it at {broker.bootstrap}: .*callgauge topics"):
        describe_origins(settings, ["nobody.made.it"])
