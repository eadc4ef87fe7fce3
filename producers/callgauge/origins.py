"""Where the records of a topic come from: the ids that the cluster and the topic keep for as long as they live.

A source is named by them ("cluster id/topic id/partition"), so that a topic made anew, or another cluster, is another
source and overwrites nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from callgauge.errors import BrokerError
from callgauge.settings import Settings

__all__ = ["Origin", "describe_origins"]


@dataclass(frozen=True)
class Origin:
    """A topic as it is now."""

    id: str
    """ "cluster id/topic id"."""
    partitions: int


def describe_origins(settings: Settings, topics: Iterable[str]) -> dict[str, Origin]:
    """The origin of each topic, by its name.

    The answer holds until a topic is made anew; whoever keeps it is started again then.

    Raises:
        BrokerError: the cluster cannot be reached, or a topic is missing.
    """
    names = list(topics)
    # Once asked, once answered: the error says what librdkafka would print many times a second.
    admin = AdminClient(settings.librdkafka() | {"log_level": 0})
    try:
        cluster = admin.describe_cluster(request_timeout=30).result().cluster_id
        found = admin.describe_topics(TopicCollection(names), request_timeout=30)
        topics_found = {name: found[name].result() for name in names}
    except KafkaException as error:
        raise BrokerError(
            f"topics {' and '.join(names)} at {settings.bootstrap_servers}: {error.args[0].str()}; "
            "is the broker up, and did `callgauge topics` make the topics?"
        ) from error
    return {name: Origin(f"{cluster}/{topic.topic_id}", len(topic.partitions)) for name, topic in topics_found.items()}
